/**
 * The functions that activation gives to an interactive shell: they set the environment's variables, remember what was there
 * before, and apply a later environment before a prompt. Layer 2 (pure: texts).
 *
 * A change text (change-script.ts) says the whole new environment, not a step from the last, so that a shell that slept
 * through ten changes reads one. What the user changed by hand since stays his. The check before a prompt reads one
 * line of a file with the shell's own commands and starts no process.
 */

/** Who a shell is to the daemon; nothing where the environment is not followed. */
export interface LiveShell {
	/** Folder of registrations and change texts, as the shell sees it (see live-shell.ts). */
	readonly folder: string;
	/** One line of JSON: a {@link ShellRegistration}. */
	readonly registration: string;
}

/**
 * For bash and zsh: parameter expansion and `eval` only, which work alike in both. Names are checked by whoever writes the
 * calls; values are never evaluated.
 */
export const posixFunctions = `__devenv_set() {
	__devenv_seen="$__devenv_seen $1"
	case " $__devenv_names " in
	*" $1 "*) eval "[ \\"\\\${$1-}\\" = \\"\\\${__devenv_value_$1-}\\" ] || return 0" ;;
	*)
		if eval "[ -n \\"\\\${__DEVENV_HAD_$1+x}\\" ]"; then
			eval "__devenv_before_$1=\\$__DEVENV_HAD_$1"
			unset "__DEVENV_HAD_$1"
		elif eval "[ -n \\"\\\${$1+x}\\" ]" && { [ -n "$__devenv_entered" ] || eval "[ \\"\\$$1\\" != \\"\\$2\\" ]"; }; then
			eval "__devenv_before_$1=\\$$1"
		fi
		__devenv_names="$__devenv_names $1"
		;;
	esac
	eval "export $1=\\"\\$2\\" && __devenv_value_$1=\\"\\$2\\""
}
__devenv_join() {
	local name=$1 first=$2 last=$3 todo= rest= each= old=
	case " $__devenv_seen " in *" $name "*) ;; *) __devenv_seen="$__devenv_seen $name" ;; esac
	case " $__devenv_lists " in *" $name "*) ;; *) __devenv_lists="$__devenv_lists $name" ;; esac
	eval "todo=\\"\\\${$name-}:\\" old=\\"\\\${__devenv_first_$name-}:\\\${__devenv_last_$name-}\\""
	while [ -n "$todo" ]; do
		each=\${todo%%:*}
		todo=\${todo#*:}
		case ":$first:$last:$old:" in *":$each:"*) ;; *) [ -z "$each" ] || rest="$rest:$each" ;; esac
	done
	each=$first$rest
	[ -z "$last" ] || each=$each:$last
	eval "export $name=\\"\\\${each#:}\\" && __devenv_first_$name=\\"\\$first\\" && __devenv_last_$name=\\"\\$last\\""
}
__devenv_finish() {
	local each= left=
	eval "set -- $__devenv_names"
	for each in "$@"; do
		case " $__devenv_seen " in *" $each "*) left="$left $each" && continue ;; esac
		if eval "[ \\"\\\${$each-}\\" = \\"\\$__devenv_value_$each\\" ]"; then
			if eval "[ -n \\"\\\${__devenv_before_$each+x}\\" ]"; then eval "export $each=\\"\\$__devenv_before_$each\\""; else unset "$each"; fi
		fi
		unset "__devenv_value_$each" "__devenv_before_$each"
	done
	__devenv_names=$left
	eval "set -- $__devenv_lists"
	for each in "$@"; do
		case " $__devenv_seen " in *" $each "*) ;; *) __devenv_join "$each" '' '' ;; esac
	done
	__devenv_seen= __devenv_entered=1
}
__devenv_alias_now() {
	if [ -n "\${ZSH_VERSION-}" ]; then __devenv_alias_text=\${aliases[$1]-}; else __devenv_alias_text=\${BASH_ALIASES[$1]-}; fi
}
__devenv_alias() {
	__devenv_alias_seen="$__devenv_alias_seen $1"
	__devenv_alias_now "$1"
	case " $__devenv_alias_names " in
	*" $1 "*) [ "$__devenv_alias_text" = "\${__devenv_alias_ours[$1]}" ] || return 0 ;;
	*)
		__devenv_alias_before[$1]=$__devenv_alias_text
		__devenv_alias_names="$__devenv_alias_names $1"
		;;
	esac
	alias -- "$1=$2" && __devenv_alias_ours[$1]=$2
}
__devenv_finish_aliases() {
	local each= left=
	eval "set -- $__devenv_alias_names"
	for each in "$@"; do
		case " $__devenv_alias_seen " in *" $each "*) left="$left $each" && continue ;; esac
		__devenv_alias_now "$each"
		[ "$__devenv_alias_text" = "\${__devenv_alias_ours[$each]}" ] || continue
		if [ -n "\${__devenv_alias_before[$each]}" ]; then alias -- "$each=\${__devenv_alias_before[$each]}"; else unalias -- "$each"; fi
	done
	__devenv_alias_names=$left __devenv_alias_seen=
}
__devenv_names= __devenv_lists= __devenv_seen= __devenv_entered=
__devenv_alias_names= __devenv_alias_seen= __devenv_alias_text=
typeset -gA __devenv_alias_ours __devenv_alias_before
`;

