/**
 * One evaluator thread, seen from the main thread: a task at a time, questions answered, killable. Layer 3.
 */

import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { DiagnosticError, diagnose, unreachable } from "@devenv/diagnostics";
import type { StorePlace } from "@devenv/store";
import { EvaluationRefused } from "./evaluation-refused.ts";
import type {
	Answer,
	AnswerValue,
	EvaluationReply,
	EvaluationTask,
	EvaluatorMessage,
	EvaluatorSetup,
	Question,
} from "./messages.ts";

export interface ThreadOptions {
	readonly place: StorePlace;
	/** Folder for what can be fetched again. */
	readonly cache: string;
	readonly system: string;
	/** Largest heap, MiB. */
	readonly memory: number;
	/** The thread's program; the real one but in tests. */
	readonly program?: URL;
}

/** Answers the questions of the task that runs; rejections become failed answers. */
export type Answering = (question: Question) => Promise<AnswerValue>;

/** Stack of an evaluator, MiB: deep enough for 600,000 nested calls. Only touched pages count as memory. */
const STACK_SIZE = 256;

interface Running {
	readonly id: number;
	readonly answer: Answering;
	readonly resolve: (reply: EvaluationReply) => void;
	readonly reject: (error: Error) => void;
}

export class EvaluatorThread {
	readonly #worker: Worker;
	readonly #answers: MessagePort;
	readonly #wake: Int32Array;
	readonly #memory: number;
	readonly #onExit: () => void;
	#running: Running | undefined;
	#lastId = 0;
	#dead = false;

	constructor(options: ThreadOptions, onExit: () => void) {
		const { place, cache, system, memory } = options;
		const channel = new MessageChannel();
		const wake = new SharedArrayBuffer(4);
		const setup: EvaluatorSetup = { place, cache, system, wake, answers: channel.port2 };
		this.#wake = new Int32Array(wake);
		this.#answers = channel.port1;
		this.#memory = memory;
		this.#onExit = onExit;
		this.#worker = new Worker(options.program ?? new URL("./evaluator-worker.ts", import.meta.url), {
			workerData: setup,
			transferList: [channel.port2],
			resourceLimits: { maxOldGenerationSizeMb: memory, stackSizeMb: STACK_SIZE },
		});
		this.#worker.on("message", (message: EvaluatorMessage) => this.#receive(message));
		this.#worker.on("error", (error) => this.#fail(error instanceof Error ? error : new Error(String(error))));
		this.#worker.on("exit", (status) => this.#fail(new Error(`the evaluator ended with status ${status}`)));
		this.#worker.unref();
		this.#answers.unref();
	}

	get busy(): boolean {
		return this.#running !== undefined;
	}

	/** Runs a task; the thread must not be busy. */
	run(task: EvaluationTask, answer: Answering): Promise<EvaluationReply> {
		if (this.#running !== undefined || this.#dead) throw new Error("the evaluator cannot take a task");
		const id = ++this.#lastId;
		return new Promise((resolve, reject) => {
			this.#running = { id, answer, resolve, reject };
			this.#worker.ref();
			this.#worker.postMessage({ id, task });
		});
	}

	/** Ends the thread, whatever it does. */
	async terminate(): Promise<void> {
		await this.#worker.terminate();
	}

	#receive(message: EvaluatorMessage): void {
		switch (message.kind) {
			case "ready":
				return;
			case "ask":
				void this.#reply(message.question);
				return;
			case "done":
				this.#settle(message.id, ({ resolve }) => resolve(message.reply));
				return;
			case "failed":
				this.#settle(message.id, ({ reject }) => reject(new EvaluationRefused(message.diagnostics, message.tracked)));
				return;
			case "bug":
				this.#settle(message.id, ({ reject }) => {
					const error = new Error(message.message);
					error.stack = message.stack;
					reject(error);
				});
				return;
			default:
				unreachable(message);
		}
	}

	#settle(id: number, act: (running: Running) => void): void {
		const running = this.#running;
		if (running?.id !== id) return;
		this.#running = undefined;
		this.#worker.unref();
		act(running);
	}

	async #reply(question: Question): Promise<void> {
		const running = this.#running;
		const answer: Answering = running?.answer ?? (() => Promise.reject(new Error("a question came outside a task")));
		await reply(question, answer, { port: this.#answers, wake: this.#wake });
	}

	#fail(error: Error & { readonly code?: string }): void {
		if (!this.#dead) this.#onExit();
		this.#dead = true;
		this.#answers.close();
		const running = this.#running;
		this.#running = undefined;
		running?.reject(error.code === "ERR_WORKER_OUT_OF_MEMORY" ? this.#outOfMemory() : error);
	}

	#outOfMemory(): DiagnosticError {
		return new DiagnosticError(
			diagnose("EVAL_OUT_OF_MEMORY", `the evaluation needs more than ${this.#memory} MiB of memory`, {
				hint: "look for an endless recursion, or raise 'evaluator_memory' in the user configuration",
			}),
		);
	}
}

/** Answers a question of an evaluator thread, and wakes it. Never rejects. */
export async function reply(
	question: Question,
	answering: Answering,
	{ port, wake }: { readonly port: MessagePort; readonly wake: Int32Array },
): Promise<void> {
	let answer: Answer;
	try {
		answer = { kind: "ok", value: await answering(question) };
	} catch (error) {
		const diagnostics = error instanceof DiagnosticError ? error.diagnostics : [];
		const said = error instanceof Error ? error.message : String(error);
		const message = diagnostics.length === 0 ? said : diagnostics.map((each) => each.message).join("; ");
		answer = { kind: "failed", diagnostics, message };
	}
	port.postMessage(answer);
	Atomics.add(wake, 0, 1);
	Atomics.notify(wake, 0);
}
