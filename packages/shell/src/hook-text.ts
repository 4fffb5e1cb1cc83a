/**
 * What `devenv hook` prints but the line that names the launcher: texts of packages/shell/src/hooks for one shell, with the
 * functions that set an environment's variables where the shell itself is to have them. Layer 2.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fishFunctions, fishPrompt, posixFunctions, posixPrompt } from "./live-functions.ts";
import type { ShellName } from "./shell-name.ts";

/** `view`: a shell of its own in each project; `shims`: the project's variables and launchers of its programs. */
export type HookMode = "view" | "shims";

const folder = join(import.meta.dirname, "hooks");

export function hookText(shell: ShellName | "direnv", mode: HookMode): string {
	const read = (name: string): string => readFileSync(join(folder, name), "utf8");
	switch (shell) {
		case "direnv":
			return read("direnv.sh");
		case "fish":
			return `set -g __devenv_hook_mode ${mode}\n${read("hook.fish")}${mode === "shims" ? fishShims : ""}`;
		case "nu":
			return read("hook.nu");
		case "bash":
		case "zsh":
			return `__devenv_hook_mode=${mode}\n${read("posix.sh")}${mode === "shims" ? posixShims : ""}${read(`${shell}.sh`)}`;
	}
}

/** Variables that a shell before this one set are remembered by it, also what was the same already. */
const posixShims = `if [ -z "$__devenv_hook_in_view" ]; then
__devenv_kept_names=\${__devenv_names-} __devenv_kept_lists=\${__devenv_lists-}
${posixFunctions}${posixPrompt}[ -z "$__devenv_hook_active" ] || __devenv_names=$__devenv_kept_names __devenv_lists=$__devenv_kept_lists
unset __devenv_kept_names __devenv_kept_lists
__devenv_entered=1 __devenv_shell=\${__devenv_shell-} __devenv_generation=\${__devenv_generation-}
fi
`;

const fishShims = `if test -z "$__devenv_hook_in_view"
set -l kept_names (string split -n ' ' -- $__devenv_names)
set -l kept_lists (string split -n ' ' -- $__devenv_lists)
${fishFunctions}${fishPrompt}if test -n "$__devenv_hook_active"
	set -g __devenv_names $kept_names
	set -g __devenv_lists $kept_lists
end
set -g __devenv_entered 1
set -q __devenv_shell; or set -g __devenv_shell
end
`;
