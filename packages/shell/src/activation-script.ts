/**
 * What an interactive shell reads when it enters an environment: the user's own startup files first, as without us, then
 * the environment once more (they may have changed PATH), then `enter_shell`, once. History and prompt stay the user's.
 * Layer 2 (pure: texts).
 */

import { unreachable } from "@devenv/diagnostics";
import { aliasChanges, fishChanges, posixChanges } from "./change-script.ts";
import type { EnvironmentChange } from "./environment-difference.ts";
import {
	bashLive,
	fishFunctions,
	fishLive,
	type LiveShell,
	posixFunctions,
	quoteForFish,
	quoteForSh,
	zshLive,
} from "./live-functions.ts";
import { nuStartup, quoteForNu } from "./nu-functions.ts";
import type { ShellName } from "./shell-name.ts";

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
	/** How the shell follows later environments; null: it does not. */
	readonly live: LiveShell | null;
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
		case "nu":
			return nuActivation(request);
		default:
			return unreachable(shell);
	}
}

function bashActivation(request: ScriptRequest): ActivationScript {
	const rc = `# Written by devenv for an interactive bash.
if [ -f ~/.bashrc ]; then . ~/.bashrc; fi
${entry(request)}${prompt(request, "PS1")}${enterHook(request)}${aliases("bash", request)}${bashLive(request.live)}`;
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
${entry(request)}${prompt(request, "PROMPT")}${enterHook(request)}${aliases("zsh", request)}${zshLive(request.live)}`;
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
	const lines = ["# Written by devenv for an interactive fish.", `${fishFunctions}${fishChanges(request.changes)}`];
	if (name !== null) {
		lines.push(
			"functions -q __devenv_own_prompt; or functions -c fish_prompt __devenv_own_prompt",
			`set -g __devenv_prompt_name ${quoteForFish(name)}`,
			// The own prompt comes first: it may show $status and $pipestatus, which any command before it would change.
			"function fish_prompt",
			"	set -l own (__devenv_own_prompt)",
			'	echo -n "($__devenv_prompt_name) "(string join \\n -- $own | string collect --allow-empty)',
			"end",
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
		files: withHook(request, [
			["config.fish", `${lines.join("\n")}\n${aliases("fish", request)}${fishLive(request.live)}`],
		]),
		command: [request.program, "--init-command", `source ${quoteForFish(`${request.folder}/config.fish`)}`],
	};
}

function nuActivation(request: ScriptRequest): ActivationScript {
	const { text, data } = nuStartup(request);
	return {
		files: withHook(request, [
			["startup.nu", text],
			["environment.json", data],
		]),
		command: [request.program, "--execute", `source ${quoteForNu(`${request.folder}/startup.nu`)}`],
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

/** After `enter_shell`, whose words are to mean what they mean elsewhere. */
function aliases(shell: Exclude<ShellName, "nu">, { changes }: ScriptRequest): string {
	return `${aliasChanges(shell, changes)}\n`;
}

function prompt(request: ScriptRequest, variable: string): string {
	return request.promptName === null ? "" : `${variable}=${quoteForSh(`(${request.promptName}) `)}$${variable}\n`;
}

function entry(request: ScriptRequest): string {
	return `${posixFunctions}${posixChanges(request.changes)}\n`;
}
