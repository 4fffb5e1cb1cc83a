/**
 * Standard error without node's stream. That stream makes a pipe non-blocking, and the flag belongs to the open file: the
 * shell or command that takes this process's place would inherit it and lose output. Layer 5.
 */

import { writeSync } from "node:fs";
import { isatty } from "node:tty";
import type { ProgressOutput } from "./progress/progress-display.ts";
import { type Terminal, terminalOf } from "./terminal.ts";

const STANDARD_ERROR = 2;

export function standardErrorTerminal(): Terminal {
	return terminalOf(isatty(STANDARD_ERROR), process.env);
}

/** Writes all of the text; where nobody reads any more it is dropped. */
export function writeError(text: string): void {
	let rest = Buffer.from(text);
	while (rest.length > 0) {
		try {
			rest = rest.subarray(writeSync(STANDARD_ERROR, rest));
		} catch (error) {
			const { code } = error as NodeJS.ErrnoException;
			if (code === "EPIPE" || code === "EBADF" || code === "EIO") return;
			if (code !== "EAGAIN") throw error;
			// Somebody else made it non-blocking, and it is full.
			Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
		}
	}
}

/**
 * Undoes what node's stream may have done, before another program takes this process's place: node's own modules open the
 * stream too (`node:assert` does, when it is loaded).
 */
export function makeErrorBlocking(): void {
	if (isatty(STANDARD_ERROR)) return;
	const { _handle: handle } = process.stderr as { readonly _handle?: { setBlocking?(on: boolean): unknown } };
	handle?.setBlocking?.(true);
}

/** Standard error for the progress display; a terminal's size is asked for anew each time. */
export function standardErrorOutput(): ProgressOutput {
	if (!isatty(STANDARD_ERROR)) return { write: writeError };
	// A terminal is opened anew by libuv, so its stream changes nothing that others share.
	const { stderr } = process;
	return {
		write: writeError,
		get columns() {
			return stderr.columns;
		},
		get rows() {
			return stderr.rows;
		},
	};
}
