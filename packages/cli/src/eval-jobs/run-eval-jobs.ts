/**
 * `eval-jobs`: walks a set of jobs with several threads, and tells each job as soon as it is known. Layer 5.
 *
 * A thread evaluates one attribute at a time. One whose heap has grown above the limit is ended and another takes its place; an
 * attribute during which a thread runs out of memory is tried once more by a fresh one, and is then an error of its own.
 */

import { MessageChannel, Worker } from "node:worker_threads";
import type { HomeLayout } from "@devenv/protocol";
import { EvaluationHost } from "../evaluation/evaluation-host.ts";
import { attributeText } from "./job-finder.ts";
import type { ThreadNumbers } from "@devenv/engine/eval-io";
import { jobsRoot, RememberedJobs } from "./remembered-jobs.ts";
import type { Found, FoundMessage, Job, JobsMessage, JobsRequest, JobsSetup, JobsTask } from "./messages.ts";

/** Stack of an evaluating thread, MiB; only touched pages count as memory. */
const STACK_SIZE = 256;
/** How much more than the limit a thread may have while it evaluates one attribute. */
const ALLOWANCE = 1.25;

export interface JobsOptions {
	readonly request: JobsRequest;
	readonly layout: HomeLayout;
	readonly workers: number;
	/** MiB that a thread may keep between attributes. */
	readonly memory: number;
	/** Milliseconds for one attribute; undefined: as long as it takes. */
	readonly timeout: number | undefined;
	/** Whether results of earlier walks are used and kept. */
	readonly remember: boolean;
	readonly onJob: (job: Job) => void;
	readonly onLog: (text: string) => void;
}

export interface JobsOutcome {
	/** False where the set of jobs itself cannot be evaluated. */
	readonly whole: boolean;
	/** Attribute paths that were evaluated: the others were remembered. */
	readonly evaluated: number;
}

/** Resolves when everything was looked at. */
export async function runEvalJobs(options: JobsOptions): Promise<JobsOutcome> {
	const { request, layout, onLog } = options;
	const host = new EvaluationHost(layout, layout.storeRoot);
	const root = options.remember ? jobsRoot(request) : undefined;
	const remembered = root === undefined ? undefined : new RememberedJobs({ request, layout, root, onLog });
	try {
		const outcome = await new JobsWalk(options, { host, root, remembered }).run();
		remembered?.save();
		return outcome;
	} finally {
		remembered?.close();
		await host.close();
	}
}

interface Pending {
	readonly attrPath: readonly string[];
	/** A thread ran out of memory at it. */
	readonly again: boolean;
}

/** What a walk works with beside its options. */
interface JobsWorld {
	readonly host: EvaluationHost;
	/** Real path of the tree of sources, where results are remembered. */
	readonly root: string | undefined;
	readonly remembered: RememberedJobs | undefined;
}

class JobsWalk {
	readonly #options: JobsOptions;
	readonly #world: JobsWorld;
	/** The next one last. */
	readonly #pending: Pending[] = [{ attrPath: [], again: false }];
	#busy = 0;
	#evaluated = 0;
	#rootFailed = false;
	/** Loops that wait for something to do. */
	#waiting: (() => void)[] = [];
	#fault: Error | undefined;

	constructor(options: JobsOptions, world: JobsWorld) {
		this.#options = options;
		this.#world = world;
	}

