/** An interactive `devenv shell` on a terminal of its own, which script(1) gives it, driven by lines. */

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const devenv = join(import.meta.dirname, "devenv");

/** A shell of a project on a terminal. */
export class ShellTerminal {
	readonly #child: ChildProcessWithoutNullStreams;
	#output = "";
	#count = 0;

	private constructor(child: ChildProcessWithoutNullStreams) {
		this.#child = child;
		child.stdout.setEncoding("utf8").on("data", (text: string) => {
			this.#output += text;
		});
	}

	/** `env`: the whole environment of the caller, SHELL included. */
	static async open(folder: string, env: Readonly<Record<string, string | undefined>>): Promise<ShellTerminal> {
		const terminal = await ShellTerminal.start(`${devenv} shell`, folder, env);
		// The daemon has seen the shell, and looked once.
		await sleep(1500);
		return terminal;
	}

	/** Any shell, by a line for sh. */
	static async start(
		command: string,
		folder: string,
		env: Readonly<Record<string, string | undefined>>,
	): Promise<ShellTerminal> {
		const terminal = new ShellTerminal(spawn("script", ["-qefc", command, "/dev/null"], { cwd: folder, env }));
		await terminal.ask("echo 1");
		return terminal;
	}

	/** Types a line, and does not wait. */
	type(line: string): void {
		this.#child.stdin.write(`${line}\n`);
	}

	/** Runs a line; what it printed. The marks are put together by the shell: the typed line does not hold them. */
	async ask(line: string): Promise<string> {
		const mark = `m${++this.#count}`;
		const from = this.#output.length;
		this.#child.stdin.write(`echo ${mark}:""a; ${line}; echo ${mark}:""z\n`);
		for (let turn = 0; turn < 60_000; turn++) {
			const text = this.#output.slice(from);
			const end = text.indexOf(`${mark}:z`);
			if (end >= 0) return text.slice(text.indexOf(`${mark}:a`) + mark.length + 2, end).trim();
			await sleep(1);
		}
		throw new Error(`the shell did not answer:\n${this.#output.slice(from)}`);
	}

	/** Milliseconds from `change` until the line, typed again and again, prints what is expected. */
	async until(line: string, expected: string, change: () => void): Promise<number> {
		const began = performance.now();
		change();
		for (let turn = 0; turn < 5000; turn++) {
			if ((await this.ask(line)).split(/\s+/).includes(expected)) return performance.now() - began;
			await sleep(2);
		}
		throw new Error(`'${line}' never printed '${expected}':\n${this.#output.slice(-2000)}`);
	}

	async close(): Promise<void> {
		const ended = new Promise((resolve) => this.#child.once("close", resolve));
		this.#child.stdin.write("exit\n");
		await ended;
	}
}
