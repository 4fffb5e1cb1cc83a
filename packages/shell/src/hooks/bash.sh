__devenv_hook_kind=bash
__devenv_hook_shell=${SHELL-}
case $__devenv_hook_shell in bash | */bash) ;; *) __devenv_hook_shell=$BASH ;; esac

# The shells of projects and this one have one history, where there is a file of it.
__devenv_hook_save_history() { [ -z "${HISTFILE-}" ] || history -a; }
__devenv_hook_load_history() { [ -z "${HISTFILE-}" ] || history -n; }

case ";${PROMPT_COMMAND[*]-};" in
*__devenv_hook*) ;;
*)
	if [[ $(declare -p PROMPT_COMMAND 2>/dev/null) == "declare -a"* ]]; then
		PROMPT_COMMAND=(__devenv_hook "${PROMPT_COMMAND[@]}")
	else
		PROMPT_COMMAND="__devenv_hook${PROMPT_COMMAND:+; $PROMPT_COMMAND}"
	fi
	;;
esac
