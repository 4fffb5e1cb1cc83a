/**
 * The evaluating thread of `repl`, seen from the terminal's. Layer 5.
 *
 * An evaluation cannot be interrupted: its thread is ended, and a new one is told again what made variables.
 */

import { MessageChannel, Worker } from "node:worker_threads";
import type { HomeLayout } from "@devenv/protocol";
import type { EvaluationHost } from "../evaluation/evaluation-host.ts";
import { formerLogs } from "../nix-programs/program-store.ts";
import type { LineOutcome, ReplMessage, ReplRequest, ReplSetup } from "./messages.ts";

/** Stack, MiB; only touched pages count as memory. */
const STACK_SIZE = 256;
/** Largest heap, MiB. */
const HEAP_SIZE = 8192;

export interface ReplThreadOptions {
	readonly layout: HomeLayout;
	readonly host: EvaluationHost;
	readonly include: readonly string[];
	readonly print: (text: string, to: "output" | "error") => void;
}

export class ReplThread {
	readonly #options: ReplThreadOptions;
	#worker: Worker | undefined;
	#line: ((outcome: LineOutcome) => void) | undefined;
	#completions: ((found: Completions) => void) | undefined;
	/** Lines that a new thread has to know. */
	readonly #made: string[] = [];
	#silent = false;

	constructor(options: ReplThreadOptions) {
		this.#options = options;
	}

	get busy(): boolean {
		return this.#line !== undefined;
	}

	async run(text: string): Promise<LineOutcome> {
		const outcome = await this.#run(text);
		if (outcome === "done" && changesVariables(text)) this.#made.push(text);
		return outcome;
	}

	#run(text: string): Promise<LineOutcome> {
		return new Promise((resolve) => {
			this.#line = resolve;
			this.#send({ kind: "line", text });
		});
	}

	complete(text: string): Promise<Completions> {
		if (this.busy) return Promise.resolve({ word: "", names: [] });
		return new Promise((resolve) => {
			this.#completions = resolve;
			this.#send({ kind: "complete", text });
		});
	}

	/** Ends what is evaluated; the variables are made again, which evaluates nothing but files. */
	async interrupt(): Promise<void> {
		const waiting = this.#forget();
		await this.#terminate();
		this.#silent = true;
		try {
			for (const text of this.#made) await this.#run(text);
		} finally {
			this.#silent = false;
		}
		waiting();
	}

	async close(): Promise<void> {
		const waiting = this.#forget();
		await this.#terminate();
		waiting();
	}

	async #terminate(): Promise<void> {
		const worker = this.#worker;
		this.#worker = undefined;
		await worker?.terminate();
	}

	/** Gives what tells those who wait that nothing will come. */
	#forget(): () => void {
		const [line, completions] = [this.#line, this.#completions];
		this.#line = undefined;
		this.#completions = undefined;
		return () => {
			line?.("failed");
			completions?.({ word: "", names: [] });
		};
	}

	#send(request: ReplRequest): void {
		this.#worker ??= this.#start();
		this.#worker.postMessage(request);
	}

	#settle(outcome: LineOutcome): void {
		const line = this.#line;
		this.#line = undefined;
		line?.(outcome);
	}

	#start(): Worker {
		const { layout, host, include, print } = this.#options;
		const channel = new MessageChannel();
		const wake = new SharedArrayBuffer(4);
		const setup: ReplSetup = {
			storeRoot: layout.storeRoot,
			cache: layout.cache,
			formerLogs: formerLogs(layout),
			include,
			wake,
			answers: channel.port2,
		};
		const worker = new Worker(new URL("./repl-worker.ts", import.meta.url), {
			workerData: setup,
			transferList: [channel.port2],
			execArgv: [],
			resourceLimits: { stackSizeMb: STACK_SIZE, maxOldGenerationSizeMb: HEAP_SIZE },
		});
		const answering = { port: channel.port1, wake: new Int32Array(wake) };
		channel.port1.unref();
		worker.on("message", (message: ReplMessage) => {
			if (this.#worker !== worker) return;
			if (message.kind === "print") {
				if (!this.#silent) print(message.text, message.to);
			} else if (message.kind === "ask") void host.answer(message.question, answering);
			else if (message.kind === "done") this.#settle(message.outcome);
			else this.#completed(message);
		});
		worker.on("error", (error: Error & { readonly code?: string }) => {
			if (this.#worker !== worker) return;
			const memory = error.code === "ERR_WORKER_OUT_OF_MEMORY";
			print(memory ? `error: the evaluation needs more than ${HEAP_SIZE} MiB of memory` : String(error.stack), "error");
			this.#worker = undefined;
			void this.interrupt();
		});
		return worker;
	}

	#completed(found: Completions): void {
		const completions = this.#completions;
		this.#completions = undefined;
		completions?.(found);
	}
}

export interface Completions {
	/** The part of the line that the names stand for. */
	readonly word: string;
	readonly names: readonly string[];
}

/** Whether a line that succeeded made variables. */
function changesVariables(text: string): boolean {
	return /^\s*(?::(?:a|add|l|load|lf|load-flake|te|trace-enable)\b|[a-zA-Z_][\w'-]*\s*=(?!=))/.test(text);
}