	async run(): Promise<JobsOutcome> {
		await Promise.all(Array.from({ length: this.#options.workers }, () => this.#loop()));
		if (this.#fault !== undefined) throw this.#fault;
		return { whole: !this.#rootFailed, evaluated: this.#evaluated };
	}

	/** One thread at a time, as long as there may be something to do. */
	async #loop(): Promise<void> {
		let thread: JobsThread | undefined;
		try {
			for (let next = await this.#next(); next !== undefined; next = await this.#next()) {
				const known = this.#world.remembered?.recall(next.attrPath);
				if (known !== undefined) {
					this.#takeFound(next.attrPath, known);
					continue;
				}
				this.#busy++;
				this.#evaluated++;
				try {
					thread ??= new JobsThread(this.#options, this.#world);
					const outcome = await thread.look(next.attrPath);
					if (!outcome.survived) thread = undefined;
					this.#take(next, outcome);
				} finally {
					this.#busy--;
					this.#wake();
				}
			}
		} catch (error) {
			this.#fault ??= error instanceof Error ? error : new Error(String(error));
			this.#wake();
		} finally {
			await thread?.end();
		}
	}

	async #next(): Promise<Pending | undefined> {
		for (;;) {
			if (this.#fault !== undefined) return undefined;
			const next = this.#pending.pop();
			if (next !== undefined || this.#busy === 0) return next;
			await new Promise<void>((resolve) => this.#waiting.push(resolve));
		}
	}

	#wake(): void {
		for (const resolve of this.#waiting.splice(0)) resolve();
	}

	#take({ attrPath, again }: Pending, outcome: Outcome): void {
		if (outcome.kind === "memory" && !again) {
			this.#pending.push({ attrPath, again: true });
			return;
		}
		this.#takeFound(
			attrPath,
			outcome.kind === "found" ? outcome.found : failure(attrPath, this.#describe(outcome.kind)),
		);
	}

	#takeFound(attrPath: readonly string[], found: Found): void {
		if (found.kind === "set") {
			for (const name of [...found.names].reverse()) {
				this.#pending.push({ attrPath: [...attrPath, name], again: false });
			}
		} else if (found.kind === "job") {
			if (attrPath.length === 0 && found.job.error !== undefined) this.#rootFailed = true;
			this.#options.onJob(found.job);
		}
	}

	#describe(kind: "memory" | "timeout"): string {
		const { memory, timeout = 0 } = this.#options;
		if (kind === "timeout") return `error: the evaluation takes longer than ${timeout / 1000} s`;
		return `error: the evaluation needs more than ${Math.floor(memory * ALLOWANCE)} MiB of memory`;
	}
}

function failure(attrPath: readonly string[], error: string): Found {
	return { kind: "job", job: { attr: attributeText(attrPath), attrPath, error } };
}

type Outcome =
	| { readonly kind: "found"; readonly found: Found; readonly survived: boolean }
	/** The thread was ended. */
	| { readonly kind: "memory" | "timeout"; readonly survived: false };

interface Settle {
	readonly resolve: (outcome: Outcome) => void;
	readonly reject: (error: Error) => void;
}

class JobsThread {
	readonly #worker: Worker;
	readonly #options: JobsOptions;
	readonly #channel = new MessageChannel();
	readonly #started = Promise.withResolvers<undefined>();
	readonly #remembered: RememberedJobs | undefined;
	/** What its numbers of reads stand for. */
	readonly #numbers: ThreadNumbers = [];
	#looksAt: readonly string[] = [];
	#settle: Settle | undefined;
	#timer: NodeJS.Timeout | undefined;

	constructor(options: JobsOptions, { host, root, remembered }: JobsWorld) {
		const { request, layout, memory } = options;
		this.#options = options;
		this.#remembered = remembered;
		const wake = new SharedArrayBuffer(4);
		const { storeRoot, cache } = layout;
		const setup: JobsSetup = { request, storeRoot, cache, sourceRoot: root, wake, answers: this.#channel.port2 };
		this.#worker = new Worker(new URL("./eval-jobs-worker.ts", import.meta.url), {
			workerData: setup,
			transferList: [this.#channel.port2],
			execArgv: [],
			resourceLimits: { stackSizeMb: STACK_SIZE, maxOldGenerationSizeMb: Math.floor(memory * ALLOWANCE) },
		});
		const answering = { port: this.#channel.port1, wake: new Int32Array(wake) };
		this.#worker.on("message", (message: JobsMessage) => {
			if (message.kind === "log") {
				if (remembered?.wasSaid(message.text) !== true) options.onLog(message.text);
			} else if (message.kind === "ready") this.#started.resolve(undefined);
			else if (message.kind === "ask") void host.answer(message.question, answering);
			else void this.#found(message);
		});
		this.#worker.on("error", (error) => {
			this.#failed(error instanceof Error ? error : new Error(String(error)));
		});
	}

	look(attrPath: readonly string[]): Promise<Outcome> {
		const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
		this.#settle = { resolve, reject };
		this.#looksAt = attrPath;
		const task: JobsTask = { attrPath };
		this.#worker.postMessage(task);
		const { timeout } = this.#options;
		// What the thread takes to start is not the attribute's.
		if (timeout !== undefined) void this.#started.promise.then(() => this.#limit(timeout));
		return promise;
	}

	#limit(milliseconds: number): void {
		if (this.#settle === undefined) return;
		this.#timer = setTimeout(() => {
			void this.end().then(() => {
				this.#done()?.resolve({ kind: "timeout", survived: false });
			});
		}, milliseconds);
	}

	async end(): Promise<void> {
		this.#channel.port1.close();
		await this.#worker.terminate();
	}

	async #found({ found, used, reads }: FoundMessage): Promise<void> {
		const settle = this.#done();
		if (reads !== undefined) this.#remembered?.learn(this.#looksAt, found, { thread: this.#numbers, reads });
		const survived = used <= this.#options.memory;
		if (!survived) await this.end();
		settle?.resolve({ kind: "found", found, survived });
	}

	#failed(error: Error & { readonly code?: string }): void {
		const settle = this.#done();
		this.#channel.port1.close();
		if (error.code === "ERR_WORKER_OUT_OF_MEMORY") settle?.resolve({ kind: "memory", survived: false });
		else settle?.reject(error);
	}

	#done(): Settle | undefined {
		const settle = this.#settle;
		this.#settle = undefined;
		clearTimeout(this.#timer);
		return settle;
	}
}