/** The check before each prompt of bash and zsh; leaves the status of the last command as it is. */
export const posixPrompt = `__devenv_prompt() {
	local code=$? now=
	{ IFS= read -r now <"$__devenv_shell.generation"; } 2>/dev/null
	if [ -n "$now" ] && [ "$now" != "$__devenv_generation" ]; then
		__devenv_generation=$now
		. "$__devenv_shell.$now.change"
	fi
	return $code
}
`;

/** What bash runs at startup to be known to the daemon and to follow it. */
export function bashLive(live: LiveShell | null): string {
	if (live === null) return "";
	return `${posixPrompt}${posixRegistration(live)}if [[ $(declare -p PROMPT_COMMAND 2>/dev/null) == "declare -a"* ]]; then
	PROMPT_COMMAND=(__devenv_prompt "\${PROMPT_COMMAND[@]}")
else
	PROMPT_COMMAND="__devenv_prompt\${PROMPT_COMMAND:+; $PROMPT_COMMAND}"
fi
`;
}

/** The same for zsh. */
export function zshLive(live: LiveShell | null): string {
	if (live === null) return "";
	return `${posixPrompt}${posixRegistration(live)}precmd_functions=(__devenv_prompt $precmd_functions)
`;
}

/** What makes a bash or zsh known to the daemon. */
export function posixRegistration({ folder, registration }: LiveShell): string {
	return `__devenv_generation=0 __devenv_shell=${quoteForSh(folder)}/$$
IFS= read -r __devenv_status </proc/$$/stat
printf '%s\\n' ${quoteForSh(registration)} "$__devenv_status" >|"$__devenv_shell.shell"
unset __devenv_status
`;
}

