import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { skip } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import { activationFor, type EnvironmentChange, type ShellName } from "../src/index.ts";

const hostile = 'it\'s "$HOME" `id` \\ \n!end';

const changes: readonly EnvironmentChange[] = [
	{ kind: "set", name: "GREETING", value: hostile },
	{ kind: "unset", name: "GONE" },
	{ kind: "prepend", name: "PATH", separator: ":", value: "/env one:/usr/bin" },
	{ kind: "append", name: "PATH", separator: ":", value: "/host-programs" },
	{ kind: "append", name: "TERMINFO_DIRS", separator: ":", value: "/t" },
];

const shells: readonly { name: ShellName; rc: string; text: string }[] = [
	{ name: "bash", rc: ".bashrc", text: 'PS1="own> "; PATH="/usr/bin:/shadow:$PATH"; OWN=yes; GONE=again\n' },
	{ name: "zsh", rc: ".zshrc", text: 'PROMPT="own> "; PATH="/usr/bin:/shadow:$PATH"; OWN=yes; GONE=again\n' },
	{
		name: "fish",
		rc: ".config/fish/config.fish",
		text: "set -gx PATH /usr/bin /shadow $PATH; set OWN yes; set -gx GONE again\n",
	},
];

/** Runs an interactive shell with the activation; gives what it prints. */
function enter(
	t: ExecutionContext,
	shell: (typeof shells)[number],
	request: { enterShell: string; script: string; promptName?: string },
): string | null {
	const program = spawnSync("sh", ["-c", `command -v ${shell.name}`], { encoding: "utf8" }).stdout.trim();
	if (program === "") return null;
	const folder = mkdtempSync(join(tmpdir(), "devenv-activation-"));
	t.teardown(() => {
		rmSync(folder, { recursive: true, force: true });
	});
	mkdirSync(`${folder}/home/.config/fish`, { recursive: true });
	mkdirSync(`${folder}/files`);
	writeFileSync(`${folder}/home/${shell.rc}`, shell.text);
	const { files, command } = activationFor(shell.name, {
		changes,
		promptName: request.promptName ?? null,
		folder: `${folder}/files`,
		enterShell: request.enterShell,
		program,
		zdotdir: null,
		live: null,
	});
	for (const [name, text] of files) writeFileSync(`${folder}/files/${name}`, text);
	const [first = "", ...rest] = command;
	const env = { HOME: `${folder}/home`, PATH: "/usr/bin:/bin:/env one", TERM: "dumb" };
	const args =
		shell.name === "fish"
			? ["--interactive", ...rest, "--command", request.script]
			: [...rest, "-i", "-c", request.script];
	const outcome = spawnSync(first, args, { encoding: "utf8", env, cwd: `${folder}/home`, timeout: 20_000 });
	return outcome.stdout;
}

for (const shell of shells) {
	test(`${shell.name}: the user's own startup file first, then the environment, then enter_shell once`, (t) => {
		const list = shell.name === "fish" ? "(string join : $PATH)" : '"$PATH"';
		const isSet = shell.name === "fish" ? "set -q GONE; and echo again; or echo unset" : 'echo "${GONE-unset}"';
		const script = `echo "$OWN"; echo "$GREETING"; echo ${list}; ${isSet}; echo "$TERMINFO_DIRS"; echo "$ADDED"`;
		const output = enter(t, shell, { enterShell: 'echo "entered $GREETING"\nexport ADDED=hook', script });
		if (output === null) {
			skip(t, `no ${shell.name}`);
			return;
		}
		t.is(
			output,
			`entered ${hostile}\nyes\n${hostile}\n/env one:/usr/bin:/shadow:/bin:/host-programs\nunset\n/t\nhook\n`,
		);
	});
}

for (const shell of shells.filter((each) => each.name !== "fish")) {
	test(`${shell.name}: the prompt and the history file stay the user's`, (t) => {
		const variable = shell.name === "bash" ? "PS1" : "PROMPT";
		const script = `echo "$${variable}"; echo "\${HISTFILE##*/}"; echo "\${ZDOTDIR-none}"`;
		const output = enter(t, shell, { enterShell: "", script });
		const named = enter(t, shell, { enterShell: "", script, promptName: "web" });
		if (output === null || named === null) {
			skip(t, `no ${shell.name}`);
			return;
		}
		t.is(output.split("\n")[0], "own> ");
		t.is(named.split("\n")[0], "(web) own> ");
		t.regex(output, /^own> \n(\.bash_history|\.zsh_history|)\nnone\n$/);
	});
}
