/**
 * What an interactive shell reads when it enters an environment: the user's own startup files first, as without us, then
 * the environment once more (they may have changed PATH), then `enter_shell`, once. History and prompt stay the user's.
 * Layer 2 (pure: texts).
 */

import { unreachable } from "@devenv/diagnostics";
import type { EnvironmentChange } from "./environment-difference.ts";

export type ShellName = "bash" | "zsh" | "fish";

export interface ScriptRequest {
	readonly changes: readonly EnvironmentChange[];
	/** Shown before the prompt; null leaves the prompt alone. */
	readonly promptName: string | null;
	/** Folder that will hold the files. */
	readonly folder: string;
	/** `enter_shell` of env.yaml: text for bash (and zsh); may be empty. */
	readonly enterShell: string;
	/** The shell's program, as seen inside. */
	readonly program: string;
	/** The user's own ZDOTDIR, where he has one. */
	readonly zdotdir: string | null;
}

export interface ActivationScript {
	/** Files to write into the folder, by name. */
	readonly files: ReadonlyMap<string, string>;
	/** Program and arguments that start the interactive shell. */
	readonly command: readonly string[];
}

/** The files and the command for one kind of shell. */
export function activationFor(shell: ShellName, request: ScriptRequest): ActivationScript {
	switch (shell) {
		case "bash":
			return bashActivation(request);
		case "zsh":
			return zshActivation(request);
		case "fish":
			return fishActivation(request);
		default:
			return unreachable(shell);
	}
}

/** Moves elements of PATH; only parameter expansion, so that it costs no process and works alike in bash and zsh. */
const joinFunction = `__devenv_join() {
	local name=$1 first=$2 last=$3 todo rest='' each
	eval "todo=\\"\\\${$name-}:\\""
	while [ -n "$todo" ]; do
		each=\${todo%%:*}
		todo=\${todo#*:}
		case ":$first:$last:" in *":$each:"*) ;; *) [ -z "$each" ] || rest="$rest:$each" ;; esac
	done
	each=$first$rest
	[ -z "$last" ] || each=$each:$last
	eval "export $name=\\"\\\${each#:}\\""
}
`;

const fishJoinFunction = `function __devenv_join --argument-names name place separator value
	set -l added (string split -- $separator $value)
	set -l rest
	for each in (string split -- $separator (string join -- $separator $$name))
		test -n "$each"; and not contains -- $each $added; and set -a rest $each
	end
	set -l all $rest $added
	test $place = first; and set all $added $rest
	test $name = PATH; and set -gx PATH $all; or set -gx $name (string join -- $separator $all)
end`;

function bashActivation(request: ScriptRequest): ActivationScript {
	const rc = `# Written by devenv for an interactive bash.
if [ -f ~/.bashrc ]; then . ~/.bashrc; fi
${posixChanges(request.changes)}${prompt(request, "PS1")}${enterHook(request)}`;
	return {
		files: withHook(request, [["bashrc", rc]]),
		command: [request.program, "--rcfile", `${request.folder}/bashrc`],
	};
}

function zshActivation(request: ScriptRequest): ActivationScript {
	const own = request.zdotdir === null ? "unset ZDOTDIR" : `ZDOTDIR=${quoteForSh(request.zdotdir)}`;
	const env = `# Written by devenv: zsh reads this first, since ZDOTDIR names this folder.
${own}
if [[ -f \${ZDOTDIR:-$HOME}/.zshenv ]]; then source "\${ZDOTDIR:-$HOME}/.zshenv"; fi
__devenv_zdotdir=\${ZDOTDIR-}
ZDOTDIR=${quoteForSh(request.folder)}
`;
	const rc = `# Written by devenv for an interactive zsh.
if [[ -n $__devenv_zdotdir ]]; then ZDOTDIR=$__devenv_zdotdir; else unset ZDOTDIR; fi
unset __devenv_zdotdir
if [[ $HISTFILE == ${quoteForSh(request.folder)}/* ]]; then HISTFILE=\${ZDOTDIR:-$HOME}/.zsh_history; fi
if [[ -f \${ZDOTDIR:-$HOME}/.zshrc ]]; then source "\${ZDOTDIR:-$HOME}/.zshrc"; fi
${posixChanges(request.changes)}${prompt(request, "PROMPT")}${enterHook(request)}`;
	return {
		files: withHook(request, [
			[".zshenv", env],
			[".zshrc", rc],
		]),
		command: ["/usr/bin/env", `ZDOTDIR=${request.folder}`, request.program],
	};
}

