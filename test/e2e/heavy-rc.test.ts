/**
 * Shells with rc files as heavy as people's: completion, fuzzy finding, jumping, plugins and a prompt program of the host, all of
 * another version than the environment's shell. Needs the mirror, and Debian's packages of those tools.
 */

import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findProgram, skip } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import { Installation } from "./installation.ts";
import { TerminalSession } from "./terminal-session.ts";

const installation = new Installation();
const home = join(installation.folder, "user-home");
const bin = join(home, "bin");
const far = join(installation.folder, "devenv-far");
const hasHelper = existsSync(join(import.meta.dirname, "../../build/native/devenv-helper"));

/** What the rc files read of the host; a test without them would be one of error messages. */
const wanted: readonly string[] = [
	"/usr/share/bash-completion/bash_completion",
	"/usr/share/doc/fzf/examples/key-bindings.bash",
	"/usr/share/zsh-autosuggestions/zsh-autosuggestions.zsh",
	"/usr/share/zsh-syntax-highlighting/zsh-syntax-highlighting.zsh",
];

/** A prompt that a program of the user's own draws, started anew for each, and told how the last command ended. */
const promptProgram = `#!/bin/sh
printf '%s|%s|%s> ' "$(basename "$PWD")" "$1" "$(git rev-parse --abbrev-ref HEAD 2>/dev/null || echo nogit)"
`;

/** A version manager: many functions, PATH rewritten, and a function in a program's place. */
const manager = `vm_use() { PATH="${bin}/versions/$1:$PATH"; export PATH VM_VERSION="$1"; }
vm() { case $1 in use) vm_use "$2" ;; current) echo "$VM_VERSION" ;; esac; }
vm_use 7
`;

const bashrc = `HISTFILE=~/.bash_hist HISTSIZE=5000
shopt -s histappend
PROMPT_COMMAND="history -a; history -n"
. /usr/share/bash-completion/bash_completion
. ~/manager.sh
eval "$(zoxide init bash)"
. /usr/share/doc/fzf/examples/key-bindings.bash
last_status() { local was=$?; PS1="$(prompt-program $was)"; return $was; }
PROMPT_COMMAND="last_status; $PROMPT_COMMAND"
alias greet='echo greeted'
trap 'LAST_COMMAND=$BASH_COMMAND' DEBUG
`;

const zshrc = `HISTFILE=~/.zsh_hist HISTSIZE=5000 SAVEHIST=5000
setopt share_history prompt_subst
autoload -Uz compinit add-zsh-hook; compinit -d ~/.zcompdump
bindkey -e
. ~/manager.sh
eval "$(zoxide init zsh)"
source /usr/share/doc/fzf/examples/key-bindings.zsh
[[ -e ~/suggest.zsh.zwc ]] || { cp /usr/share/zsh-autosuggestions/zsh-autosuggestions.zsh ~/suggest.zsh; zcompile ~/suggest.zsh }
source ~/suggest.zsh
source /usr/share/zsh-syntax-highlighting/zsh-syntax-highlighting.zsh
last_status() { local was=$?; PROMPT="$(prompt-program $was)"; return $was }
add-zsh-hook precmd last_status
alias greet='echo greeted'
`;

const fishrc = `set -gx PATH ${bin} $PATH
zoxide init fish | source
source /usr/share/doc/fzf/examples/key-bindings.fish; fzf_key_bindings
function vm; echo 7; end
function fish_prompt; prompt-program $status; end
alias greet 'echo greeted'
`;

test.before(() => {
	mkdirSync(join(home, ".config/fish"), { recursive: true });
	mkdirSync(bin, { recursive: true });
	writeFileSync(join(bin, "prompt-program"), promptProgram);
	chmodSync(join(bin, "prompt-program"), 0o755);
	writeFileSync(join(home, "manager.sh"), manager);
	writeFileSync(join(home, ".bashrc"), bashrc);
	writeFileSync(join(home, ".zshrc"), zshrc);
	writeFileSync(join(home, ".config/fish/config.fish"), fishrc);
});

test.after.always(() => installation.remove());

let lock: string | undefined;

async function open(t: ExecutionContext, name: string, shell: string): Promise<Opened | undefined> {
	const missing = [
		...wanted.filter((path) => !existsSync(path)),
		...["tmux", "fzf", "zoxide", shell].filter((program) => findProgram(program) === undefined),
	];
	if (missing.length > 0 || !hasHelper) {
		skip(t, hasHelper ? `this machine lacks ${missing.join(", ")}` : "programs of the host need the native helper");
		return undefined;
	}
	const packages = shell === "bash" ? "[hello]" : `[hello, ${shell}]`;
	const folder = installation.project(name, {
		"env.yaml": `packages: ${packages}\nenv: { COLOR: red }\n`,
		...(lock === undefined ? {} : { "env.lock": lock }),
	});
	const env = { SHELL: findProgram(shell) ?? shell, PATH: `${bin}:${process.env["PATH"] ?? ""}` };
	const entered = await installation.devenv(["shell", "--", "true"], { cwd: folder, env });
	t.is(entered.code, 0, entered.stderr);
	lock ??= readFileSync(join(folder, "env.lock"), "utf8");
	t.is((await installation.devenv(["allow", "--always"], { cwd: folder })).code, 0);
	const terminal = TerminalSession.start(installation, { cwd: folder, env });
	if (terminal === undefined) throw new Error("tmux does not start");
	t.teardown(() => {
		terminal.end();
	});
	const write = (text: string): void => {
		writeFileSync(join(folder, "env.yaml"), `packages: ${packages}\n${text}`);
	};
	return { terminal, write };
}

