/** Open shells on real terminals that follow their project's files. Needs the mirror. */

import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findProgram, skip } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import { processesOf, storeFaults } from "./aftermath.ts";
import { Installation } from "./installation.ts";
import { TerminalSession } from "./terminal-session.ts";

const installation = new Installation();
const hasHelper = existsSync(join(import.meta.dirname, "../../build/native/devenv-helper"));

test.after.always(() => installation.remove());

let lock: string | undefined;

/** A project whose changes are taken without being asked, and an open shell in it. */
async function open(
	t: ExecutionContext,
	name: string,
	options: { readonly text?: string; readonly allow?: boolean; readonly shell?: string } = {},
): Promise<
	{ readonly folder: string; readonly terminal: TerminalSession; readonly write: (text: string) => void } | undefined
> {
	const { text = "packages: [hello]\nenv: { COLOR: red }\n", allow = true } = options;
	const folder = installation.project(name, {
		"env.yaml": text,
		...(lock === undefined ? {} : { "env.lock": lock }),
	});
	const entered = await installation.devenv(["shell", "--", "true"], { cwd: folder });
	t.is(entered.code, 0, entered.stderr);
	lock ??= readFileSync(join(folder, "env.lock"), "utf8");
	if (allow) t.is((await installation.devenv(["allow", "--always"], { cwd: folder })).code, 0);
	const terminal = TerminalSession.start(installation, {
		cwd: folder,
		...(options.shell === undefined ? {} : { env: { SHELL: options.shell } }),
	});
	if (terminal === undefined) {
		skip(t, "no tmux");
		return undefined;
	}
	t.teardown(() => {
		terminal.end();
	});
	await terminal.until(new RegExp(`\\(${name}\\)`));
	return {
		folder,
		terminal,
		write: (changed) => {
			// As editors do: a new file takes the place of the old one.
			writeFileSync(join(folder, ".env.yaml.new"), changed);
			renameSync(join(folder, ".env.yaml.new"), join(folder, "env.yaml"));
		},
	};
}

for (const shell of ["bash", "zsh", "fish"] as const) {
	test.serial(`network: ${shell}: variables and packages come and go at the prompt`, async (t) => {
		t.timeout(600_000);
		const program = findProgram(shell);
		if (program === undefined) {
			skip(t, `no ${shell}`);
			return;
		}
		const packages = shell === "bash" ? "" : `, ${shell}`;
		const opened = await open(t, `live-${shell}`, {
			text: `packages: [hello${packages}]\nenv: { COLOR: red }\n`,
			shell: program,
		});
		if (opened === undefined) return;
		const { terminal, write } = opened;
		t.regex(await terminal.run("echo $COLOR"), /red/);
		write(`packages: [hello${packages}]\nenv: { COLOR: blue, SIZE: large }\naliases: { hue: 'echo hue:' }\n`);
		await terminal.untilPrompted(/devenv: .*env COLOR.*env SIZE.*\+ alias hue/);
		t.regex(await terminal.run("hue $COLOR $SIZE"), /hue: blue large/);
		write(`packages: [hello${packages}]\nenv: { COLOR: blue, SIZE: large }\n`);
		await terminal.untilPrompted(/devenv: - alias hue/);
		t.notRegex(await terminal.run("hue $COLOR"), /hue: blue/);
		if (!hasHelper) return;
		write(`packages: [hello, figlet${packages}]\nenv: { COLOR: blue }\n`);
		await terminal.untilPrompted(/devenv: \+ figlet [0-9.]+.*- env SIZE/);
		t.regex(
			await terminal.run('command -v figlet; figlet -v | grep -c Glenn; echo "$SIZE"none'),
			/\/usr\/bin\/figlet\s+[1-9]\s+none/,
		);
		write(`packages: [hello${packages}]\nenv: { COLOR: blue }\n`);
		await terminal.untilPrompted(/devenv: - figlet/);
		t.regex(
			await terminal.run("test -e /usr/bin/figlet; or echo gone".replace("; or", shell === "fish" ? "; or" : " ||")),
			/gone/,
		);
	});
}

test.serial(
	"network: a change that is not allowed waits, one that fails is said once, and both leave the shell as it is",
	async (t) => {
		t.timeout(600_000);
		// Contents that no other test allows: what is allowed in one folder is allowed in all.
		const opened = await open(t, "waiting", {
			text: "packages: [hello]\nenv: { COLOR: red, OWN: yes }\n",
			allow: false,
		});
		if (opened === undefined) return;
		const { folder, terminal, write } = opened;
		write("packages: [hello]\nenv: { COLOR: green, OWN: yes }\n");
		await terminal.untilPrompted(/devenv: env COLOR: `devenv allow` takes it/);
		t.regex(await terminal.run("echo $COLOR"), /red/);
		// From outside, and from inside the shell.
		t.is(
			(await installation.devenv(["allow"], { cwd: folder })).stdout.split("\n")[0],
			"Allowed: what this project's files say now.",
		);
		await terminal.untilPrompted(/devenv: env COLOR\n/);
		t.regex(await terminal.run("echo $COLOR"), /green/);

		write("packages: [hello]\nenv: { COLOR: green\n");
		const screen = await terminal.untilPrompted(/error\[ENV_YAML[^\]]*\][\s\S]*the environment stays as it was/);
		t.is(screen.split("the environment stays as it was").length, 2, screen);
		t.regex(await terminal.run("echo $COLOR"), /green/);
		// Back to what was allowed.
		write("packages: [hello]\nenv: { COLOR: red, OWN: yes }\n");
		await terminal.untilPrompted(/devenv: env COLOR: `devenv allow` takes it[\s\S]*devenv: env COLOR: `devenv allow`/);
		t.is((await installation.devenv(["revoke"], { cwd: folder })).code, 0);
		write("packages: [hello]\nenv: { COLOR: pink, OWN: yes }\n");
		await terminal.untilPrompted(/`devenv revoke` was used here/);
		t.regex(await terminal.run("echo $COLOR"), /green/);
	},
);

