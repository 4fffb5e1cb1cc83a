/** Interactive shells that read a later environment before a prompt. */

import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { skip, temporaryFolder } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import {
	activationFor,
	changeScript,
	type EnvironmentChange,
	liveFolder,
	lastGeneration,
	listLiveShells,
	makeLiveFolder,
	pushChange,
	formatRegistration,
	type ShellName,
	type ShellRegistration,
} from "../src/index.ts";

const hostile = 'it\'s "$HOME" `id` \\ \n!end';
const set = (name: string, value: string): EnvironmentChange => ({ kind: "set", name, value });
const path = (kind: "prepend" | "append", value: string): EnvironmentChange => ({
	kind,
	name: "PATH",
	separator: ":",
	value,
});

const alias = (name: string, value: string): EnvironmentChange => ({ kind: "alias", name, value });

const before: readonly EnvironmentChange[] = [
	set("RESTORED", "ours"),
	set("KEPT", "ours"),
	set("CHANGED", "one"),
	set("TAKEN", "ours"),
	set("GONE", "ours"),
	path("prepend", "/env one:/usr/bin"),
	path("append", "/host-programs"),
	{ kind: "append", name: "TERMINFO_DIRS", separator: ":", value: "/t" },
	alias("g.one", "echo one"),
	alias("hides-own", "echo ours"),
	alias("taken", "echo ours"),
];

const after: readonly EnvironmentChange[] = [
	set("CHANGED", hostile),
	set("TAKEN", "ours again"),
	set("NEW", "new"),
	path("prepend", "/usr/bin:/env two"),
	path("append", "/other-programs"),
	alias("g.one", `printf '%s\\n' "it's two" $NEW`),
	alias("taken", "echo ours again"),
	alias("late", "echo late"),
];

const registration = (shell: ShellName): ShellRegistration => ({
	project: "/project",
	shell,
	variables: { HOME: "/home/it's" },
	uid: 1,
	gid: 2,
	groups: [2, 3],
	asUser: false,
	clean: false,
	profile: null,
	environment: "/nix/store/e",
	root: null,
	etc: null,
	swappable: false,
	promptName: "web",
	aliases: { ll: "ls -l" },
	outside: false,
});

/** Runs an interactive shell with the first environment; `script` is its own language, and may `push` a generation. */
function run(
	t: ExecutionContext,
	shell: ShellName,
	script: (push: (number: number) => string) => string,
): { lines: string[]; stderr: string; runtime: string } | undefined {
	const program = spawnSync("sh", ["-c", `command -v ${shell}`], { encoding: "utf8" }).stdout.trim();
	if (program === "") {
		skip(t, `no ${shell}`);
		return undefined;
	}
	const folder = temporaryFolder(t);
	mkdirSync(`${folder}/home/.config/fish`, { recursive: true });
	for (const file of [".bashrc", ".zshrc", ".config/fish/config.fish"])
		writeFileSync(`${folder}/home/${file}`, "alias hides-own='echo own'\n");
	mkdirSync(`${folder}/files`);
	const runtime = `${folder}/it's run`;
	mkdirSync(runtime);
	const live = { folder: makeLiveFolder(runtime), registration: formatRegistration(registration(shell)) };
	const { files, command } = activationFor(shell, {
		changes: before,
		promptName: "web",
		folder: `${folder}/files`,
		enterShell: "",
		program,
		zdotdir: null,
		live,
	});
	for (const [name, text] of files) writeFileSync(`${folder}/files/${name}`, text);
	const generations = [
		{ changes: after, message: "devenv: + env NEW", promptName: { before: "web", now: "shop" } },
		{ changes: null, message: "it cannot be evaluated" },
		{ changes: before, message: "" },
	];
	for (const [index, each] of generations.entries())
		writeFileSync(`${folder}/${index + 1}.change`, changeScript(shell, each));
	const push = (number: number): string =>
		`cp ${folder}/${number}.change "$__devenv_shell.${number}.change"; echo ${number} >"$__devenv_shell.generation"; __devenv_prompt`;
	const text = script(push);
	const [first = "", ...rest] = command;
	const args = shell === "fish" ? ["--interactive", ...rest, "--command", text] : [...rest, "-i", "-c", text];
	const values = Object.fromEntries(before.flatMap((each) => (each.kind === "set" ? [[each.name, each.value]] : [])));
	const env = {
		...values,
		__DEVENV_HAD_RESTORED: "the user's",
		HOME: `${folder}/home`,
		PATH: "/usr/bin:/bin",
		TERM: "dumb",
	};
	const outcome = spawnSync(first, args, { encoding: "utf8", env, cwd: `${folder}/home`, timeout: 20_000 });
	return { lines: outcome.stdout.split("\n"), stderr: outcome.stderr, runtime };
}

