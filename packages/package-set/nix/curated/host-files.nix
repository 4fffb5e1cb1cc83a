# Where rc files look for what belongs to the user's own shell: completion, plugins, key bindings and prompts that the
# host's distribution installs below /usr/share. A root that has nothing of the name shows the host's there, by a link into
# the host's tree (empty where the host has none either), so that a view's shell is the one that its user knows. These are
# files of interactive shells only; no build reads them.
#
# By distribution: Debian, Ubuntu; then Arch, Fedora and openSUSE where theirs differ.
let
  host = "/.devenv/host";
  paths = [
    "/usr/share/bash-completion/bash_completion"
    "/usr/share/doc/fzf/examples"
    "/usr/share/doc/pkgfile"
    "/usr/share/fzf"
    "/usr/share/fzf-tab-completion"
    "/usr/share/zsh-antidote"
    "/usr/share/zsh-antigen"
    "/usr/share/zsh-autosuggestions"
    "/usr/share/zsh-history-substring-search"
    "/usr/share/zsh-syntax-highlighting"
    "/usr/share/zsh-theme-powerlevel9k"
    "/usr/share/zsh-theme-powerlevel10k"
    "/usr/share/zsh/plugins"
    "/usr/share/zsh/site-contrib"
    "/usr/share/zplug"
    "/usr/share/oh-my-zsh"
    "/usr/share/powerlevel9k"
    "/usr/share/powerlevel10k"
    "/usr/share/powerline"
    "/usr/share/liquidprompt"
    "/usr/share/git-prompt.sh"
    "/usr/share/git/completion"
    "/usr/share/git-core/contrib/completion"
    "/usr/lib/git-core/git-sh-prompt"
    "/usr/share/autojump"
    "/usr/share/z"
    "/usr/share/skim"
    "/usr/share/blesh"
    "/usr/share/bash-preexec"
    "/usr/share/undistract-me"
    "/usr/share/virtualenvwrapper"
    "/usr/share/nvm"
    "/usr/share/chruby"
    "/usr/share/rbenv"
    "/usr/share/asdf-vm"
    "/usr/share/lmod"
    "/usr/share/modules"
  ];
in
builtins.listToAttrs (map (path: { name = path; value = host + path; }) paths)
