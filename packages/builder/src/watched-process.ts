/** A sandboxed process, as {@link watchProcess} needs it: our own child, or one of the helper's. Layer 2. */

import type { ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";

export interface WatchedProcess {
	/** Hands on what the process writes to standard output and error; called once, before any of it has come. */
	onOutput(listener: (chunk: Buffer) => void): void;
	/** Lets the process wait with its output; what is under way still comes. */
	pause(): void;
	resume(): void;
	kill(signal: "SIGTERM" | "SIGKILL"): void;
	/** When the process has ended and all its output has been handed on; never rejects. */
	readonly ended: Promise<EndedProcess>;
}

export type EndedProcess =
	/** `report`: all that it wrote to its status pipe; `exit`: its status, or the signal that ended it. */
	| { readonly report: Buffer; readonly exit: ProcessExit }
	/** It could not be started, or nothing is known of its end: the system's reason. */
	| { readonly error: string };

export interface ProcessExit {
	readonly code: number | null;
	readonly signal: string | null;
}

/** A child whose standard output and error are pipes and whose descriptor `statusFd` is a pipe from it. */
export function watchedChild(child: ChildProcess, statusFd: number): WatchedProcess {
	const outputs = [child.stdout, child.stderr].filter((each) => each !== null);
	const report: Buffer[] = [];
	(child.stdio[statusFd] as Readable | null)?.on("data", (chunk: Buffer) => report.push(chunk));
	return {
		onOutput: (listener) => {
			for (const each of outputs) each.on("data", listener);
		},
		pause: () => {
			for (const each of outputs) each.pause();
		},
		resume: () => {
			for (const each of outputs) each.resume();
		},
		kill: (signal) => void child.kill(signal),
		/* A program that cannot be started gives `error` and then `close`: the first counts. */
		ended: new Promise((resolve) => {
			child.once("error", (error) => {
				resolve({ error: error.message });
			});
			/* `close`: the process has ended and every pipe is at its end. */
			child.once("close", (code, signal) => {
				resolve({ report: Buffer.concat(report), exit: { code, signal } });
			});
		}),
	};
}
