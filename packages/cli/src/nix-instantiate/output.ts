/** Writing to the standard streams from a thread, at once and as bytes. Layer 5. */

import { writeSync } from "node:fs";

/** Milliseconds to wait when a pipe that does not block is full. */
const FULL_PIPE_PAUSE = 5;

/** Writes a byte string to a file descriptor, all of it. */
export function writeBytes(descriptor: 1 | 2, text: string): void {
	let rest = Buffer.from(text, "latin1");
	while (rest.length > 0) {
		try {
			rest = rest.subarray(writeSync(descriptor, rest));
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
			Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_PIPE_PAUSE);
		}
	}
}