function fishActivation(request: ScriptRequest): ActivationScript {
	const name = request.promptName;
	const lines = [
		"# Written by devenv for an interactive fish.",
		fishJoinFunction,
		...request.changes.flatMap(fishChange),
	];
	lines.push("functions -e __devenv_join");
	if (name !== null) {
		lines.push(
			"functions -q __devenv_prompt; or functions -c fish_prompt __devenv_prompt",
			`function fish_prompt; echo -n ${quoteForFish(`(${name}) `)}; __devenv_prompt; end`,
		);
	}
	if (request.enterShell.trim() !== "") {
		// enter_shell is bash: it runs there, and the variables that it changed come back.
		lines.push(
			"set -l __devenv_after (mktemp)",
			`bash -c '. "$1"; env -0 >"$2"' bash ${quoteForFish(`${request.folder}/enter.sh`)} $__devenv_after`,
			"for each in (string split0 <$__devenv_after)",
			"	set -l pair (string split -m 1 = -- $each)",
			"	contains -- $pair[1] _ PWD OLDPWD SHLVL; and continue",
			"	if test $pair[1] = PATH; set -gx PATH (string split : -- $pair[2]); else; set -gx $pair[1] $pair[2]; end",
			"end",
			"rm -f $__devenv_after",
		);
	}
	return {
		files: withHook(request, [["config.fish", `${lines.join("\n")}\n`]]),
		command: [request.program, "--init-command", `source ${quoteForFish(`${request.folder}/config.fish`)}`],
	};
}

function withHook(request: ScriptRequest, files: readonly (readonly [string, string])[]): Map<string, string> {
	const all = new Map(files);
	if (request.enterShell.trim() !== "") all.set("enter.sh", `${request.enterShell}\n`);
	return all;
}

function enterHook(request: ScriptRequest): string {
	return request.enterShell.trim() === "" ? "" : `. ${quoteForSh(`${request.folder}/enter.sh`)}\n`;
}

function prompt(request: ScriptRequest, variable: string): string {
	return request.promptName === null ? "" : `${variable}=${quoteForSh(`(${request.promptName}) `)}$${variable}\n`;
}

function posixChanges(changes: readonly EnvironmentChange[]): string {
	return `${joinFunction}${changes.flatMap(posixChange).join("\n")}\nunset -f __devenv_join\n`;
}

function posixChange(change: EnvironmentChange): string[] {
	switch (change.kind) {
		case "set":
			return [`export ${change.name}=${quoteForSh(change.value)}`];
		case "unset":
			return [`unset ${change.name}`];
		case "prepend":
			return [`__devenv_join ${change.name} ${quoteForSh(change.value)} ''`];
		case "append":
			return [`__devenv_join ${change.name} '' ${quoteForSh(change.value)}`];
		case "rehost":
			return []; // done at entry
		default:
			return unreachable(change);
	}
}

function fishChange(change: EnvironmentChange): string[] {
	switch (change.kind) {
		case "set":
			return [`set -gx ${change.name} ${quoteForFish(change.value)}`];
		case "unset":
			return [`set -e ${change.name}`];
		case "prepend":
		case "append": {
			const place = change.kind === "prepend" ? "first" : "last";
			return [`__devenv_join ${change.name} ${place} ${[change.separator, change.value].map(quoteForFish).join(" ")}`];
		}
		case "rehost":
			return [];
		default:
			return unreachable(change);
	}
}

/** A word that bash, zsh and sh read as this text. */
function quoteForSh(text: string): string {
	return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A word that fish reads as this text. */
function quoteForFish(text: string): string {
	return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