interface Opened {
	readonly terminal: TerminalSession;
	/** Replaces what env.yaml says besides its packages. */
	readonly write: (text: string) => void;
}

for (const shell of ["bash", "zsh", "fish"] as const) {
	test.serial(`network: ${shell} with a heavy rc: nothing is lost, and changes come at its own prompt`, async (t) => {
		t.timeout(600_000);
		const opened = await open(t, `heavy-${shell}`, shell);
		if (opened === undefined) return;
		const { terminal, write } = opened;
		// The prompt is the user's, drawn by a program of the host; nothing of the rc complained before it.
		const first = await terminal.until(new RegExp(`heavy-${shell}\\|0\\|nogit>`));
		t.notRegex(first, /no such file|not found|error/i);
		t.regex(await terminal.run("greet you; vm current; echo $COLOR"), /greeted you\s+7\s+red/);
		t.regex(await terminal.run("command -v hello fzf zoxide"), /^\/usr\/bin\/hello\s+\S*\/fzf\s+\S*\/zoxide$/m);

		// How the last command ended reaches the prompt, through what follows changes.
		terminal.type("sh -c 'exit 41'");
		await terminal.until(/\|41\|nogit>/);

		// Jumping learns from cd, which a hook of the prompt tells it.
		terminal.type(`mkdir ${far}; cd ${far}`);
		await terminal.until(/devenv-far\|0\|nogit> *$/);
		terminal.type("cd -");
		await terminal.until(new RegExp(`heavy-${shell}\\|0\\|nogit> *$`));
		terminal.type("z devenv-far");
		await terminal.until(/devenv-far\|0\|nogit> *$/);
		terminal.type(`cd -; rmdir ${far}`);
		await terminal.until(new RegExp(`heavy-${shell}\\|0\\|nogit> *$`));

		// A change comes, and the key that searches the history still does.
		write("env: { COLOR: blue, SIZE: large }\n");
		await terminal.untilPrompted(/devenv: .*env COLOR.*env SIZE/);
		t.regex(await terminal.run("echo $COLOR $SIZE"), /blue large/);
		await terminal.until(/nogit> *$/);
		terminal.press("C-r");
		await terminal.until(/^ *\d+\/\d+/m);
		terminal.press("g", "r", "e", "e", "t");
		await terminal.until(/^ *1\/\d+/m);
		terminal.press("Enter");
		await terminal.until(/nogit> *echo mark\d+:""begin; greet you.*""end *$/);
		terminal.press("Enter");
		await terminal.until(/greeted you\s+7\s+blue\s+mark\d+:end\s[^]*nogit> *$/);

		// Interrupting, stopping and going on are the shell's own.
		terminal.type("sleep 98765");
		await sleep(300);
		terminal.press("C-c");
		await terminal.until(/\|130\|nogit> *$/);
		terminal.type("sleep 98766");
		await sleep(300);
		terminal.press("C-z");
		await terminal.until(/stopped|suspended/i);
		terminal.type("kill %1");
		t.regex(await terminal.run("echo still $COLOR"), /still blue/);
		if (shell === "bash") {
			// What bash-completion knows of ls, from the host's file, asking the environment's ls.
			await terminal.until(/nogit> *$/);
			terminal.press("l", "s", "Space", "-", "-", "i", "n", "o", "d", "Tab");
			await terminal.until(/nogit> ls --inode/);
			terminal.press("C-u");
		}
	});
}

for (const [program, shown, leave] of [
	["vim", /heavy text/, [":q!", "Enter"]],
	["htop", /F10?Quit|PID/, ["q"]],
] as const) {
	test.serial(`network: ${program} keeps its screen while the environment changes behind it`, async (t) => {
		t.timeout(600_000);
		if (findProgram(program) === undefined) {
			skip(t, `no ${program}`);
			return;
		}
		const opened = await open(t, `full-${program}`, "bash");
		if (opened === undefined) return;
		const { terminal, write } = opened;
		await terminal.until(/\|0\|nogit>/);
		writeFileSync(join(home, "text"), "heavy text\n".repeat(20));
		terminal.type(program === "vim" ? "vim -u NONE ~/text" : program);
		await terminal.until(shown);
		await sleep(500);
		const before = terminal.screen();
		write("env: { COLOR: green }\n");
		await sleep(3000);
		const after = terminal.screen();
		t.notRegex(after, /devenv:/);
		if (program === "vim") t.is(after, before);
		else t.regex(after, shown);
		terminal.press(...leave);
		await terminal.untilPrompted(/devenv: env COLOR/);
		t.regex(await terminal.run("echo $COLOR"), /green/);
	});
}
