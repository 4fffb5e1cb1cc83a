/**
 * Watches one started sandbox process: hands on its output, enforces the limits, and tells how it ended. Layer 2.
 *
 * The process is told to end by SIGTERM, on which the helper ends the whole process namespace and waits for it.
 */

import type { ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";
import type { BuildLimits, BuildOutcome, RunningBuild } from "./build-request.ts";

export interface WatchOptions {
	readonly limits: BuildLimits;
	/** As of a build request. */
	readonly onOutput: (chunk: Uint8Array) => unknown;
	readonly signal: AbortSignal | undefined;
	/** Reads the outcome from the process's status pipe (all that was written to it) and exit. */
	readonly conclude: (
		status: Buffer,
		exit: { readonly code: number | null; readonly signal: string | null },
	) => BuildOutcome;
	/** Called once when everything has ended; what it throws rejects `done`. */
	readonly cleanUp: () => void;
	/** How the process is told to end; default SIGTERM. */
	readonly endSignal?: NodeJS.Signals;
}

/** The outcomes that are decided here rather than by the builder. */
type Verdict = Extract<BuildOutcome, { kind: "timed-out" | "silent" | "log-limit" | "cancelled" }>;

/** Watches `child`, whose standard output and error are pipes and whose descriptor `statusFd` is a pipe from it. */
export function watchProcess(child: ChildProcess, statusFd: number, options: WatchOptions): RunningBuild {
	const { limits } = options;
	let verdict: Verdict | undefined;
	let bytes = 0;
	const started = performance.now();
	const status: Buffer[] = [];
	const timers: { total?: NodeJS.Timeout; silent?: NodeJS.Timeout; insist?: NodeJS.Timeout } = {};

	const stop = (reason: Verdict): void => {
		if (verdict !== undefined) return;
		verdict = reason;
		child.kill(options.endSignal ?? "SIGTERM");
		/* A helper that does not end was not ours, or is stuck in the kernel: nothing softer is left. */
		timers.insist = setTimeout(() => child.kill("SIGKILL"), 10_000);
	};
	const elapsed = (): number => Math.round(performance.now() - started);
	const heard = (): void => {
		if (limits.silentMs === undefined) return;
		clearTimeout(timers.silent);
		timers.silent = setTimeout(() => {
			stop({ kind: "silent", afterMs: elapsed() });
		}, limits.silentMs);
	};
	if (limits.timeoutMs !== undefined) {
		timers.total = setTimeout(() => {
			stop({ kind: "timed-out", afterMs: elapsed() });
		}, limits.timeoutMs);
	}
	heard();

	const outputs = [child.stdout, child.stderr].filter((each) => each !== null);
	let untaken = 0;
	/* Its silence is not the build's own meanwhile. */
	const holdBack = (taken: Promise<unknown>): void => {
		untaken++;
		clearTimeout(timers.silent);
		for (const each of outputs) each.pause();
		void taken.finally(() => {
			untaken--;
			if (untaken > 0) return;
			heard();
			for (const each of outputs) each.resume();
		});
	};

	const onChunk = (chunk: Buffer): void => {
		if (verdict?.kind === "log-limit") return;
		const left = limits.logBytes === undefined ? chunk.length : Math.max(0, limits.logBytes - bytes);
		bytes += chunk.length;
		heard();
		const taken = options.onOutput(chunk.length > left ? chunk.subarray(0, left) : chunk);
		if (taken instanceof Promise) holdBack(taken);
		if (chunk.length > left) stop({ kind: "log-limit", bytes });
	};
	for (const each of outputs) each.on("data", onChunk);
	(child.stdio[statusFd] as Readable | null)?.on("data", (chunk: Buffer) => status.push(chunk));

	const onAbort = (): void => {
		stop({ kind: "cancelled" });
	};
	options.signal?.addEventListener("abort", onAbort, { once: true });
	if (options.signal?.aborted === true) onAbort();

	const done = new Promise<BuildOutcome>((resolve, reject) => {
		/* A program that cannot be started gives `error` and then `close`; a fault here must reach whoever waits. */
		let finished = false;
		const finish = (settle: () => void): void => {
			if (finished) return;
			finished = true;
			for (const timer of Object.values(timers)) clearTimeout(timer);
			options.signal?.removeEventListener("abort", onAbort);
			try {
				options.cleanUp();
				settle();
			} catch (error) {
				reject(error instanceof Error ? error : new Error(String(error)));
			}
		};
		child.once("error", (error) => {
			finish(() => {
				resolve({ kind: "setup-failed", step: "start the sandbox helper", error: error.message });
			});
		});
		/* `close`: the process has ended and every pipe is at its end. */
		child.once("close", (code, signal) => {
			finish(() => {
				resolve(verdict ?? options.conclude(Buffer.concat(status), { code, signal }));
			});
		});
	});
	return {
		done,
		kill: () => {
			stop({ kind: "cancelled" });
		},
	};
}
