/**
 * Reads files that somebody else names, such as a project's: never waits, and never reads more than a limit. Layer 3.
 *
 * Only what is open is judged, so that a path that changes meanwhile cannot mislead.
 */

import { closeSync, constants, fstatSync, openSync, type PathLike, readSync } from "node:fs";

/** Why a file was not read, beside the errors of the file system. */
export class FileRefused extends Error {
	readonly reason: "not-regular" | "too-large";

	constructor(reason: "not-regular" | "too-large") {
		super(reason);
		this.name = "FileRefused";
		this.reason = reason;
	}
}

/** Size of the first buffer for files that claim to be empty, as those of /proc do; in bytes. */
const UNKNOWN_SIZE = 4096;

/**
 * The bytes of a regular file of at most `limit` bytes. Throws {@link FileRefused}, before anything is read where the file
 * tells its size, and the file system's errors.
 */
export function readRegularFile(path: PathLike, limit: number): Buffer {
	const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
	try {
		const info = fstatSync(file);
		// Reading a folder fails with the file system's own error.
		if (!info.isFile() && !info.isDirectory()) throw new FileRefused("not-regular");
		if (info.isFile() && info.size > limit) throw new FileRefused("too-large");
		return readUpTo(file, info.size, limit);
	} finally {
		closeSync(file);
	}
}

/** Reads to the end, whatever size the file was said to have. */
function readUpTo(file: number, expected: number, limit: number): Buffer {
	// One byte more than expected, so that the end is seen without another buffer.
	let buffer = Buffer.allocUnsafe(Math.min(limit, expected === 0 ? UNKNOWN_SIZE : expected) + 1);
	let length = 0;
	for (;;) {
		const count = readSync(file, buffer, length, buffer.length - length, null);
		if (count === 0) return buffer.subarray(0, length);
		length += count;
		if (length > limit) throw new FileRefused("too-large");
		if (length === buffer.length) {
			const larger = Buffer.allocUnsafe(Math.min(limit + 1, buffer.length * 2));
			buffer.copy(larger, 0, 0, length);
			buffer = larger;
		}
	}
}
