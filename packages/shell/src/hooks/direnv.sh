# devenv for direnv: put this into ~/.config/direnv/lib/devenv.sh, and `use devenv` into a project's .envrc.
use_devenv() {
	local state text
	if [ -n "${DEVENV_HOME-}" ]; then
		state=$DEVENV_HOME/state
	else
		case ${XDG_STATE_HOME-} in
		/*) state=$XDG_STATE_HOME/devenv ;;
		*) state=$HOME/.local/state/devenv ;;
		esac
	fi
	# What else was read is watched by the text itself; after `devenv allow` all is looked at again.
	watch_file env.yaml env.local.yaml env.lock "$state/trust/changed"
	text=$("$__devenv_launcher" print-env --shell direnv) || return
	eval "$text"
}