/** A line `NAME=value` for each variable, `NAME` alone where it is unset. */
function show(shell: ShellName, names: readonly string[]): string {
	return names
		.map((name) =>
			shell === "fish"
				? `set -q ${name}; and echo ${name}=(string join : -- $${name} | string collect); or echo ${name}`
				: `if [ -n "\${${name}+x}" ]; then printf '%s\\n' "${name}=$${name}"; else echo ${name}; fi`,
		)
		.join("; ");
}

const names = ["RESTORED", "CHANGED", "TAKEN", "GONE", "NEW", "KEPT", "PATH", "__DEVENV_HAD_RESTORED"];
const assign = (shell: ShellName, name: string, value: string): string =>
	shell === "fish" ? `set -gx ${name} ${value}` : `export ${name}=${value}`;

for (const shell of ["bash", "zsh", "fish"] as const) {
	test(`${shell}: a later environment replaces the first, and the user's own changes stay`, (t) => {
		const outcome = run(t, shell, (push) =>
			[
				show(shell, names),
				assign(shell, "TAKEN", "mine"),
				assign(shell, "KEPT", "mine"),
				assign(shell, "PATH", shell === "fish" ? "$PATH /mine" : '"$PATH:/mine"'),
				push(1),
				show(shell, names),
				"__devenv_prompt",
				push(2),
				show(shell, ["CHANGED"]),
				push(3),
				show(shell, names),
			].join("\n"),
		);
		if (outcome === undefined) return;
		const first = [
			"RESTORED=ours",
			"CHANGED=one",
			"TAKEN=ours",
			"GONE=ours",
			"NEW",
			"KEPT=ours",
			"PATH=/env one:/usr/bin:/bin:/host-programs",
			"__DEVENV_HAD_RESTORED",
		];
		const changed = `CHANGED=${hostile}`.split("\n");
		const second = [
			"RESTORED=the user's",
			...changed,
			"TAKEN=mine",
			"GONE",
			"NEW=new",
			"KEPT=mine",
			"PATH=/usr/bin:/env two:/bin:/mine:/other-programs",
			"__DEVENV_HAD_RESTORED",
		];
		const third = [
			"RESTORED=ours",
			"CHANGED=one",
			"TAKEN=mine",
			"GONE=ours",
			"NEW",
			"KEPT=ours",
			"PATH=/env one:/usr/bin:/bin:/mine:/host-programs",
			"__DEVENV_HAD_RESTORED",
		];
		t.deepEqual(outcome.lines, [...first, ...second, ...changed, ...third, ""], outcome.stderr);
		t.true(outcome.stderr.endsWith("devenv: + env NEW\nit cannot be evaluated\n"), outcome.stderr);
	});

	test(`${shell}: aliases come and go with it, and the user's own come back`, (t) => {
		const all = ["g.one", "hides-own", "taken", "late"].map((name) => `eval "${name} x" 2>/dev/null; echo .`);
		const outcome = run(t, shell, (push) =>
			[
				...all,
				"alias taken='echo mine'",
				push(1),
				...all,
				push(2),
				"eval g.one",
				push(3),
				...all,
				"unalias hides-own taken 2>/dev/null; functions -e hides-own taken 2>/dev/null",
				push(1),
				"eval hides-own 2>/dev/null; echo .",
			].join("\n"),
		);
		if (outcome === undefined) return;
		const first = ["one x", ".", "ours x", ".", "ours x", ".", "."];
		const second = ["it's two", "new", "x", ".", "own x", ".", "mine x", ".", "late x", "."];
		const third = ["one x", ".", "ours x", ".", "mine x", ".", "."];
		t.deepEqual(outcome.lines, [...first, ...second, "it's two", "new", ...third, ".", ""], outcome.stderr);
	});

	test(`${shell}: says who it is, is listed while it runs, and leaves the last status alone`, (t) => {
		const status = shell === "fish" ? "echo status $status" : 'echo "status $?"';
		const outcome = run(t, shell, () =>
			[
				'cat "$__devenv_shell.shell"',
				shell === "fish" ? "echo $fish_pid" : 'echo "$$"',
				"false; __devenv_prompt",
				...(shell === "fish" ? [] : [status]),
			].join("\n"),
		);
		if (outcome === undefined) return;
		const [line = "", statLine = "", pid = "", after = ""] = outcome.lines;
		t.deepEqual(JSON.parse(line), { version: 1, ...registration(shell) });
		t.true(statLine.startsWith(`${pid} (`), statLine);
		if (shell !== "fish") t.is(after, "status 1");
		// It has ended: its files go.
		const folder = liveFolder(outcome.runtime);
		t.is(readFileSync(`${folder}/${pid}.shell`, "utf8").split("\n").length, 3);
		t.deepEqual(listLiveShells(folder), []);
		t.throws(() => readFileSync(`${folder}/${pid}.shell`), { code: "ENOENT" });
	});
}

