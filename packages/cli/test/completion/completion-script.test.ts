import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { skip } from "@devenv/test-support";
import test from "ava";
import type { CompletionCommand } from "../../src/completion/command-table.ts";
import { completionScripts } from "../../src/completion/completion-script.ts";

const table: readonly CompletionCommand[] = [
	{ words: ["completion"], summary: "Print it", flags: [], choices: ["bash", "zsh"], takesFile: false },
	{
		words: ["daemon", "logs"],
		summary: "Show the log",
		choices: [],
		takesFile: false,
		flags: [{ long: "--lines", short: "-n", summary: "number: of [lines]", takesValue: true }],
	},
	{ words: ["daemon", "stop"], summary: "End it", flags: [], choices: [], takesFile: false },
	{ words: ["eval"], summary: "It's for Nix", flags: [], choices: [], takesFile: true },
	{
		words: ["shell"],
		summary: "Enter",
		flags: [{ long: "--user", summary: "as a user", takesValue: false }],
		choices: [],
		takesFile: false,
	},
];

function completeInBash(words: readonly string[]): readonly string[] {
	const script = `${completionScripts.bash(table)}
COMP_WORDS=(devenv "$@"); COMP_CWORD=$#
_devenv
printf '%s\\n' "\${COMPREPLY[@]}"`;
	const { stdout, status, stderr } = spawnSync("bash", ["-c", script, "bash", ...words], {
		encoding: "utf8",
		cwd: "/",
	});
	if (status !== 0) throw new Error(stderr);
	return stdout.split("\n").filter((line) => line !== "");
}

test("bash completes commands, subcommands, flags, choices and files", (t) => {
	t.deepEqual(completeInBash([""]), ["completion", "daemon", "eval", "shell", "--help", "--version"]);
	t.deepEqual(completeInBash(["sh"]), ["shell"]);
	t.deepEqual(completeInBash(["daemon", ""]), ["logs", "stop"]);
	t.deepEqual(completeInBash(["daemon", "logs", "-"]), ["--lines", "-n", "--help"]);
	t.deepEqual(completeInBash(["completion", "b"]), ["bash"]);
	t.deepEqual(completeInBash(["shell", "--"]), ["--user", "--help"]);
	t.true(completeInBash(["eval", "et"]).includes("etc"));
	t.true(completeInBash(["shell", "--", "bas"]).includes("bash"));
});

for (const shell of ["bash", "zsh", "fish"] as const) {
	test(`the script for ${shell} is one that the shell reads, where it is installed`, (t) => {
		const folder = mkdtempSync(join(tmpdir(), "devenv-completion-"));
		t.teardown(() => {
			rmSync(folder, { recursive: true });
		});
		const file = join(folder, "script");
		writeFileSync(file, completionScripts[shell](table));
		const { status, stderr, error } = spawnSync(shell, ["-n", file], { encoding: "utf8" });
		if (error === undefined) t.is(status, 0, stderr);
		else if ((error as NodeJS.ErrnoException).code === "ENOENT") skip(t, `no ${shell}`);
		else throw error;
	});
}

test("fish completes commands, subcommands and flags", (t) => {
	const complete = (line: string): readonly string[] | undefined => {
		const script = `${completionScripts.fish(table)}\ncomplete -C ${JSON.stringify(line)}`;
		const { stdout, error } = spawnSync("fish", ["--no-config", "-c", script], { encoding: "utf8" });
		if (error !== undefined) return undefined;
		return stdout.split("\n").flatMap((each) => (each === "" ? [] : [each.split("\t")[0] ?? ""]));
	};
	const first = complete("devenv ");
	if (first === undefined) {
		skip(t, "no fish");
		return;
	}
	t.deepEqual([...first].sort(), ["completion", "daemon", "eval", "shell"]);
	t.deepEqual([...(complete("devenv daemon ") ?? [])].sort(), ["logs", "stop"]);
	t.deepEqual(complete("devenv daemon logs --l"), ["--lines"]);
	t.deepEqual([...(complete("devenv completion ") ?? [])].sort(), ["bash", "zsh"]);
});
