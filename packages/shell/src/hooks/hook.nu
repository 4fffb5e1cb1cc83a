# devenv: activation on cd, for nushell. See posix.sh, which says how this works and of which this is the same, but for shims.

def --env __devenv_hook_setup [launcher: string] {
	let home = $env.DEVENV_HOME? | default ""
	let state = if $home != "" {
		$"($home)/state"
	} else if ($env.XDG_STATE_HOME? | default "") =~ "^/" {
		$"($env.XDG_STATE_HOME)/devenv"
	} else {
		$"($env.HOME)/.local/state/devenv"
	}
	let runtime = if $home != "" {
		$"($home)/run"
	} else if ($env.XDG_RUNTIME_DIR? | default "") =~ "^/" {
		$"($env.XDG_RUNTIME_DIR)/devenv"
	} else {
		$"($state)/run"
	}
	# Inside a view the host's /usr and /opt lie elsewhere.
	let in_view = "/.devenv/helper" | path exists
	$env.__devenv_hook = {
		launcher: (if $in_view and not ($launcher | path exists) { $"/.devenv/host($launcher)" } else { $launcher })
		helper: (if $in_view { "/.devenv/helper" } else { $"($launcher | path dirname | path dirname)/build/native/devenv-helper" })
		state: $state
		runtime: $runtime
		in_view: $in_view
		handoff: ($env.DEVENV_HOOK_HANDOFF? | default "")
		root: ($env.DEVENV_ROOT? | default "")
		pwd: ""
		mark: ""
		stay: ""
		left: ""
		told: []
	}
	if "DEVENV_HOOK_HANDOFF" in $env { hide-env DEVENV_HOOK_HANDOFF }
	$env.config.hooks.pre_prompt = ($env.config.hooks.pre_prompt? | default [] | append {|| __devenv_hook_look })
}

# Before each prompt: one line of a file and two comparisons, unless something is due.
def --env __devenv_hook_look [] {
	let mark = try { open --raw $"($env.__devenv_hook.state)/trust/changed" | decode utf-8 | str trim } catch { "" }
	if $env.PWD == $env.__devenv_hook.pwd and $mark == $env.__devenv_hook.mark { return }
	# A new decision may be about the project that was left alone, unless its user did so.
	if $mark != $env.__devenv_hook.mark and $env.__devenv_hook.left != $env.__devenv_hook.stay { $env.__devenv_hook.stay = "" }
	$env.__devenv_hook.mark = $mark
	for turn in 1..8 {
		if not (__devenv_hook_step) { break }
	}
}

def --env __devenv_hook_tell [key: string, message: string] {
	if $key in $env.__devenv_hook.told { return }
	$env.__devenv_hook.told = ($env.__devenv_hook.told | append $key)
	print --stderr $"devenv: ($message)"
}

# Looks once; true where there is reason to look again.
def --env __devenv_hook_step []: nothing -> bool {
	$env.__devenv_hook.pwd = $env.PWD
	let hook = $env.__devenv_hook
	if not ($hook.helper | path exists) {
		__devenv_hook_tell helper "the hook needs the native helper: install a C compiler and run devenv once"
		return false
	}
	let asked = with-env {SHELL: $nu.current-exe} { ^$hook.helper hook view $hook.launcher --devenv-client | complete }
	if $asked.exit_code != 0 { return false }
	let found = $asked.stdout | split row --number 3 (char newline)
	let verdict = $found | get --optional 0 | default ""
	let project = $found | get --optional 2 | default "" | str trim --right --char (char newline)
	if $verdict in ["" gone] { return false }
	if $project == "" or $project != $hook.stay { $env.__devenv_hook.stay = "" }
	if $hook.handoff != "" {
		__devenv_hook_leave $project
		return false
	}
	if $hook.in_view and $project == $hook.root { return false }
	# Consent that was taken back and is given again is a new one.
	if $verdict not-in [enter cold] {
		$env.__devenv_hook.stay = ""
		$env.__devenv_hook.left = ""
	}
	if $verdict starts-with "held:" {
		__devenv_hook_tell $"($project) ($verdict)" "this folder's environment waits for `devenv allow`; read its env.yaml first"
	} else if $verdict == "unlocked" {
		__devenv_hook_tell $"($project) ($verdict)" "this folder's environment has no env.lock yet: `devenv shell` makes it"
	} else if $verdict in [enter cold] and $project != $env.__devenv_hook.stay {
		return (__devenv_hook_open $project)
	}
	false
}

# Opens a shell in the project. True where its user has gone to another folder, in which this shell is then.
def --env __devenv_hook_open [project: string]: nothing -> bool {
	let hook = $env.__devenv_hook
	let handoff = $"($hook.runtime)/hook/($nu.pid)"
	$env.__devenv_hook.stay = $project
	$env.__devenv_hook.left = $project
	try { "" | save --force $handoff } catch { return false }
	try {
		with-env {DEVENV_HOOK_HANDOFF: $handoff, SHELL: $nu.current-exe} {
			^$hook.helper launch $hook.launcher --devenv-client -- shell --ambient
		}
	} catch { }
	let words = try { open --raw $handoff | decode utf-8 | split row (char nul) } catch { [] }
	try { "" | save --force $handoff } catch { }
	let target = $words | get --optional 0 | default ""
	if $target == "" or not ($target | path exists) { return false }
	cd $target
	$env.__devenv_hook.stay = ""
	true
}

# In a shell that was opened so: ends it where its user has left the project.
def --env __devenv_hook_leave [project: string] {
	let hook = $env.__devenv_hook
	if $project == $hook.root {
		"" | save --force $hook.handoff
		return
	}
	$"($env.PWD)(char nul)($env.OLDPWD? | default "")(char nul)" | save --force --raw $hook.handoff
	if (job list | is-not-empty) {
		print --stderr "devenv: jobs keep this shell open outside its project: `exit` leaves it"
		return
	}
	# A hook cannot `exit`.
	exec true
}

__devenv_hook_setup $__devenv_launcher
