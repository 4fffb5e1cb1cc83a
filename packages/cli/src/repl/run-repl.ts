/** `repl`: lines from a terminal or a pipe, each worked on by the evaluating thread. Layer 5. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { NIX_VERSION } from "@devenv/evaluator";
import type { HomeLayout } from "@devenv/protocol";
import { EvaluationHost } from "../evaluation/evaluation-host.ts";
import { VERSION } from "../installation.ts";
import type { LineOutcome } from "./messages.ts";
import { ReplThread } from "./repl-thread.ts";

const PROMPT = "nix> ";
const CONTINUED = "   | ";
/** Lines of history that are kept. */
const MOST_HISTORY = 2000;
/** Milliseconds after which nothing is completed: what comes before has to be evaluated for it. */
const COMPLETION_PATIENCE = 2000;

export interface ReplOptions {
	readonly layout: HomeLayout;
	/** Lines that come before those of the user. */
	readonly first: readonly string[];
	readonly include: readonly string[];
	readonly input: Readable & { readonly isTTY?: boolean };
	readonly output: Writable & { readonly isTTY?: boolean };
	readonly error: Writable;
}

/** Resolves when the user leaves; false where a line of a pipe failed. */
export async function runRepl(options: ReplOptions): Promise<boolean> {
	const host = new EvaluationHost(options.layout, options.layout.storeRoot);
	const repl = new Repl(options, host);
	try {
		return await repl.run();
	} finally {
		await repl.close();
		await host.close();
	}
}

class Repl {
	readonly #options: ReplOptions;
	readonly #thread: ReplThread;
	readonly #interactive: boolean;
	#readline: Interface | undefined;
	/** Whether what is evaluated was given up. */
	#interrupted: boolean = false;

	constructor(options: ReplOptions, host: EvaluationHost) {
		const { layout, include, input, output, error } = options;
		this.#options = options;
		this.#interactive = input.isTTY === true && output.isTTY === true;
		this.#thread = new ReplThread({
			layout,
			host,
			include,
			print: (text, to) => {
				(to === "output" ? output : error).write(`${text}\n`);
			},
		});
	}

	async run(): Promise<boolean> {
		const { first, output } = this.#options;
		if (this.#interactive) output.write(`devenv ${VERSION}, the language of Nix ${NIX_VERSION}. Type :? for help.\n`);
		for (const line of first) await this.#thread.run(line);
		return this.#interactive ? this.#converse() : this.#readPipe();
	}

	close(): Promise<void> {
		this.#readline?.close();
		return this.#thread.close();
	}

	async #readPipe(): Promise<boolean> {
		let [text, whole] = ["", true];
		const { input, error } = this.#options;
		for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
			text = text === "" ? line : `${text}\n${line}`;
			const outcome: LineOutcome = await this.#thread.run(text);
			if (outcome === "incomplete") continue;
			if (outcome === "quit") return whole;
			if (outcome === "failed") whole = false;
			text = "";
		}
		if (text.trim() === "") return whole;
		error.write("error: the input ends within an expression\n");
		return false;
	}

	async #converse(): Promise<boolean> {
		const { input, output } = this.#options;
		const history = this.#readHistory();
		const readline = createInterface({
			input,
			output,
			prompt: PROMPT,
			history,
			historySize: MOST_HISTORY,
			removeHistoryDuplicates: true,
			completer: (line: string, done: (error: Error | null, result: [string[], string]) => void) => {
				void this.#complete(line).then((result) => {
					done(null, result);
				});
			},
		});
		this.#readline = readline;
		readline.on("history", (lines) => {
			this.#writeHistory(lines);
		});
		let text = "";
		const { promise, resolve } = Promise.withResolvers<undefined>();
		readline.on("SIGINT", () => {
			if (this.#thread.busy) {
				this.#interrupted = true;
				output.write("\n");
				void this.#thread.interrupt();
				return;
			}
			text = "";
			output.write("\n");
			readline.setPrompt(PROMPT);
			readline.prompt();
		});
		readline.on("close", () => {
			resolve(undefined);
		});
		let work: Promise<void> = Promise.resolve();
		const take = async (line: string): Promise<void> => {
			text = text === "" ? line : `${text}\n${line}`;
			this.#interrupted = false;
			const outcome = await this.#thread.run(text);
			if (this.#wasInterrupted()) output.write("interrupted\n");
			if (outcome === "quit") {
				readline.close();
				return;
			}
			if (outcome !== "incomplete") text = "";
			readline.setPrompt(outcome === "incomplete" ? CONTINUED : PROMPT);
			readline.prompt();
		};
		readline.on("line", (line) => {
			work = work.then(() => take(line));
		});
		readline.prompt();
		await promise;
		if (text !== "" || this.#thread.busy) await this.#thread.close();
		return true;
	}

	async #complete(line: string): Promise<[string[], string]> {
		const file = /^\s*:(?:l|load)\s+(\S*)$/.exec(line)?.[1];
		if (file !== undefined) return [await fileNames(file), file];
		const { promise: late, resolve } = Promise.withResolvers<undefined>();
		const timer = setTimeout(() => {
			resolve(undefined);
		}, COMPLETION_PATIENCE);
		const found = await Promise.race([this.#thread.complete(line), late]);
		clearTimeout(timer);
		if (found !== undefined) return [[...found.names], found.word];
		await this.#thread.interrupt();
		return [[], ""];
	}

	#wasInterrupted(): boolean {
		return this.#interrupted;
	}

	get #historyFile(): string {
		return join(this.#options.layout.state, "repl-history");
	}

	/** The newest first, as readline has it. */
	#readHistory(): string[] {
		try {
			return readFileSync(this.#historyFile, "utf8")
				.split("\n")
				.filter((line) => line !== "")
				.reverse();
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
			throw error;
		}
	}

	/** A history that cannot be kept is no reason to end. */
	#writeHistory(lines: readonly string[]): void {
		try {
			mkdirSync(this.#options.layout.state, { recursive: true, mode: 0o700 });
			writeFileSync(this.#historyFile, `${[...lines].reverse().join("\n")}\n`, { mode: 0o600 });
		} catch (error) {
			this.#options.error.write(`warning: the history cannot be kept: ${String(error)}\n`);
		}
	}
}

/** Files and folders that begin with a path; folders with a slash at their end. */
async function fileNames(begun: string): Promise<string[]> {
	const expanded = begun.startsWith("~/") ? join(homedir(), begun.slice(2)) : begun;
	const folder = begun.endsWith("/") || begun === "" ? expanded || "." : dirname(expanded);
	const start = begun.endsWith("/") ? "" : basename(begun);
	const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
	const before = begun.slice(0, begun.length - start.length);
	return entries
		.filter(({ name }) => name.startsWith(start) && (start.startsWith(".") || !name.startsWith(".")))
		.map((entry) => `${before}${entry.name}${entry.isDirectory() ? "/" : ""}`)
		.sort();
}
