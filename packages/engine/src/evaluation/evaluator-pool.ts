/**
 * The evaluator threads: one is kept warm, with the package sets that it has evaluated; a second is started while the
 * first is busy, and ended when it has been idle for a while. Layer 3.
 *
 * A task cannot be interrupted: one that is not wanted any more gets a moment to end by itself, so that the thread stays
 * warm, then the thread is ended.
 */

import type { Answering, ThreadOptions } from "./evaluator-thread.ts";
import { EvaluatorThread } from "./evaluator-thread.ts";
import type { EvaluationReply, EvaluationTask, ReplyTo } from "./messages.ts";

export interface PoolOptions extends ThreadOptions {
	/** Threads at once, from 1; default 2. */
	readonly most?: number;
	/** Milliseconds after which a further idle thread is ended; default 60 s. */
	readonly idle?: number;
	/** Milliseconds that an abandoned task gets; default 1 s. */
	readonly patience?: number;
}

interface Waiting {
	readonly start: (thread: EvaluatorThread) => void;
}

export class EvaluatorPool {
	readonly #options: PoolOptions;
	readonly #threads: EvaluatorThread[] = [];
	readonly #waiting: Waiting[] = [];
	readonly #timers = new Map<EvaluatorThread, NodeJS.Timeout>();
	#closed = false;

	constructor(options: PoolOptions) {
		this.#options = options;
	}

	/** Starts the first thread, so that the first task finds it loaded. */
	warmUp(): void {
		if (this.#threads.length === 0) this.#start();
	}

	/** Runs a task on a free thread. Rejects with the signal's reason when it aborts. */
	async run<Task extends EvaluationTask>(task: Task, answer: Answering, signal?: AbortSignal): Promise<ReplyTo<Task>> {
		const thread = await this.#acquire(signal);
		try {
			const reply = await this.#runOn(thread, { task, answer, signal });
			return reply as ReplyTo<Task>;
		} finally {
			if (!thread.busy) this.#release(thread);
		}
	}

	/** Ends the threads that have nothing to do, with what they keep; the next task starts one. */
	async endIdle(): Promise<void> {
		const idle = this.#threads.filter((thread) => !thread.busy && !this.#reserved.has(thread));
		await Promise.all(idle.map((thread) => thread.terminate()));
	}

	/** Ends all threads; tasks under way reject. */
	async close(): Promise<void> {
		this.#closed = true;
		for (const timer of this.#timers.values()) clearTimeout(timer);
		await Promise.all(this.#threads.map((thread) => thread.terminate()));
	}

	#runOn(
		thread: EvaluatorThread,
		{ task, answer, signal }: { task: EvaluationTask; answer: Answering; signal: AbortSignal | undefined },
	): Promise<EvaluationReply> {
		const running = thread.run(task, answer);
		if (signal === undefined) return running;
		return new Promise((resolve, reject) => {
			const abort = (): void => {
				reject(signal.reason as Error);
				const timer = setTimeout(() => void thread.terminate(), this.#options.patience ?? 1_000);
				void running
					.catch(() => undefined)
					.finally(() => {
						clearTimeout(timer);
						this.#release(thread);
					});
			};
			if (signal.aborted) {
				abort();
				return;
			}
			signal.addEventListener("abort", abort, { once: true });
			running.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
		});
	}

	#acquire(signal: AbortSignal | undefined): Promise<EvaluatorThread> {
		if (this.#closed) return Promise.reject(new Error("the evaluators are closed"));
		const free = this.#threads.find((thread) => !thread.busy && !this.#reserved.has(thread));
		const thread = free ?? (this.#threads.length < (this.#options.most ?? 2) ? this.#start() : undefined);
		if (thread !== undefined) {
			this.#reserve(thread);
			return Promise.resolve(thread);
		}
		return new Promise((resolve, reject) => {
			const waiting: Waiting = {
				start: (released) => {
					signal?.removeEventListener("abort", abort);
					this.#reserve(released);
					resolve(released);
				},
			};
			const abort = (): void => {
				const at = this.#waiting.indexOf(waiting);
				if (at >= 0) this.#waiting.splice(at, 1);
				reject(signal?.reason as Error);
			};
			signal?.addEventListener("abort", abort, { once: true });
			this.#waiting.push(waiting);
		});
	}

	/** Threads that were given out. */
	readonly #reserved = new Set<EvaluatorThread>();

	#reserve(thread: EvaluatorThread): void {
		this.#reserved.add(thread);
		clearTimeout(this.#timers.get(thread));
		this.#timers.delete(thread);
	}

	#release(thread: EvaluatorThread): void {
		if (!this.#reserved.delete(thread)) return;
		if (!this.#threads.includes(thread)) {
			if (this.#waiting.length > 0 && !this.#closed) this.#waiting.shift()?.start(this.#start());
			return;
		}
		const next = this.#waiting.shift();
		if (next !== undefined) {
			next.start(thread);
			return;
		}
		if (this.#threads[0] === thread || this.#closed) return;
		const timer = setTimeout(() => void thread.terminate(), this.#options.idle ?? 60_000);
		timer.unref();
		this.#timers.set(thread, timer);
	}

	#start(): EvaluatorThread {
		const thread: EvaluatorThread = new EvaluatorThread(this.#options, () => {
			const at = this.#threads.indexOf(thread);
			if (at >= 0) this.#threads.splice(at, 1);
			clearTimeout(this.#timers.get(thread));
			this.#timers.delete(thread);
		});
		this.#threads.push(thread);
		return thread;
	}
}
