/** Environments chosen by `--profile`. Needs the mirror. */

import { join } from "node:path";
import { skip } from "@devenv/test-support";
import test from "ava";
import { Installation, launcher } from "./installation.ts";
import { TerminalSession } from "./terminal-session.ts";

const installation = new Installation();
const text = (color: string): string => `packages: [hello]
env: { COLOR: red, SIZE: small }
scripts: { show: 'echo "plain $COLOR"' }
profiles:
  ci:
    env: { COLOR: ${color} }
    scripts: { show: 'echo "ci $COLOR $1"' }
`;
const project = installation.project("project", { "env.yaml": text("blue") });
const devenv = (...args: string[]) => installation.devenv(args, { cwd: project });
const show = ["--", "sh", "-c", 'echo "$COLOR $SIZE $DEVENV_PROFILE"'];

test.after.always(() => installation.remove());

test.serial("network: a profile's environment and the plain one are kept apart", async (t) => {
	t.timeout(600_000);
	const chosen = await devenv("shell", "--profile", "ci", ...show);
	t.is(chosen.stdout, "blue small ci\n", chosen.stderr);
	// Each twice: the second entry is by its stamp, where there is one.
	for (let turn = 0; turn < 2; turn++) {
		t.is((await devenv("shell", ...show)).stdout, "red small default\n");
		t.is((await devenv("shell", "--profile", "ci", ...show)).stdout, "blue small ci\n");
	}
	t.is((await devenv("run", "--profile", "ci", "show", "--profile")).stdout, "ci blue --profile\n");
	t.is((await devenv("run", "--profile=ci", "show", "-x")).stdout, "ci blue -x\n");
	t.is((await devenv("run", "show")).stdout, "plain red\n");
	const unknown = await devenv("shell", "--profile", "cj", ...show);
	t.not(unknown.code, 0);
	t.regex(unknown.stderr, /ENV_PROFILE_UNKNOWN[^]*did you mean 'ci'\?/);
});

test.serial("network: an open shell follows changes of its profile", async (t) => {
	t.timeout(600_000);
	t.is((await devenv("allow", "--always")).code, 0);
	const terminal = TerminalSession.start(installation, {
		cwd: project,
		command: [launcher, "shell", "--profile", "ci"],
	});
	if (terminal === undefined) {
		skip(t, "no tmux");
		return;
	}
	t.teardown(() => {
		terminal.end();
	});
	await terminal.until(/\(project\)/);
	t.regex(await terminal.run("echo $COLOR $DEVENV_PROFILE"), /blue ci/);
	installation.write(join(project, "env.yaml"), text("green"));
	await terminal.untilPrompted(/devenv: env COLOR/);
	t.regex(await terminal.run("echo $COLOR $DEVENV_PROFILE"), /green ci/);
	t.is((await devenv("shell", ...show)).stdout, "red small default\n");
});
