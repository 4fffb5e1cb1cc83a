/**
 * The environment's changes as shell text: read once when a shell starts, and again, whole, whenever the environment has
 * changed (with a line that says what). The functions it calls are in live-functions.ts. Layer 2 (pure: texts).
 */

import { unreachable } from "@devenv/diagnostics";
import { type EnvironmentChange, listChanges } from "./environment-difference.ts";
import { quoteForFish, quoteForSh } from "./live-functions.ts";
import { nuChange } from "./nu-functions.ts";
import type { ShellName } from "./shell-name.ts";

/** What a shell does before a prompt. */
export interface ChangeScript {
	/** The new environment; null: it stays, and only the message is shown. */
	readonly changes: readonly EnvironmentChange[] | null;
	/** Lines for the user, on standard error; empty: none. */
	readonly message: string;
	/** What the prompt shows before and now, where it shows the environment's name. */
	readonly promptName?: { readonly before: string; readonly now: string };
}

/** The text of one generation for one kind of shell. */
export function changeScript(shell: ShellName, script: ChangeScript): string {
	if (shell === "nu") return nuScript(script);
	const fish = shell === "fish";
	const quote = fish ? quoteForFish : quoteForSh;
	const lines: string[] = [];
	if (script.changes !== null) {
		lines.push(fish ? fishChanges(script.changes) : posixChanges(script.changes));
		lines.push(aliasChanges(shell, script.changes));
		// What the shell remembers of where programs lie may have moved.
		if (!fish) lines.push("hash -r");
	}
	const { promptName } = script;
	if (promptName !== undefined && fish) lines.push(`set -g __devenv_prompt_name ${quote(promptName.now)}`);
	else if (promptName !== undefined && promptName.before !== promptName.now) {
		const variable = shell === "zsh" ? "PROMPT" : "PS1";
		const [before, now] = [promptName.before, promptName.now].map((name) => quoteForSh(`(${name}) `));
		lines.push(`case $${variable} in ${before}*) ${variable}=${now}\${${variable}#${before}} ;; esac`);
	}
	if (script.message !== "") lines.push(`printf '%s\\n' ${quote(script.message)} >&2`);
	return `${lines.join("\n")}\n`;
}

/** Data for nushell; the environment stays as it is where there are no changes. */
function nuScript({ changes, message, promptName }: ChangeScript): string {
	const said = { prompt: promptName?.now ?? null, message };
	return `${JSON.stringify(changes === null ? { message } : nuChange(changes, said))}\n`;
}

/** Calls that bring bash or zsh to this environment, whatever it has now. */
export function posixChanges(changes: readonly EnvironmentChange[]): string {
	const calls = changes.flatMap((change) => {
		switch (change.kind) {
			case "set":
				return [`__devenv_set ${change.name} ${quoteForSh(change.value)}`];
			case "unset":
				return [`unset ${change.name}`];
			case "prepend":
			case "append":
			case "rehost":
			case "alias":
				return []; // lists and aliases are below; the other is done at entry
			default:
				return unreachable(change);
		}
	});
	const joins = listChanges(changes).map(
		({ name, first, last }) => `__devenv_join ${name} ${quoteForSh(first)} ${quoteForSh(last)}`,
	);
	return [...calls, ...joins, "__devenv_finish"].join("\n");
}

/** The same for fish. */
export function fishChanges(changes: readonly EnvironmentChange[]): string {
	const calls = changes.flatMap((change) => {
		switch (change.kind) {
			case "set":
				return [`__devenv_set ${change.name} ${quoteForFish(change.value)}`];
			case "unset":
				return [`set -e ${change.name}`];
			case "prepend":
			case "append":
			case "rehost":
			case "alias":
				return [];
			default:
				return unreachable(change);
		}
	});
	const joins = listChanges(changes).map(
		({ name, separator, first, last }) =>
			`__devenv_join ${name} ${[separator, first, last].map(quoteForFish).join(" ")}`,
	);
	return [...calls, ...joins, "__devenv_finish"].join("\n");
}

/** Calls that give any kind of shell these aliases, and take away what it has of earlier ones. */
export function aliasChanges(shell: Exclude<ShellName, "nu">, changes: readonly EnvironmentChange[]): string {
	const quote = shell === "fish" ? quoteForFish : quoteForSh;
	const calls = changes.flatMap((change) =>
		change.kind === "alias" ? [`__devenv_alias ${change.name} ${quote(change.value)}`] : [],
	);
	const all = [...calls, "__devenv_finish_aliases"].join("\n");
	// A shell that an earlier version started has no such functions.
	return shell === "fish"
		? `if functions -q __devenv_alias\n${all}\nend`
		: `if typeset -f __devenv_alias >/dev/null; then\n${all}\nfi`;
}
