/** The file of `devenv --trace FILE`, which every process of the command appends to. Layer 5. */

import { closeSync, constants, openSync, writeSync } from "node:fs";
import { TRACE_VARIABLE } from "../caller.ts";
import { CLIENT_TRACK, HELPER_TRACK, type TraceEvent } from "./trace-events.ts";

/** Events go to the file at once, since this process may become another one at any moment. */
class TraceFile {
	readonly path: string;

	constructor(path: string) {
		this.path = path;
		const { pid } = process;
		this.write([
			{ ph: "M", name: "process_name", pid, tid: CLIENT_TRACK, args: { name: "devenv" } },
			{ ph: "M", name: "thread_name", pid, tid: HELPER_TRACK, args: { name: "helper" } },
			{ ph: "M", name: "thread_name", pid, tid: CLIENT_TRACK, args: { name: "client" } },
		]);
		this.span("start node and load the client", epochOf(0));
	}

	/** What this process did from a moment until now. */
	span(name: string, start: number): void {
		this.write([{ ph: "X", name, pid: process.pid, tid: CLIENT_TRACK, ts: start, dur: this.now() - start }]);
	}

	/** Microseconds since the epoch. */
	now(): number {
		return epochOf(performance.now());
	}

	/** A file that cannot be written is not traced to: the command's own work counts. */
	write(events: readonly TraceEvent[]): void {
		if (events.length === 0) return;
		try {
			const file = openSync(this.path, constants.O_WRONLY | constants.O_APPEND);
			try {
				writeSync(file, events.map((event) => `${JSON.stringify(event)},\n`).join(""));
			} finally {
				closeSync(file);
			}
		} catch (error) {
			if (typeof (error as NodeJS.ErrnoException).code !== "string") throw error;
		}
	}
}

function epochOf(milliseconds: number): number {
	return Math.round((performance.timeOrigin + milliseconds) * 1000);
}

/** The trace of this command; undefined where none is wanted. */
export const trace: TraceFile | undefined = ((path) =>
	path?.startsWith("/") === true ? new TraceFile(path) : undefined)(process.env[TRACE_VARIABLE]);

/** The environment for the native helper, which goes on with the same trace and keeps the variable from what it starts. */
export function withTrace(environment: Record<string, string>, helper: string | null): Record<string, string> {
	return trace === undefined || helper === null ? environment : { ...environment, [TRACE_VARIABLE]: trace.path };
}
