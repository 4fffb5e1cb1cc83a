/**
 * The evaluating thread, seen from the server: it is asked, waited for a short time, and ended where it takes longer or needs
 * too much memory. Layer 5.
 */

import { Worker } from "node:worker_threads";
import type { HomeLayout } from "@devenv/protocol";
import type {
	EvaluationAnswer,
	EvaluationRequest,
	EvaluationSetup,
	FoundAttribute,
	FoundAttributes,
} from "./messages.ts";

/** Stack, MiB; only touched pages count as memory. */
const STACK_SIZE = 256;
/** Largest heap, MiB. */
const HEAP_SIZE = 2048;
/** Milliseconds that an answer is waited for, once the thread has started. */
const PATIENCE = 2000;
/** Milliseconds that the thread may take to start. */
const STARTING = 10_000;
/** Milliseconds without questions after which the thread is ended. */
const IDLE = 300_000;
/** Questions after which a new thread is started: each text is kept for its positions. */
const MOST_QUESTIONS = 1000;

type Question<K extends EvaluationRequest["kind"]> = Omit<
	Extract<EvaluationRequest, { readonly kind: K }>,
	"kind" | "id"
>;

interface Waiting {
	readonly settle: (answer: EvaluationAnswer | undefined) => void;
	/** The thread is ended after so many milliseconds from now. */
	readonly limit: (milliseconds: number) => void;
}

export class EvaluationThread {
	readonly #setup: EvaluationSetup;
	readonly #patience: number;
	#worker: Worker | undefined;
	/** The worker answers, so that questions are worked on. */
	#ready = false;
	#asked = 0;
	#next = 1;
	#idle: NodeJS.Timeout | undefined;
	readonly #waiting = new Map<number, Waiting>();

	constructor({ storeRoot, cache }: HomeLayout, patience: number = PATIENCE) {
		this.#setup = { storeRoot, cache };
		this.#patience = patience;
	}

	/** Undefined where the text gives no set, or not in time. */
	async attributes(question: Question<"attributes">, signal: AbortSignal): Promise<FoundAttributes | undefined> {
		const answer = await this.#ask((id) => ({ kind: "attributes", id, ...question }), signal);
		return answer?.kind === "attributes" ? answer.found : undefined;
	}

	async attribute(question: Question<"attribute">, signal: AbortSignal): Promise<FoundAttribute | undefined> {
		const answer = await this.#ask((id) => ({ kind: "attribute", id, ...question }), signal);
		return answer?.kind === "attribute" ? answer.found : undefined;
	}

	/** Files are read again. */
	forget(): void {
		this.#worker?.postMessage({ kind: "forget" } satisfies EvaluationRequest);
	}

	close(): void {
		this.#end();
	}

	#ask(request: (id: number) => EvaluationRequest, signal: AbortSignal): Promise<EvaluationAnswer | undefined> {
		if (signal.aborted) return Promise.resolve(undefined);
		if (this.#asked >= MOST_QUESTIONS && this.#waiting.size === 0) this.#end();
		const worker = (this.#worker ??= this.#start());
		const id = this.#next++;
		this.#asked++;
		clearTimeout(this.#idle);
		return new Promise((resolve) => {
			let timer: NodeJS.Timeout | undefined;
			const limit = (milliseconds: number): void => {
				clearTimeout(timer);
				timer = setTimeout(() => {
					this.#end();
				}, milliseconds);
			};
			// The thread goes on; the timer ends it where it takes too long.
			const abandon = (): void => resolve(undefined);
			const settle = (answer: EvaluationAnswer | undefined): void => {
				clearTimeout(timer);
				signal.removeEventListener("abort", abandon);
				this.#waiting.delete(id);
				this.#rest();
				resolve(answer);
			};
			limit(this.#ready ? this.#patience : Math.max(STARTING, this.#patience));
			signal.addEventListener("abort", abandon, { once: true });
			this.#waiting.set(id, { settle, limit });
			worker.postMessage(request(id));
		});
	}

	/** Starts the thread, so that the first question need not wait for that. */
	warm(): void {
		this.#worker ??= this.#start();
	}

	#rest(): void {
		if (this.#waiting.size > 0) return;
		clearTimeout(this.#idle);
		this.#idle = setTimeout(() => {
			this.#end();
		}, IDLE);
		this.#idle.unref();
	}

	#end(): void {
		const worker = this.#worker;
		this.#worker = undefined;
		this.#ready = false;
		this.#asked = 0;
		clearTimeout(this.#idle);
		void worker?.terminate();
		for (const { settle } of [...this.#waiting.values()]) settle(undefined);
	}

	#start(): Worker {
		const worker = new Worker(new URL("./lsp-worker.ts", import.meta.url), {
			workerData: this.#setup,
			execArgv: [],
			// Standard output is the editor's.
			stdout: true,
			resourceLimits: { stackSizeMb: STACK_SIZE, maxOldGenerationSizeMb: HEAP_SIZE },
		});
		worker.on("message", (answer: EvaluationAnswer) => {
			if (this.#worker !== worker) return;
			if (answer.kind !== "ready") {
				this.#waiting.get(answer.id)?.settle(answer);
				return;
			}
			this.#ready = true;
			for (const { limit } of this.#waiting.values()) limit(this.#patience);
		});
		// Out of memory, or a fault of ours: nothing is known then, and the next question starts a new thread.
		worker.on("error", (error) => {
			process.stderr.write(
				`devenv lsp: the evaluation ended: ${error instanceof Error ? error.message : String(error)}\n`,
			);
			if (this.#worker === worker) this.#end();
		});
		worker.unref();
		return worker;
	}
}
