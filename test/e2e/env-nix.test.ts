/** Projects with an env.nix. Needs the mirror. */

import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { skip } from "@devenv/test-support";
import test from "ava";
import { Installation, launcher } from "./installation.ts";
import { TerminalSession } from "./terminal-session.ts";

const installation = new Installation();
const module = (color: string): string => `{ pkgs, config, profile, ... }: {
	packages = [ pkgs.figlet (pkgs.jo.override { version = "99"; }) ];
	env.COLOR = "${color} of \${config.env.SIZE}";
	env.HELLO = "\${pkgs.hello}/usr/bin/hello";
	scripts.greet.exec = ''"$HELLO" -g "$COLOR"'';
	processes.web = ''echo "web $COLOR"; exec sleep 600'';
	profiles.ci.env.CI = profile;
}
`;
const project = installation.project("project", {
	"env.yaml": "packages: [busybox]\nenv: { SIZE: large }\n",
	"env.nix": module("red"),
});
const devenv = (...args: string[]) => installation.devenv(args, { cwd: project });

test.after.always(() => installation.remove());

test.serial("network: env.nix is entered, run, listed and edited beside", async (t) => {
	t.timeout(600_000);
	t.teardown(() => devenv("down"));
	const show = ["shell", "--", "sh", "-c", 'greet; figlet -I1 && "$HELLO" | wc -l'];
	const first = await devenv(...show);
	t.regex(first.stdout, /^red of large\n\d+\n1\n$/, first.stderr);
	t.is((await devenv(...show)).stdout, first.stdout);
	t.is((await devenv("run", "greet")).stdout, "red of large\n");
	t.is((await devenv("shell", "--profile", "ci", "--", "sh", "-c", 'echo "$CI"')).stdout, "ci\n");
	const info = JSON.parse((await devenv("info", "--json")).stdout) as { packages: { name: string; version: string }[] };
	t.deepEqual(
		info.packages.map(({ name, version }) => (name === "jo" ? `${name} ${version}` : name)),
		["busybox", "figlet", "jo 99"],
	);
	t.is((await devenv("up", "-d")).code, 0);
	t.is((await devenv("processes", "wait", "--timeout", "60")).code, 0);
	t.is((await devenv("processes", "logs", "web")).stdout, "web red of large\n");
	t.is((await devenv("down")).code, 0);
	const added = await devenv("add", "hello");
	t.is(added.code, 0, added.stderr);
	t.regex(readFileSync(join(project, "env.yaml"), "utf8"), /^packages: \[busybox, hello\]$/m);
	t.is((await devenv("shell", "--", "hello")).stdout, "Hello, world!\n");
});

test.serial("network: an open shell waits for consent to what env.nix says, and follows it", async (t) => {
	t.timeout(600_000);
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
	t.regex(await terminal.run("echo is $COLOR"), /is red of large/);
	installation.write(join(project, "env.nix"), "{ env.COLOR = ; }");
	await terminal.untilPrompted(/EVAL_SYNTAX/);
	installation.write(join(project, "env.nix"), module("blue"));
	await terminal.untilPrompted(/env COLOR: `devenv allow` takes it/);
	t.is((await devenv("allow")).code, 0);
	await terminal.untilPrompted(/devenv: env COLOR\n/);
	t.regex(await terminal.run("echo now $COLOR"), /now blue of large/);
	rmSync(join(project, "env.nix"));
	await terminal.untilPrompted(/- figlet.*`devenv allow` takes it/);
});
