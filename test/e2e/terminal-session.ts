/** A shell on a real terminal, driven by keys and read by its screen: a tmux server of the test's own. */

import { execFileSync, spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { findProgram } from "@devenv/test-support";
import type { Installation } from "./installation.ts";
import { launcher } from "./installation.ts";

export interface TerminalOptions {
	readonly cwd: string;
	/** What runs in it; default: `devenv shell`. */
	readonly command?: readonly string[];
	readonly env?: Readonly<Record<string, string>>;
}

export class TerminalSession {
	readonly #socket: string;
	readonly #environment: Readonly<Record<string, string>>;

	/** Undefined where the machine has no tmux. */
	static start(installation: Installation, options: TerminalOptions): TerminalSession | undefined {
		return findProgram("tmux") === undefined ? undefined : new TerminalSession(installation, options);
	}

	private constructor(installation: Installation, options: TerminalOptions) {
		this.#socket = `${installation.folder}/tmux-${process.hrtime.bigint()}`;
		this.#environment = {
			PATH: process.env["PATH"] ?? "/usr/bin:/bin",
			HOME: `${installation.folder}/user-home`,
			LANG: "C.UTF-8",
			TERM: "xterm-256color",
			SHELL: "/bin/bash",
			DEVENV_HOME: installation.home,
			...installation.environment,
			...options.env,
		};
		const command = options.command ?? [launcher, "shell"];
		const size = ["-x", "160", "-y", "50"];
		this.#tmux("-f", "/dev/null", "new-session", "-d", ...size, "-c", options.cwd, ...command);
		this.#tmux("set-option", "-g", "remain-on-exit", "on");
	}

	/** Types text and presses Enter. */
	type(text: string): void {
		this.#tmux("send-keys", "-l", text);
		this.press("Enter");
	}

	/** Presses keys by tmux's names for them. */
	press(...keys: readonly string[]): void {
		this.#tmux("send-keys", ...keys);
	}

	/** What the terminal shows, without empty lines at the end. */
	screen(): string {
		return this.#tmux("capture-pane", "-p", "-J", "-S", "-500").trimEnd();
	}

	/** Waits until the screen matches; rejects with what it shows after `timeout` milliseconds. */
	async until(pattern: RegExp, timeout = 60_000): Promise<string> {
		const end = Date.now() + timeout;
		for (;;) {
			const screen = this.screen();
			if (pattern.test(screen)) return screen;
			if (Date.now() > end) throw new Error(`the screen never matched ${pattern}:\n${screen}`);
			await sleep(30);
		}
	}

	/** As {@link until}, asking for a new prompt all the while: what follows changes speaks before the next one. */
	async untilPrompted(pattern: RegExp): Promise<string> {
		for (let turn = 0; turn < 400; turn++) {
			const screen = this.screen();
			if (pattern.test(screen)) return screen;
			this.press("Enter");
			await sleep(100);
		}
		return this.until(pattern, 1000);
	}

	/** Runs a command line and gives what the screen shows of it: what lies between two marks. */
	async run(line: string, timeout = 30_000): Promise<string> {
		const mark = `mark${process.hrtime.bigint()}`;
		// The marks are put together by the shell, so that the typed line does not hold them.
		this.type(`echo ${mark}:""begin; ${line}; echo ${mark}:""end`);
		const screen = await this.until(new RegExp(`${mark}:end`), timeout);
		return screen.slice(screen.indexOf(`${mark}:begin`) + mark.length + 7, screen.indexOf(`${mark}:end`)).trimEnd();
	}

	/** Ends the server and everything in it. */
	end(): void {
		spawnSync("tmux", ["-S", this.#socket, "kill-server"], { env: this.#environment });
	}

	#tmux(...args: readonly string[]): string {
		return execFileSync("tmux", ["-S", this.#socket, ...args], { encoding: "utf8", env: this.#environment });
	}
}
