# devenv: activation on cd, for bash and zsh. The line before this one names the launcher; __devenv_hook_mode is `view` (a
# shell of its own in each project) or `shims` (this shell gets the project's variables and launchers of its programs).
#
# Before each prompt this reads one line of a file and compares two variables; only where the folder or the user's consent
# has changed does it start the native helper, which says what is due (native/hook.c). Nothing of a project is run before
# it is allowed.

__devenv_helper=${__devenv_launcher%/*}/../build/native/devenv-helper
if [ -n "${DEVENV_HOME-}" ]; then
	__devenv_state=$DEVENV_HOME/state
	__devenv_runtime=$DEVENV_HOME/run
else
	case ${XDG_STATE_HOME-} in
	/*) __devenv_state=$XDG_STATE_HOME/devenv ;;
	*) __devenv_state=$HOME/.local/state/devenv ;;
	esac
	case ${XDG_RUNTIME_DIR-} in
	/*) __devenv_runtime=$XDG_RUNTIME_DIR/devenv ;;
	*) __devenv_runtime=$__devenv_state/run ;;
	esac
fi
# Inside a view the host's /usr and /opt lie elsewhere.
__devenv_hook_in_view=
if [ -x /.devenv/helper ]; then
	__devenv_hook_in_view=1
	__devenv_helper=/.devenv/helper
	[ -x "$__devenv_launcher" ] || __devenv_launcher=/.devenv/host$__devenv_launcher
fi
# The folder and the consent that were last looked at; the project that is not to be entered (again) while we stay in it; that
# whose shell the user has left by `exit`; what was said.
__devenv_hook_pwd= __devenv_hook_mark= __devenv_hook_stay= __devenv_hook_left= __devenv_hook_told=
# A shell that the hook of another opened leaves word there of the folder to go on in. Its own children are no such shells.
__devenv_hook_handoff=${DEVENV_HOOK_HANDOFF-${__devenv_hook_handoff-}}
__devenv_hook_root=${DEVENV_ROOT-}
unset DEVENV_HOOK_HANDOFF
# The project whose variables this shell has, perhaps from the shell that started it.
if [ -n "$__devenv_hook_in_view" ]; then __devenv_hook_active=; else __devenv_hook_active=${__devenv_hook_active-}; fi

__devenv_hook() {
	local code=$? mark=
	[ -z "$__devenv_hook_active" ] || __devenv_prompt
	{ IFS= read -r mark <"$__devenv_state/trust/changed"; } 2>/dev/null
	[ "$PWD" = "$__devenv_hook_pwd" ] && [ "$mark" = "$__devenv_hook_mark" ] && return $code
	# A new decision may be about the project that was left alone, unless its user did so.
	[ "$mark" = "$__devenv_hook_mark" ] || [ "$__devenv_hook_left" = "$__devenv_hook_stay" ] || __devenv_hook_stay=
	__devenv_hook_mark=$mark
	__devenv_hook_look
	return $code
}

# Prints its message once for each key.
__devenv_hook_tell() {
	case $__devenv_hook_told in *"<$1>"*) return 0 ;; esac
	__devenv_hook_told="$__devenv_hook_told<$1>"
	printf 'devenv: %s\n' "$2" >&2
}

__devenv_hook_look() {
	local turn=0 found= verdict= texts= project=
	while [ "$turn" -lt 8 ]; do
		turn=$((turn + 1))
		__devenv_hook_pwd=$PWD
		if [ ! -x "$__devenv_helper" ]; then
			__devenv_hook_tell helper "the hook needs the native helper: install a C compiler and run devenv once"
			return 0
		fi
		found=$(SHELL=$__devenv_hook_shell "$__devenv_helper" hook "$__devenv_hook_mode" "$__devenv_launcher" --devenv-client) || return 0
		verdict=${found%%$'\n'*} found=${found#*$'\n'}
		texts=${found%%$'\n'*} project=${found#*$'\n'}
		[ "$verdict" != gone ] || return 0
		[ -n "$project" ] && [ "$project" = "$__devenv_hook_stay" ] || __devenv_hook_stay=
		if [ -n "$__devenv_hook_handoff" ]; then
			__devenv_hook_leave "$project"
			return 0
		fi
		# A shell that was entered by name stays what it is, also where its user goes.
		if [ -n "$__devenv_hook_in_view" ] && { [ "$__devenv_hook_mode" = shims ] || [ "$project" = "$__devenv_hook_root" ]; }; then
			return 0
		fi
		if [ -n "$__devenv_hook_active" ] && [ "$project" != "$__devenv_hook_active" ]; then __devenv_hook_deactivate; fi
		# Consent that was taken back and is given again is a new one.
		case $verdict in enter | cold) ;; *) __devenv_hook_stay= __devenv_hook_left= ;; esac
		case $verdict in
		held:*) __devenv_hook_tell "$project $verdict" "this folder's environment waits for \`devenv allow\`; read its env.yaml first" ;;
		unlocked) __devenv_hook_tell "$project $verdict" "this folder's environment has no env.lock yet: \`devenv shell\` makes it" ;;
		enter | cold)
			if [ "$project" != "$__devenv_hook_stay" ] && [ "$project" != "$__devenv_hook_active" ]; then
				if [ "$__devenv_hook_mode" = view ]; then
					__devenv_hook_open "$project" && continue
				else
					__devenv_hook_activate "$project" "$verdict" "$texts" && continue
				fi
			fi
			;;
		esac
		return 0
	done
}

# Opens a shell in the project. True where its user has gone to another folder, in which this shell is then.
__devenv_hook_open() {
	local handoff=$__devenv_runtime/hook/$$ target= before=
	__devenv_hook_stay=$1 __devenv_hook_left=$1
	: >|"$handoff" || return 1
	__devenv_hook_save_history
	DEVENV_HOOK_HANDOFF=$handoff SHELL=$__devenv_hook_shell "$__devenv_helper" launch "$__devenv_launcher" --devenv-client -- shell --ambient
	__devenv_hook_load_history
	{ IFS= read -r -d '' target && IFS= read -r -d '' before; } <"$handoff"
	: >|"$handoff"
	[ -n "$target" ] && builtin cd -- "$target" 2>/dev/null || return 1
	[ -z "$before" ] || OLDPWD=$before
	__devenv_hook_stay=
	return 0
}

# In a shell that was opened so: ends it where its user has left the project.
__devenv_hook_leave() {
	if [ "$1" = "$__devenv_hook_root" ]; then
		: >|"$__devenv_hook_handoff"
		return 0
	fi
	printf '%s\0%s\0' "$PWD" "${OLDPWD-}" >|"$__devenv_hook_handoff"
	# Shells let go of stopped jobs without a word where nobody typed `exit`.
	if [ -z "$(jobs -s)" ]; then builtin exit 0 2>/dev/null; fi
	printf 'devenv: stopped jobs keep this shell open outside its project: `exit` leaves it\n' >&2
}

# Gives this shell the project's variables and shims. True where there is reason to look again.
__devenv_hook_activate() {
	if [ "$2" = cold ]; then
		__devenv_hook_stay=$1
		"$__devenv_launcher" shims >/dev/null || return 1
		__devenv_hook_stay=
		# Once: what is not in place now will not come.
		[ "${__devenv_hook_made-}" != "$1" ] || { __devenv_hook_stay=$1 __devenv_hook_made=; return 1; }
		__devenv_hook_made=$1
		return 0
	fi
	__devenv_hook_made=
	. "$3/enter.$__devenv_hook_kind" || return 1
	hash -r
	__devenv_hook_active=$1
	# Shells started from this one take over.
	export __devenv_hook_active __devenv_names __devenv_lists
	eval "set -- $__devenv_names"
	local each=
	for each in "$@"; do export "__devenv_value_$each"; eval "[ -z \"\${__devenv_before_$each+x}\" ] || export __devenv_before_$each"; done
	eval "set -- $__devenv_lists"
	for each in "$@"; do export "__devenv_first_$each" "__devenv_last_$each"; done
	return 1
}

__devenv_hook_deactivate() {
	local each=
	__devenv_seen=
	__devenv_finish
	__devenv_finish_aliases
	eval "set -- $__devenv_lists"
	for each in "$@"; do unset "__devenv_first_$each" "__devenv_last_$each"; done
	__devenv_lists=
	[ -z "${__devenv_shell-}" ] || : >|"$__devenv_shell.shell"
	__devenv_shell=
	hash -r
	unset __devenv_hook_active __devenv_names __devenv_lists
	__devenv_hook_active= __devenv_names= __devenv_lists=
}
