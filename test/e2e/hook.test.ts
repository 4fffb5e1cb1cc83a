/** Activation on cd, in real shells on real terminals. Needs the mirror. */

import {
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findProgram, skip } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import { Installation, launcher } from "./installation.ts";
import { TerminalSession } from "./terminal-session.ts";

const installation = new Installation();
const hasHelper = existsSync(join(import.meta.dirname, "../../build/native/devenv-helper"));
const home = join(installation.folder, "user-home");

test.before(() => {
	// As the user's own startup files, with a prompt that is easily told from a project's.
	const hook = (shell: string): string => `"${launcher}" hook ${shell} $HOOK_MODE`;
	writeFileSync(join(home, ".bashrc"), `eval "$(${hook("bash")})"\nPS1='ready> ' HISTFILE=~/.history\n`);
	writeFileSync(
		join(home, ".zshrc"),
		`eval "$(${hook("zsh").replace("$HOOK_MODE", "${=HOOK_MODE}")})"\nPS1='ready> '\n`,
	);
	mkdirSync(join(home, ".config/fish"), { recursive: true });
	writeFileSync(
		join(home, ".config/fish/config.fish"),
		`function fish_prompt; echo 'ready> '; end\nset -l HOOK_MODE (string split -n ' ' -- "$HOOK_MODE")\n${hook("fish")} | source\n`,
	);
});

test.after.always(() => installation.remove());

let lock: string | undefined;

/** A project with a lock, entered once so that it is warm for that shell. */
async function makeProject(t: ExecutionContext, name: string, text: string, allowed: "always" | "no"): Promise<string> {
	const folder = installation.project(name, { "env.yaml": text, ...(lock === undefined ? {} : { "env.lock": lock }) });
	if (lock === undefined) {
		const { code, stderr } = await installation.devenv(["update"], { cwd: folder });
		t.is(code, 0, stderr);
		lock = readFileSync(join(folder, "env.lock"), "utf8");
	}
	if (allowed === "always") t.is((await installation.devenv(["allow", "--always"], { cwd: folder })).code, 0);
	return folder;
}

function start(t: ExecutionContext, shell: string, mode = ""): TerminalSession | undefined {
	if (!hasHelper) {
		skip(t, "no C compiler: the hook needs the native helper");
		return undefined;
	}
	const program = findProgram(shell);
	const terminal =
		program === undefined
			? undefined
			: TerminalSession.start(installation, {
					cwd: installation.folder,
					command: [program],
					env: { SHELL: program, HOOK_MODE: mode, COLOR: "own" },
				});
	if (terminal === undefined) {
		skip(t, program === undefined ? `no ${shell}` : "no tmux");
		return undefined;
	}
	t.teardown(() => {
		terminal.end();
	});
	return terminal;
}

