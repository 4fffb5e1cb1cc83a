__devenv_hook_kind=zsh
__devenv_hook_shell=${SHELL-}
case $__devenv_hook_shell in zsh | */zsh) ;; *) __devenv_hook_shell=${commands[zsh]:-zsh} ;; esac

# The shells of projects and this one have one history, where there is a file of it.
__devenv_hook_save_history() { [[ -z ${HISTFILE-} || ${SAVEHIST:-0} -eq 0 ]] || fc -AI; }
__devenv_hook_load_history() { [[ -z ${HISTFILE-} || ! -r ${HISTFILE-} ]] || fc -RI; }

typeset -ga precmd_functions
(( ${precmd_functions[(Ie)__devenv_hook]} )) || precmd_functions=(__devenv_hook $precmd_functions)
