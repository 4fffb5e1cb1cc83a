/**
 * A few threads that unpack packages, started when needed and gone when idle, so that the daemon stays small. Layer 3.
 */

import { Worker } from "node:worker_threads";
import { DiagnosticError } from "@devenv/diagnostics";
import type { UnpackRequest } from "./unpack-archive.ts";
import type { UnpackCommand, UnpackReply } from "./unpack-worker.ts";

const mostThreads = 2;
const idleMilliseconds = 5000;

interface Waiting {
	readonly run: (worker: Worker) => void;
	readonly refuse: (error: Error) => void;
}

class UnpackPool {
	readonly #idle: { readonly worker: Worker; readonly timer: NodeJS.Timeout }[] = [];
	readonly #queue: Waiting[] = [];
	#threads = 0;

	/** As `unpackArchive`, in a thread. */
	async unpack(request: UnpackRequest): Promise<void> {
		const worker = await this.#acquire();
		try {
			request.signal?.throwIfAborted();
			await converse(worker, request);
			this.#release(worker);
		} catch (error) {
			/* A thread that failed is not used again, whatever state it is in. */
			this.#drop(worker);
			throw request.signal?.aborted === true ? request.signal.reason : error;
		}
	}

	#acquire(): Promise<Worker> {
		const idle = this.#idle.pop();
		if (idle !== undefined) {
			clearTimeout(idle.timer);
			idle.worker.ref();
			return Promise.resolve(idle.worker);
		}
		if (this.#threads < mostThreads) return Promise.resolve(this.#start());
		return new Promise((run, refuse) => this.#queue.push({ run, refuse }));
	}

	#start(): Worker {
		this.#threads++;
		return new Worker(new URL("./unpack-worker.ts", import.meta.url), {
			resourceLimits: { maxOldGenerationSizeMb: 512 },
		});
	}

	#release(worker: Worker): void {
		const next = this.#queue.shift();
		if (next !== undefined) {
			next.run(worker);
			return;
		}
		/* An idle thread keeps no process alive. */
		worker.unref();
		const timer = setTimeout(() => {
			const at = this.#idle.findIndex((entry) => entry.worker === worker);
			if (at >= 0) this.#idle.splice(at, 1);
			this.#drop(worker);
		}, idleMilliseconds);
		timer.unref();
		this.#idle.push({ worker, timer });
	}

	#drop(worker: Worker): void {
		this.#threads--;
		void worker.terminate();
		const next = this.#queue.shift();
		if (next !== undefined) next.run(this.#start());
	}
}

/** Unpacks in one of two threads shared by the whole process. */
export function unpackInThread(request: UnpackRequest): Promise<void> {
	return pool.unpack(request);
}

const pool = new UnpackPool();

function converse(worker: Worker, request: UnpackRequest): Promise<undefined> {
	const { promise, resolve, reject } = Promise.withResolvers<undefined>();
	const onMessage = (reply: UnpackReply): void => {
		switch (reply.kind) {
			case "progress":
				request.onProgress?.(reply.bytes);
				return;
			case "done":
				resolve(undefined);
				return;
			case "refused":
				reject(new DiagnosticError(reply.diagnostics));
				return;
			case "crashed":
				reject(Object.assign(new Error(reply.message), { code: reply.code, stack: reply.stack }));
				return;
		}
	};
	const onError = (error: Error): void => {
		reject(error);
	};
	const onExit = (): void => {
		reject(new Error("the unpacking thread ended"));
	};
	const onAbort = (): void => {
		worker.postMessage({ kind: "cancel" } satisfies UnpackCommand);
	};
	worker.on("message", onMessage);
	worker.on("error", onError);
	worker.on("exit", onExit);
	request.signal?.addEventListener("abort", onAbort, { once: true });
	worker.postMessage({
		kind: "unpack",
		source: request.source,
		output: request.output,
		packageName: request.packageName,
	} satisfies UnpackCommand);
	return promise.finally(() => {
		worker.off("message", onMessage);
		worker.off("error", onError);
		worker.off("exit", onExit);
		request.signal?.removeEventListener("abort", onAbort);
	});
}
