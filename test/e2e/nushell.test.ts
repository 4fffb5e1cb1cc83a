/** Nushell, which Debian does not have: the user's own, here from npm's registry. Needs that and the mirror. */

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
	activationFor,
	changeScript,
	type EnvironmentChange,
	formatRegistration,
	listLiveShells,
	makeLiveFolder,
} from "@devenv/shell";
import { skip } from "@devenv/test-support";
import test from "ava";
import { Installation, launcher } from "./installation.ts";
import { TerminalSession } from "./terminal-session.ts";

const installation = new Installation();
let program: string | undefined;

test.before("network: npm has a nushell", (t) => {
	t.timeout(600_000);
	const folder = join(installation.folder, "nushell");
	mkdirSync(folder);
	writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
	const architecture = process.arch === "arm64" ? "arm64" : "x64";
	const install = ["install", "--no-audit", "--no-fund", "--ignore-scripts", `@nushell/linux-${architecture}@0.115.1`];
	execFileSync("npm", install, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
	program = join(folder, `node_modules/@nushell/linux-${architecture}/bin/nu`);
});

test.after.always(() => installation.remove());

const hostile = 'it\'s "$HOME" `id` \\ \n($env)!end';
const set = (name: string, value: string): EnvironmentChange => ({ kind: "set", name, value });
const path = (kind: "prepend" | "append", value: string): EnvironmentChange => ({
	kind,
	name: "PATH",
	separator: ":",
	value,
});

test.serial("network: nu: a later environment replaces the first, and the user's own changes stay", (t) => {
	const folder = join(installation.folder, "it's functions");
	for (const name of ["files", "home", "run"]) mkdirSync(join(folder, name), { recursive: true });
	const before = [
		set("RESTORED", "ours"),
		set("KEPT", "ours"),
		set("TAKEN", "ours"),
		set("GONE", "ours"),
		path("prepend", "/env one:/usr/bin"),
		path("append", "/host-programs"),
		{ kind: "append", name: "TERMINFO_DIRS", separator: ":", value: "/t" } as const,
		{ kind: "alias", name: "g.one", value: 'printf "<%s>" "$0"' } as const,
	];
	const after = [
		set("TAKEN", "ours again"),
		set("NEW", hostile),
		{ kind: "unset", name: "UNWANTED" } as const,
		path("prepend", "/env two"),
	];
	const runtime = join(folder, "run");
	const registration = formatRegistration({
		project: "/project",
		shell: "nu",
		variables: {},
		uid: 1,
		gid: 2,
		groups: [],
		asUser: false,
		clean: false,
		profile: null,
		environment: "/nix/store/e",
		root: null,
		etc: null,
		swappable: false,
		promptName: "web",
		aliases: {},
		outside: false,
	});
	const { files, command } = activationFor("nu", {
		changes: before,
		promptName: "web",
		folder: join(folder, "files"),
		enterShell: 'export ENTERED="by $KEPT" PATH="$PATH:/entered"',
		program: program ?? "nu",
		zdotdir: null,
		live: { folder: makeLiveFolder(runtime), registration },
	});
	for (const [name, text] of files) writeFileSync(join(folder, "files", name), text);
	const push = (number: number, text: string): string => {
		writeFileSync(join(folder, `${number}.change`), text);
		return `cp ($"${folder}/${number}.change") $"($env.__devenv.shell).${number}.change"; "${number}\n" | save --force $"($env.__devenv.shell).generation"; __devenv_prompt`;
	};
	const names = [
		"RESTORED",
		"KEPT",
		"TAKEN",
		"GONE",
		"NEW",
		"ENTERED",
		"UNWANTED",
		"TERMINFO_DIRS",
		"__DEVENV_HAD_RESTORED",
	];
	const show = `print ([${names.join(" ")}] | each {|name| if $name in $env { $"($name)=($env | get $name)" } else { $name } } | append ($env.PATH | str join ":") | to json --raw)`;
	const script = [
		command.at(-1),
		show,
		'g.one "a b"',
		'print ""',
		'$env.TAKEN = "mine"',
		'$env.KEPT = "mine"',
		"$env.PATH = ($env.PATH | append /mine)",
		push(
			1,
			changeScript("nu", { changes: after, message: "devenv: + env NEW", promptName: { before: "web", now: "shop" } }),
		),
		show,
		"print $env.__devenv.prompt",
		push(2, changeScript("nu", { changes: null, message: "it cannot be evaluated" })),
		push(3, changeScript("nu", { changes: before, message: "" })),
		show,
		'open --raw $"($env.__devenv.shell).shell" | print',
		"print $nu.pid",
		`^env | lines | where {|each| $each =~ "__devenv" } | print ($in | length)`,
	].join("\n");
	const env = {
		RESTORED: "ours",
		__DEVENV_HAD_RESTORED: "the user's",
		GONE: "ours",
		UNWANTED: "x",
		HOME: join(folder, "home"),
		PATH: "/usr/bin:/bin",
	};
	const { stdout, stderr } = spawnSync(program ?? "nu", ["--no-config-file", "--commands", script], {
		encoding: "utf8",
		env,
		timeout: 60_000,
	});
	const lines = stdout.split("\n");
	const shown = (index: number): unknown => JSON.parse(lines[index] ?? "null");
	t.deepEqual(
		shown(0),
		[
			"RESTORED=ours",
			"KEPT=ours",
			"TAKEN=ours",
			"GONE=ours",
			"NEW",
			"ENTERED=by ours",
			"UNWANTED=x",
			"TERMINFO_DIRS=/t",
			"__DEVENV_HAD_RESTORED",
			"/env one:/usr/bin:/bin:/host-programs:/entered",
		],
		stderr,
	);
	t.is(lines[1], "<g.one><a b>");
	t.deepEqual(
		shown(2),
		[
			"RESTORED=the user's",
			"KEPT=mine",
			"TAKEN=mine",
			"GONE",
			`NEW=${hostile}`,
			"ENTERED=by ours",
			"UNWANTED",
			"TERMINFO_DIRS=",
			"__DEVENV_HAD_RESTORED",
			"/env two:/bin:/entered:/mine",
		],
		stderr,
	);
	t.is(lines[3], "shop");
	t.is((shown(4) as string[]).at(-1), "/env one:/usr/bin:/bin:/entered:/mine:/host-programs");
	t.deepEqual((shown(4) as string[]).slice(0, 3), ["RESTORED=ours", "KEPT=ours", "TAKEN=mine"]);
	t.is(lines[5], registration);
	t.true(lines[6]?.startsWith(`${lines[7] || lines[8]} (`), lines.slice(5).join("\n"));
	t.is(lines.at(-2), "0");
	t.is(stderr, "devenv: + env NEW\nit cannot be evaluated\n");
	t.deepEqual(listLiveShells(makeLiveFolder(runtime)), []);
});

test.serial(
	"network: nu: an interactive shell has its own prompt and keys, the environment, and follows it",
	async (t) => {
		t.timeout(600_000);
		const text = (color: string): string =>
			`packages: [hello]\nshell: nu\nenv: { COLOR: ${color} }\naliases: { hue: 'echo hue' }\nenter_shell: export ENTERED=yes\n`;
		const folder = installation.project("colors", { "env.yaml": text("red") });
		const devenv = (...args: string[]) => installation.devenv(args, { cwd: folder });
		const nuFolder = join(program ?? "", "..");
		const entered = await installation.devenv(["shell", "--", "true"], {
			cwd: folder,
			env: { PATH: `${process.env["PATH"] ?? ""}:${nuFolder}` },
		});
		t.is(entered.code, 0, entered.stderr);
		t.notRegex(entered.stderr, /SHELL_MISSING/);
		t.is((await devenv("allow", "--always")).code, 0);
		const terminal = TerminalSession.start(installation, {
			cwd: folder,
			command: ["sh", "-c", `"${launcher}" shell; echo "left with $?"; exec cat`],
			env: { PATH: `${process.env["PATH"] ?? ""}:${nuFolder}` },
		});
		if (terminal === undefined) {
			skip(t, "no tmux");
			return;
		}
		t.teardown(() => {
			terminal.end();
		});
		await terminal.until(/\(colors\)/);
		terminal.type('print $"is ($env.COLOR) ($env.ENTERED) (hello) (hue $env.COLOR) (which hello | get 0.path)"');
		await terminal.until(/^is red yes Hello, world! hue red \/usr\/bin\/hello/m);
		writeFileSync(join(folder, "new"), text("blue"));
		renameSync(join(folder, "new"), join(folder, "env.yaml"));
		await terminal.untilPrompted(/devenv: env COLOR/);
		terminal.type('print $"now ($env.COLOR)"');
		await terminal.until(/^now blue/m);
		terminal.type("^sh -c 'echo child has $COLOR; exit 3'");
		await terminal.until(/^child has blue/m);
		terminal.type("exit 3");
		await terminal.until(/^left with 3/m);
	},
);

test.serial("network: nu: cd opens a project's shell and leaves it, and exit stays outside", async (t) => {
	t.timeout(600_000);
	if (!existsSync(join(import.meta.dirname, "../../build/native/devenv-helper"))) {
		skip(t, "no C compiler: the hook needs the native helper");
		return;
	}
	const folder = join(installation.folder, "colors");
	const home = join(installation.folder, "user-home/.config/nushell");
	mkdirSync(home, { recursive: true });
	const hook = await installation.devenv(["hook", "nu"]);
	t.is(hook.code, 0, hook.stderr);
	t.is((await installation.devenv(["hook", "nu", "--shims"])).code, 2);
	writeFileSync(join(home, "hook.nu"), hook.stdout);
	writeFileSync(join(home, "env.nu"), "");
	writeFileSync(
		join(home, "config.nu"),
		'$env.config.show_banner = false\n$env.PROMPT_COMMAND = {|| $"at ($env.PWD | path basename) ready" }\nsource hook.nu\n',
	);
	const terminal = TerminalSession.start(installation, {
		cwd: installation.folder,
		command: [program ?? "nu"],
		env: { PATH: `${process.env["PATH"] ?? ""}:${join(program ?? "", "..")}`, SHELL: program ?? "" },
	});
	if (terminal === undefined) {
		skip(t, "no tmux");
		return;
	}
	t.teardown(() => {
		terminal.end();
	});
	await terminal.until(/ready/);
	terminal.type("cd colors");
	await terminal.until(/\(colors\) at colors ready/);
	terminal.type('print $"in ($env.COLOR) (hello)"');
	await terminal.until(/^in blue Hello, world!/m);
	terminal.type("cd /tmp");
	await terminal.until(/^at tmp ready/m);
	terminal.type('print $"out ($env.COLOR?)|"');
	await terminal.until(/^out \|/m);
	terminal.type(`cd ${folder}`);
	await terminal.until(/\(colors\) at colors ready[^]*^at tmp ready[^]*\(colors\) at colors ready/m);
	terminal.type("exit");
	await terminal.until(/^at colors ready/m);
	terminal.type('print $"stays ($env.COLOR?)|"');
	await terminal.until(/^stays \|/m);
	t.is((await installation.devenv(["revoke"], { cwd: folder })).code, 0);
	terminal.type("cd /tmp");
	terminal.type(`cd ${folder}`);
	terminal.type('print $"revoked ($env.COLOR?)|"');
	await terminal.until(/^revoked \|/m);
	t.notRegex(terminal.screen().split("revoked").at(-1) ?? "", /\(colors\)/);
});