for (const shell of ["bash", "zsh", "fish"] as const) {
	test.serial(`network: ${shell}: cd opens a project's shell and leaves it, and exit stays outside`, async (t) => {
		t.timeout(600_000);
		const terminal = start(t, shell);
		if (terminal === undefined) return;
		const folder = await makeProject(t, `view-${shell}`, "packages: [hello]\nenv: { COLOR: red }\n", "always");
		await makeProject(t, `view-${shell}/inner`, "packages: [hello]\nenv: { COLOR: blue }\n", "always");
		mkdirSync(join(folder, "deep"));
		symlinkSync(folder, join(installation.folder, `link-${shell}`));
		const enters = (name: string): Promise<string> => terminal.until(new RegExp(`\\(${name}\\) ready>$`), 120_000);
		const leaves = (): Promise<string> => terminal.until(/(^|\n)ready>$/);
		await leaves();
		terminal.type(`cd view-${shell}`);
		await enters(`view-${shell}`);
		t.regex(await terminal.run("echo $COLOR; hello; pwd"), new RegExp(`red\\s+Hello, world!\\s+${folder}$`));
		// Keys mean what they do elsewhere, and a stopped job is not let go of.
		terminal.type("sleep 300");
		await sleep(500);
		terminal.press("C-z");
		await terminal.until(/(stopped|Stopped|suspended)[\s\S]*ready>$/);
		terminal.type("cd ..");
		await terminal.until(/stopped jobs keep this shell open[^\n]*\n\([^)]*\) ready>$/);
		await terminal.run("cd -");
		terminal.type("fg");
		await sleep(500);
		terminal.press("C-c");
		await terminal.until(/ready>$/);
		t.regex(await terminal.run("pwd"), new RegExp(`${folder}$`));
		// Into a project in the project, and out of both, each time by one shell only.
		const depth = await terminal.run("echo $SHLVL");
		terminal.type("cd inner");
		await enters("inner");
		t.regex(await terminal.run("echo $COLOR $SHLVL"), new RegExp(`blue ${depth.trim()}$`));
		terminal.type("cd -");
		await enters(`view-${shell}`);
		terminal.type("cd ..");
		await leaves();
		t.regex(await terminal.run("echo $COLOR; pwd"), new RegExp(`own\\s+${installation.folder}$`));
		terminal.type("cd -");
		await enters(`view-${shell}`);
		// Who leaves by exit stays outside, until he comes again.
		terminal.type("exit");
		await leaves();
		t.regex(await terminal.run("echo $COLOR; pwd"), new RegExp(`own\\s+${folder}$`));
		t.regex(await terminal.run("cd ..; pwd"), new RegExp(`${installation.folder}$`));
		// A folder below it, through a link.
		terminal.type(`cd link-${shell}/deep`);
		await enters(`view-${shell}`);
		t.regex(await terminal.run("echo $COLOR; pwd"), new RegExp(`red\\s+${installation.folder}/link-${shell}/deep$`));
	});

	test.serial(
		`network: ${shell}: with shims the shell itself has the variables and programs, and gives them back`,
		async (t) => {
			t.timeout(600_000);
			const terminal = start(t, shell, "--shims");
			if (terminal === undefined) return;
			const name = `shims-${shell}`;
			const folder = await makeProject(t, name, "packages: [hello]\nenv: { COLOR: red, SIZE: large }\n", "always");
			const pid = (await terminal.run(shell === "fish" ? "echo $fish_pid" : "echo $$")).trim();
			const path = await terminal.run("env | grep ^PATH=");
			await terminal.run(`cd ${name}`, 120_000);
			const inside = await terminal.run(`echo $COLOR $SIZE; hello; ${shell === "fish" ? "echo $fish_pid" : "echo $$"}`);
			t.regex(inside, new RegExp(`red large\\s+Hello, world!\\s+${pid}$`));
			// A shell in the shell has them too, and gives them back as well.
			terminal.type(shell);
			await terminal.run("cd ..");
			t.regex(await terminal.run('echo $COLOR "[$SIZE]"; env | grep ^PATH='), /own \[\]/);
			await terminal.run(`cd ${name}`);
			t.regex(await terminal.run("echo $COLOR"), /red/);
			terminal.type("exit");
			writeFileSync(join(folder, ".new"), "packages: [hello, figlet]\nenv: { COLOR: blue }\n");
			renameSync(join(folder, ".new"), join(folder, "env.yaml"));
			for (let turn = 0; turn < 300 && !/\+ figlet/.test(terminal.screen()); turn++) {
				terminal.press("Enter");
				await sleep(100);
			}
			t.regex(await terminal.run('echo $COLOR "[$SIZE]"; figlet -I 1'), /blue \[\]\s+\d+/);
			await terminal.run("cd ..");
			t.regex(await terminal.run('echo $COLOR "[$SIZE]" "[$DEVENV_ROOT]"'), /own \[\] \[\]/);
			t.is(await terminal.run("env | grep ^PATH="), path);
		},
	);
}