test("lists running shells, and not who took over their number", (t) => {
	const folder = makeLiveFolder(temporaryFolder(t));
	const own = readFileSync("/proc/self/stat", "utf8").trim();
	const line = formatRegistration(registration("zsh"));
	const file = `${folder}/${process.pid}.shell`;
	writeFileSync(file, `${line}\n${own}\n`);
	t.deepEqual(listLiveShells(folder), [{ ...registration("zsh"), pid: process.pid }]);
	for (const [title, text] of [
		["half-written", line.slice(0, 20)],
		["without its status", `${line}\n`],
		["of another version", `${line.replace('"version":1', '"version":2')}\n${own}\n`],
		["a relative project", `${line.replace('"/project"', '"project"')}\n${own}\n`],
		["not JSON", `{\n${own}\n`],
	] as const) {
		writeFileSync(file, text);
		t.deepEqual(listLiveShells(folder), [], title);
	}
	const fields = own.split(" ");
	const other = fields.with(fields.length - 31, String(Number(fields.at(-31)) - 1)).join(" ");
	t.not(other, own);
	writeFileSync(file, `${line}\n${other}\n`);
	t.deepEqual(listLiveShells(folder), []);
	t.throws(() => readFileSync(file), { code: "ENOENT" });
});

test("generations follow each other; texts that nobody can be reading any more are removed", (t) => {
	const folder = makeLiveFolder(temporaryFolder(t));
	t.is(lastGeneration(folder, 7), 0);
	for (const generation of [1, 2, 3]) {
		pushChange(folder, 7, { generation, text: String(generation) });
		t.is(lastGeneration(folder, 7), generation);
	}
	t.is(readFileSync(`${folder}/7.generation`, "utf8"), "3\n");
	t.is(readFileSync(`${folder}/7.3.change`, "utf8"), "3");
	t.is(readFileSync(`${folder}/7.2.change`, "utf8"), "2");
	t.throws(() => readFileSync(`${folder}/7.1.change`), { code: "ENOENT" });
});
