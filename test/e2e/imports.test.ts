/** Projects that import other folders' env.yaml. Needs the mirror. */

import { join } from "node:path";
import { skip } from "@devenv/test-support";
import test from "ava";
import { Installation, launcher } from "./installation.ts";
import { TerminalSession } from "./terminal-session.ts";

const installation = new Installation();
const shared = (color: string): string => `packages: [hello]\nenv: { COLOR: ${color}, SIZE: small }\n`;
const project = installation.project("project", {
	"env.yaml": "imports: [./shared]\nenv: { SIZE: large }\n",
	"shared/env.yaml": shared("red"),
});
const sharedFile = join(project, "shared/env.yaml");
const devenv = (...args: string[]) => installation.devenv(args, { cwd: project });
const show = ["shell", "--", "sh", "-c", 'hello && echo "$COLOR $SIZE"'];

test.after.always(() => installation.remove());

test.serial("network: what is imported is entered, and a change of it is seen", async (t) => {
	t.timeout(600_000);
	const first = await devenv(...show);
	t.is(first.stdout, "Hello, world!\nred large\n", first.stderr);
	t.is((await devenv(...show)).stdout, "Hello, world!\nred large\n");
	installation.write(sharedFile, shared("blue"));
	t.is((await devenv(...show)).stdout, "Hello, world!\nblue large\n");
	installation.write(sharedFile, "pakages: [hello]\n");
	const broken = await devenv(...show);
	t.not(broken.code, 0);
	t.regex(broken.stderr, /ENV_UNKNOWN_KEY[^]*shared\/env\.yaml:1:1/);
});

test.serial("network: an open shell waits for consent to what an import says, and outlives a broken one", async (t) => {
	t.timeout(600_000);
	installation.write(sharedFile, shared("red"));
	t.is((await devenv("allow")).code, 0);
	const terminal = TerminalSession.start(installation, { cwd: project, command: [launcher, "shell"] });
	if (terminal === undefined) {
		skip(t, "no tmux");
		return;
	}
	t.teardown(() => {
		terminal.end();
	});
	await terminal.until(/\(project\)/);
	t.regex(await terminal.run("echo is $COLOR"), /is red/);
	installation.write(sharedFile, "pakages: [hello]\n");
	await terminal.untilPrompted(/ENV_UNKNOWN_KEY/);
	installation.write(sharedFile, shared("green"));
	await terminal.untilPrompted(/devenv allow/);
	t.regex(await terminal.run("echo still $COLOR"), /still red/);
	t.is((await devenv("allow")).code, 0);
	await terminal.untilPrompted(/devenv: env COLOR\n/);
	t.regex(await terminal.run("echo now $COLOR"), /now green/);
});