test.serial("network: a project that is not allowed gets one line, and nothing of it runs", async (t) => {
	t.timeout(600_000);
	const terminal = start(t, "bash");
	if (terminal === undefined) return;
	const name = "hostile \u001b[31m$(touch ran)";
	const folder = await makeProject(
		t,
		name,
		`packages: [hello]\nenv: { COLOR: red, BASH_ENV: ./evil, LD_PRELOAD: ./evil }\nenter_shell: touch ${installation.folder}/ran\n`,
		"no",
	);
	installation.write(join(folder, ".devenv/bin/ls"), "#!/bin/sh\ntouch ../ran\n");
	installation.write(join(folder, "evil"), `touch ${installation.folder}/ran\n`);
	const waits = "this folder's environment waits for `devenv allow`; read its env.yaml first";
	await terminal.run("cd hostile*");
	await terminal.run("cd .devenv; cd ..");
	await terminal.run("cd ..");
	await terminal.run("cd hostile*");
	t.is(terminal.screen().split(waits).length, 2, terminal.screen());
	t.false(terminal.screen().includes("error"), terminal.screen());
	t.deepEqual(readdirSync(folder).sort(), [".devenv", "env.lock", "env.yaml", "evil"]);
	t.false(existsSync(join(installation.folder, "ran")));
	t.regex(await terminal.run("echo $COLOR"), /own/);
	// Another content is another matter, and so is a denial.
	installation.write(join(folder, "env.yaml"), "packages: [hello]\nenv: { COLOR: green }\n");
	await terminal.run("cd ..");
	await terminal.run("cd hostile*");
	t.is(terminal.screen().split(waits).length, 3, terminal.screen());
	t.is((await installation.devenv(["revoke"], { cwd: folder })).code, 0);
	await terminal.run("cd ..");
	await terminal.run("cd hostile*");
	t.is(terminal.screen().split(waits).length, 3, terminal.screen());
	// What is allowed is entered at the next prompt.
	t.is((await installation.devenv(["allow"], { cwd: folder })).code, 0);
	terminal.press("Enter");
	await terminal.until(/ready> *\n.*\) ready>$/);
	t.regex(await terminal.run("echo $COLOR"), /green/);
	// In the opened shell its folder may vanish; leaving it is all there is to do.
	rmSync(folder, { recursive: true });
	t.regex(await terminal.run("echo still $COLOR"), /still green/);
	terminal.type("cd ..");
	await terminal.until(/\nready>$/);
	t.regex(await terminal.run("echo $COLOR"), /own/);
});

test.serial("network: `use devenv` of direnv, and compiler flags for the host's compiler", async (t) => {
	t.timeout(600_000);
	const folder = await makeProject(
		t,
		"elsewhere",
		"packages: [hello, libjansson-dev, libc6-dev]\nenv: { COLOR: red }\n",
		"no",
	);
	const script = `watch_file() { for file; do echo "watch $file"; done; }
		eval "$("${launcher}" hook direnv)"
		use_devenv || echo "failed $?"
		echo "$COLOR"; hello`;
	const use = (): ReturnType<Installation["run"]> =>
		installation.run(["bash", "-c", script], { cwd: folder, env: { COLOR: "own" } });
	const refused = await use();
	t.regex(refused.stdout, /^watch env.yaml\n(watch .*\n)*failed 2\nown\n$/);
	t.regex(refused.stderr, /error\[TRUST_NEEDED\][\s\S]*`devenv allow`/);
	t.is((await installation.devenv(["allow"], { cwd: folder })).code, 0);
	const taken = await use();
	t.true(taken.stdout.includes(`watch ${folder}/env.yaml\n`), taken.stdout);
	if (hasHelper) t.true(taken.stdout.endsWith("red\nHello, world!\n"), `${taken.stdout}${taken.stderr}`);
	const flags = await installation.devenv(["print-env", "--compile-flags"], { cwd: folder });
	installation.write(join(folder, "compile_flags.txt"), flags.stdout);
	installation.write(join(folder, "a.c"), "#include <jansson.h>\nint main(void) { return sizeof(json_t) == 0; }\n");
	if (findProgram("gcc") === undefined) {
		skip(t, "no gcc on this machine");
		return;
	}
	const compiled = await installation.run(["gcc", "@compile_flags.txt", "-fsyntax-only", "a.c"], { cwd: folder });
	t.is(compiled.code, 0, compiled.stderr);
});
