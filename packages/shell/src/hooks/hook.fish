# devenv: activation on cd, for fish. See posix.sh, which says how this works and of which this is the same in fish.

set -g __devenv_helper (string replace -r '/[^/]*$' '' -- $__devenv_launcher)/../build/native/devenv-helper
if test -n "$DEVENV_HOME"
	set -g __devenv_state $DEVENV_HOME/state
	set -g __devenv_runtime $DEVENV_HOME/run
else
	set -g __devenv_state $HOME/.local/state/devenv
	string match -q '/*' -- "$XDG_STATE_HOME"; and set -g __devenv_state $XDG_STATE_HOME/devenv
	set -g __devenv_runtime $__devenv_state/run
	string match -q '/*' -- "$XDG_RUNTIME_DIR"; and set -g __devenv_runtime $XDG_RUNTIME_DIR/devenv
end
set -g __devenv_hook_in_view
if test -x /.devenv/helper
	set -g __devenv_hook_in_view 1
	set -g __devenv_helper /.devenv/helper
	test -x $__devenv_launcher; or set -g __devenv_launcher /.devenv/host$__devenv_launcher
end
set -g __devenv_hook_pwd
set -g __devenv_hook_mark
set -g __devenv_hook_stay
set -g __devenv_hook_left
set -g __devenv_hook_told
set -q DEVENV_HOOK_HANDOFF; and set -g __devenv_hook_handoff $DEVENV_HOOK_HANDOFF
set -q __devenv_hook_handoff; or set -g __devenv_hook_handoff
if set -q DEVENV_HOOK_HANDOFF
	# This shell takes the other's place: it does not greet, and `cd -` leads back.
	set -g fish_greeting
	test -n "$OLDPWD"; and set -g dirprev $OLDPWD
end
set -e DEVENV_HOOK_HANDOFF
set -g __devenv_hook_root "$DEVENV_ROOT"
set -g __devenv_hook_shell "$SHELL"
string match -q -r '(^|/)fish$' -- $__devenv_hook_shell; or set -g __devenv_hook_shell (status fish-path)
if test -n "$__devenv_hook_in_view"
	set -e __devenv_hook_active
	set -g __devenv_hook_active
else if not set -q __devenv_hook_active
	set -g __devenv_hook_active
end

function __devenv_hook --on-event fish_prompt
	set -l mark
	test -r $__devenv_state/trust/changed; and read mark <$__devenv_state/trust/changed
	test "$PWD" = "$__devenv_hook_pwd"; and test "$mark" = "$__devenv_hook_mark"; and return
	test "$mark" = "$__devenv_hook_mark"; or test "$__devenv_hook_left" = "$__devenv_hook_stay"; or set -g __devenv_hook_stay
	set -g __devenv_hook_mark $mark
	__devenv_hook_look
end

function __devenv_hook_tell --argument-names key message
	contains -- $key $__devenv_hook_told; and return
	set -ga __devenv_hook_told $key
	echo "devenv: $message" >&2
end

function __devenv_hook_look
	for turn in (seq 8)
		set -g __devenv_hook_pwd $PWD
		if not test -x $__devenv_helper
			__devenv_hook_tell helper "the hook needs the native helper: install a C compiler and run devenv once"
			return
		end
		set -l found (SHELL=$__devenv_hook_shell $__devenv_helper hook $__devenv_hook_mode $__devenv_launcher --devenv-client | string collect)
		set found (string split -m 2 \n -- $found)
		set -l verdict $found[1]
		set -l texts $found[2]
		set -l project "$found[3]"
		test -n "$verdict"; and test "$verdict" != gone; or return
		test -n "$project"; and test "$project" = "$__devenv_hook_stay"; or set -g __devenv_hook_stay
		if test -n "$__devenv_hook_handoff"
			__devenv_hook_leave "$project"
			return
		end
		if test -n "$__devenv_hook_in_view"; and begin; test $__devenv_hook_mode = shims; or test "$project" = "$__devenv_hook_root"; end
			return
		end
		test -n "$__devenv_hook_active"; and test "$project" != "$__devenv_hook_active"; and __devenv_hook_deactivate
		if not contains -- $verdict enter cold
			set -g __devenv_hook_stay
			set -g __devenv_hook_left
		end
		switch $verdict
			case 'held:*'
				__devenv_hook_tell "$project $verdict" "this folder's environment waits for `devenv allow`; read its env.yaml first"
			case unlocked
				__devenv_hook_tell "$project $verdict" "this folder's environment has no env.lock yet: `devenv shell` makes it"
			case enter cold
				if test "$project" != "$__devenv_hook_stay"; and test "$project" != "$__devenv_hook_active"
					if test $__devenv_hook_mode = view
						__devenv_hook_open $project; and continue
					else
						__devenv_hook_activate $project $verdict $texts; and continue
					end
				end
		end
		return
	end
