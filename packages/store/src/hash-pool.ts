/**
 * Worker threads that hash trees, so that the event loop of who asks stays free. Layer 2. Threads start when there is
 * work, and end when there has been none for a while; they keep no process alive.
 */

import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { DiagnosticError } from "@devenv/diagnostics";
import type { HashOrder, HashReply } from "./hash-worker.ts";
import type { DigestRequest, TreeDigest } from "./tree-digest.ts";

/** Reading is what takes the time on many disks: a few threads beyond the processors do not help. */
const MAX_THREADS: number = Math.max(1, Math.min(4, availableParallelism()));

const IDLE_MILLISECONDS = 10_000;

interface Job {
	readonly request: DigestRequest;
	readonly resolve: (digest: TreeDigest) => void;
	readonly reject: (error: unknown) => void;
}

interface Thread {
	readonly worker: Worker;
	job: Job | undefined;
	idle: NodeJS.Timeout | undefined;
}

const waiting: Job[] = [];
const threads = new Set<Thread>();

/** Hashes trees on worker threads, in parallel; the results are in the order of the requests. */
export async function hashPaths(requests: readonly DigestRequest[]): Promise<TreeDigest[]> {
	return await Promise.all(requests.map((request) => hashPath(request)));
}

/** Says that a large tree will come soon: threads take longer to start than a small part of the work. */
export function prepareHashing(): void {
	if (threads.size >= MAX_THREADS || [...threads].some((thread) => thread.job === undefined)) return;
	const thread = startThread();
	thread.worker.postMessage("prepare" satisfies HashOrder);
	thread.worker.unref();
	retireLater(thread);
}

function hashPath(request: DigestRequest): Promise<TreeDigest> {
	const { promise, resolve, reject } = Promise.withResolvers<TreeDigest>();
	waiting.push({ request, resolve, reject });
	dispatch();
	return promise;
}

function dispatch(): void {
	while (waiting.length > 0) {
		const idle = [...threads].find((thread) => thread.job === undefined);
		if (idle === undefined && threads.size >= MAX_THREADS) return;
		const job = waiting.shift();
		if (job === undefined) return;
		give(idle ?? startThread(), job);
	}
}

function give(thread: Thread, job: Job): void {
	clearTimeout(thread.idle);
	thread.job = job;
	// With work under way the process must not end; without, the thread must not hold it.
	thread.worker.ref();
	thread.worker.postMessage(job.request satisfies HashOrder);
}

function startThread(): Thread {
	const worker = new Worker(new URL("./hash-worker.ts", import.meta.url));
	const thread: Thread = { worker, job: undefined, idle: undefined };
	threads.add(thread);
	worker.on("message", (reply: HashReply) => {
		const { job } = thread;
		thread.job = undefined;
		worker.unref();
		retireLater(thread);
		if (reply.kind === "digest") job?.resolve(reply.digest);
		else
			job?.reject(reply.diagnostics === undefined ? new Error(reply.message) : new DiagnosticError(reply.diagnostics));
		dispatch();
	});
	worker.on("error", (error) => {
		threads.delete(thread);
		clearTimeout(thread.idle);
		thread.job?.reject(error);
		dispatch();
	});
	return thread;
}

function retireLater(thread: Thread): void {
	thread.idle = setTimeout(() => {
		retire(thread);
	}, IDLE_MILLISECONDS).unref();
}

function retire(thread: Thread): void {
	if (thread.job !== undefined) return;
	threads.delete(thread);
	// A thread without work has nothing to lose; its end needs no waiting.
	void thread.worker.terminate();
}
