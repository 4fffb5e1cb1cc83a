/**
 * Watches one started sandbox process: hands on its output, enforces the limits, and tells how it ended. Layer 2.
 *
 * The process is told to end by SIGTERM, on which the helper ends the whole process namespace and waits for it.
 */

import type { BuildLimits, BuildOutcome, RunningBuild } from "./build-request.ts";
import type { ProcessExit, WatchedProcess } from "./watched-process.ts";

export interface WatchOptions {
	readonly limits: BuildLimits;
	/** As of a build request. */
	readonly onOutput: (chunk: Uint8Array) => unknown;
	readonly signal: AbortSignal | undefined;
	/** Reads the outcome from the process's status pipe (all that was written to it) and exit. */
	readonly conclude: (status: Buffer, exit: ProcessExit) => BuildOutcome;
	/** Called once when everything has ended; what it throws rejects `done`. */
	readonly cleanUp: () => void;
	/** How the process is told to end; default SIGTERM. */
	readonly endSignal?: "SIGTERM" | "SIGKILL";
}

/** The outcomes that are decided here rather than by the builder. */
type Verdict = Extract<BuildOutcome, { kind: "timed-out" | "silent" | "log-limit" | "cancelled" }>;

export function watchProcess(child: WatchedProcess, options: WatchOptions): RunningBuild {
	const { limits } = options;
	let verdict: Verdict | undefined;
	let bytes = 0;
	const started = performance.now();
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

	let untaken = 0;
	/* Its silence is not the build's own meanwhile. */
	const holdBack = (taken: Promise<unknown>): void => {
		untaken++;
		clearTimeout(timers.silent);
		child.pause();
		void taken.finally(() => {
			untaken--;
			if (untaken > 0) return;
			heard();
			child.resume();
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
	child.onOutput(onChunk);

	const onAbort = (): void => {
		stop({ kind: "cancelled" });
	};
	options.signal?.addEventListener("abort", onAbort, { once: true });
	if (options.signal?.aborted === true) onAbort();

	const conclude = async (): Promise<BuildOutcome> => {
		const ended = await child.ended;
		for (const timer of Object.values(timers)) clearTimeout(timer);
		options.signal?.removeEventListener("abort", onAbort);
		options.cleanUp();
		if ("error" in ended) return { kind: "setup-failed", step: "start the sandbox helper", error: ended.error };
		return verdict ?? options.conclude(ended.report, ended.exit);
	};
	return {
		done: conclude(),
		kill: () => {
			stop({ kind: "cancelled" });
		},
	};
}