end

function __devenv_hook_open --argument-names project
	set -l handoff $__devenv_runtime/hook/$fish_pid
	set -g __devenv_hook_stay $project
	set -g __devenv_hook_left $project
	printf '' >$handoff; or return 1
	history save
	# Before a prompt the terminal is as fish itself wants it; commands want Ctrl-C and Ctrl-Z, and whole lines.
	command stty isig icanon iexten echo icrnl opost onlcr susp '^Z' quit '^\\'
	OLDPWD=$dirprev[-1] DEVENV_HOOK_HANDOFF=$handoff SHELL=$__devenv_hook_shell $__devenv_helper launch $__devenv_launcher --devenv-client -- shell --ambient
	history merge
	set -l target
	set -l before
	begin
		read -z target
		read -z before
	end <$handoff
	printf '' >$handoff
	test -n "$target"; and builtin cd -- $target 2>/dev/null; or return 1
	test -n "$before"; and set -ga dirprev $before
	set -g __devenv_hook_stay
	return 0
end

function __devenv_hook_leave --argument-names project
	if test "$project" = "$__devenv_hook_root"
		printf '' >$__devenv_hook_handoff
		return
	end
	printf '%s\0%s\0' $PWD $dirprev[-1] >$__devenv_hook_handoff
	if jobs | string match -q '*stopped*'
		echo 'devenv: stopped jobs keep this shell open outside its project: `exit` leaves it' >&2
		return
	end
	builtin exit 0
end

function __devenv_hook_activate --argument-names project verdict texts
	if test $verdict = cold
		set -g __devenv_hook_stay $project
		$__devenv_launcher shims >/dev/null; or return 1
		test "$__devenv_hook_made" = $project; and set -g __devenv_hook_made; and return 1
		set -g __devenv_hook_stay
		set -g __devenv_hook_made $project
		return 0
	end
	set -g __devenv_hook_made
	source $texts/enter.fish; or return 1
	set -gx __devenv_hook_active $project
	set -gx __devenv_names $__devenv_names
	set -gx __devenv_lists $__devenv_lists
	for each in $__devenv_names
		set -l ours __devenv_value_$each
		set -gx $ours $$ours
		set -l before __devenv_before_$each
		set -q $before; and set -gx $before $$before
	end
	for each in $__devenv_lists
		for part in __devenv_first_$each __devenv_last_$each
			set -gx $part (string join : -- $$part)
		end
	end
	return 1
end

function __devenv_hook_deactivate
	set -g __devenv_seen
	for each in $__devenv_lists
		for part in __devenv_first_$each __devenv_last_$each
			set -g $part (string split -n : -- $$part)
		end
	end
	__devenv_finish
	__devenv_finish_aliases
	for each in $__devenv_lists
		set -e __devenv_first_$each
		set -e __devenv_last_$each
	end
	test -n "$__devenv_shell"; and printf '' >$__devenv_shell.shell
	set -g __devenv_shell
	set -e __devenv_hook_active
	set -e __devenv_names
	set -e __devenv_lists
	set -g __devenv_hook_active
	set -g __devenv_names
	set -g __devenv_lists
end