test.serial("network: reload: manual waits for `devenv reload`", async (t) => {
	t.timeout(600_000);
	const opened = await open(t, "manual", { text: "packages: [hello]\nreload: manual\nenv: { COLOR: red }\n" });
	if (opened === undefined) return;
	const { folder, terminal, write } = opened;
	write("packages: [hello]\nreload: manual\nenv: { COLOR: blue }\n");
	await terminal.untilPrompted(/devenv: env COLOR: waits for `devenv reload`/);
	t.regex(await terminal.run("echo $COLOR"), /red/);
	const { stdout, stderr } = await installation.devenv(["reload"], { cwd: folder });
	t.is(stdout, "1 shell takes at the next prompt: env COLOR\n", stderr);
	t.regex(await terminal.run("true"), /^/);
	t.regex(await terminal.run("echo $COLOR"), /blue/);
});

test.serial(
	"network: shells of an ended daemon are found by the next, and an ended shell leaves nothing",
	async (t) => {
		t.timeout(600_000);
		const opened = await open(t, "found", {});
		if (opened === undefined) return;
		const { folder, terminal, write } = opened;
		process.kill(await installation.daemonPid(), "SIGKILL");
		write("packages: [hello]\nenv: { COLOR: blue }\n");
		// Any command starts a daemon; so does the next interactive shell.
		t.is((await installation.devenv(["daemon", "start"], { cwd: folder })).code, 0);
		await terminal.untilPrompted(/devenv: env COLOR/);
		t.regex(await terminal.run("echo $COLOR"), /blue/);
		const pid = (await terminal.run("echo $$")).trim();
		const files = (): string[] =>
			readdirSync(join(installation.home, "run/shells")).filter((name) => name.startsWith(`${pid}.`));
		t.true(files().length > 0);
		terminal.type("exit");
		for (let turn = 0; turn < 300 && files().length > 0; turn++) await sleep(100);
		t.deepEqual(files(), []);
		t.true(processesOf(installation).length > 0);
	},
);

test.serial("network: what a killed daemon had not registered yet is registered by the next one", async (t) => {
	t.timeout(600_000);
	const opened = await open(t, "placed", {});
	if (opened === undefined) return;
	const { folder, terminal, write } = opened;
	const root = join(installation.home, "root");
	const placed = (): string[] => readdirSync(join(root, "nix/var/nix/devenv/placed"));
	const packages = ["hello"];
	// Where the daemon was faster than this process, the next package is tried.
	for (const name of ["tree", "pv", "jo", "entr"]) {
		packages.push(name);
		const daemon = await installation.daemonPid();
		write(`packages: [${packages.join(", ")}]\nenv: { COLOR: red }\n`);
		for (let turn = 0; turn < 120_000 && placed().length < 2; turn++) await sleep(1);
		process.kill(daemon, "SIGKILL");
		if (placed().length === 2) break;
		t.is((await installation.devenv(["daemon", "start"], { cwd: folder })).code, 0);
	}
	const [unregistered] = placed().filter((name) => name.endsWith("-root"));
	t.truthy(unregistered, "killed between placing and registering");
	t.is((await installation.devenv(["daemon", "start"], { cwd: folder })).code, 0);
	await terminal.untilPrompted(new RegExp(`devenv: .*\\+ ${packages.at(-1) ?? ""} `));
	for (let turn = 0; turn < 300 && placed().length > 0; turn++) await sleep(100);
	t.deepEqual(placed(), []);
	t.regex(await terminal.run(`command -v ${packages.at(-1) ?? ""}`), /\/usr\/bin\//);
	const mounts = readFileSync(`/proc/${(await terminal.run("echo $$")).trim()}/mountinfo`, "utf8");
	t.true(mounts.includes(unregistered ?? "?"), "the root was not made again");
	t.deepEqual(await storeFaults(root), []);
	if (findProgram("nix-store") === undefined) {
		skip(t, "no nix-store");
		return;
	}
	const judged = await installation.run(["nix-store", "--verify", "--check-contents", "--store", root]);
	t.is(judged.code, 0, judged.stderr);
});