/** As {@link posixFunctions}, for fish, whose lists are told from other variables by a separator. */
export const fishFunctions = `function __devenv_set --argument-names name value
	set -ga __devenv_seen $name
	if contains -- $name $__devenv_names
		set -l ours __devenv_value_$name
		test "$$name" = "$$ours"; or return 0
	else
		set -l had __DEVENV_HAD_$name
		if set -q $had
			set -g __devenv_before_$name $$had
			set -e $had
		else if set -q $name; and begin; test -n "$__devenv_entered"; or test "$$name" != "$value"; end
			set -g __devenv_before_$name $$name
		end
		set -ga __devenv_names $name
	end
	set -gx $name $value
	set -g __devenv_value_$name $value
end
function __devenv_join --argument-names name separator first last
	contains -- $name $__devenv_seen; or set -ga __devenv_seen $name
	contains -- $name $__devenv_lists; or set -ga __devenv_lists $name
	set -l before __devenv_first_$name
	set -l after __devenv_last_$name
	set -l start (string split -n -- $separator "$first")
	set -l end (string split -n -- $separator "$last")
	set -l rest
	for each in (string split -n -- $separator (string join -- $separator $$name))
		contains -- $each $start $end $$before $$after; or set -a rest $each
	end
	if test $name = PATH
		set -gx PATH $start $rest $end
	else
		set -gx $name (string join -- $separator $start $rest $end)
	end
	set -g __devenv_first_$name $start
	set -g __devenv_last_$name $end
end
function __devenv_finish
	set -l left
	for each in $__devenv_names
		set -l ours __devenv_value_$each
		set -l before __devenv_before_$each
		if contains -- $each $__devenv_seen
			set -a left $each
			continue
		end
		if test "$$each" = "$$ours"
			if set -q $before
				set -gx $each $$before
			else
				set -e $each
			end
		end
		set -e $ours
		set -e $before
	end
	set -g __devenv_names $left
	for each in $__devenv_lists
		contains -- $each $__devenv_seen; or __devenv_join $each : "" ""
	end
	set -g __devenv_seen
	set -g __devenv_entered 1
end
function __devenv_alias --argument-names name value
	set -ga __devenv_alias_seen $name
	set -l ours __devenv_alias_ours_(string escape --style=var -- $name)
	set -l before __devenv_alias_before_$name
	if contains -- $name $__devenv_alias_names
		test "$(functions --no-details -- $name)" = "$$ours"; or return 0
	else
		set -ga __devenv_alias_names $name
		if functions -q -- $name
			functions -e $before
			functions -c $name $before
		end
	end
	alias $name $value
	set -g $ours "$(functions --no-details -- $name)"
end
function __devenv_finish_aliases
	set -l left
	for each in $__devenv_alias_names
		set -l ours __devenv_alias_ours_(string escape --style=var -- $each)
		set -l before __devenv_alias_before_$each
		if contains -- $each $__devenv_alias_seen
			set -a left $each
			continue
		end
		if test "$(functions --no-details -- $each)" = "$$ours"
			functions -e $each
			functions -q $before; and functions -c $before $each
		end
		functions -e $before
	end
	set -g __devenv_alias_names $left
	set -g __devenv_alias_seen
end
set -g __devenv_names
set -g __devenv_lists
set -g __devenv_seen
set -g __devenv_entered
set -g __devenv_alias_names
set -g __devenv_alias_seen
`;

/** What fish runs at startup to be known to the daemon and to follow it. */
export function fishLive(live: LiveShell | null): string {
	return live === null ? "" : `${fishRegistration(live)}${fishPrompt}`;
}

/** What makes a fish known to the daemon. */
export function fishRegistration({ folder, registration }: LiveShell): string {
	return `set -g __devenv_generation 0
set -g __devenv_shell ${quoteForFish(folder)}/$fish_pid
read -l __devenv_status </proc/$fish_pid/stat
printf '%s\\n' ${quoteForFish(registration)} "$__devenv_status" >$__devenv_shell.shell
`;
}

/** The check before each prompt of fish. */
export const fishPrompt = `function __devenv_prompt --on-event fish_prompt
	test -n "$__devenv_shell"; and test -r $__devenv_shell.generation; or return
	read -l now <$__devenv_shell.generation
	if test -n "$now"; and test "$now" != "$__devenv_generation"
		set -g __devenv_generation $now
		source $__devenv_shell.$now.change
	end
end
`;

/** A word that bash, zsh and sh read as this text. */
export function quoteForSh(text: string): string {
	return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A word that fish reads as this text. */
export function quoteForFish(text: string): string {
	return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
