/** Files that grow: their last lines, and what is added. Layer 5. */

import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";

/** Bytes read at a time, and the most that is read from the end for the last lines. */
const CHUNK = 64 * 1024;
const MOST = 8 * 1024 * 1024;

/** A file of lines, read on from where it was left; a new file in its place is read from its start. */
export class LogTail {
	readonly #path: string;
	#file: number;
	#offset: number;

	/** `lines`: how many of the last ones come first. Throws where there is no such file. */
	constructor(path: string, lines: number) {
		this.#path = path;
		this.#file = openSync(path, "r");
		this.#offset = startOfLastLines(this.#file, lines);
	}

	/** What has come since. */
	read(): string {
		const parts: Buffer[] = [];
		this.#readOn(parts);
		const { ino } = statSync(this.#path, { throwIfNoEntry: false }) ?? { ino: undefined };
		if (ino !== undefined && ino !== fstatSync(this.#file).ino) {
			this.close();
			this.#file = openSync(this.#path, "r");
			this.#offset = 0;
			this.#readOn(parts);
		}
		return Buffer.concat(parts).toString("utf8");
	}

	close(): void {
		closeSync(this.#file);
	}

	#readOn(parts: Buffer[]): void {
		// A log that was begun anew is read from its start.
		if (fstatSync(this.#file).size < this.#offset) this.#offset = 0;
		for (;;) {
			const chunk = Buffer.alloc(CHUNK);
			const length = readSync(this.#file, chunk, 0, CHUNK, this.#offset);
			if (length === 0) return;
			parts.push(chunk.subarray(0, length));
			this.#offset += length;
		}
	}
}

function startOfLastLines(file: number, lines: number): number {
	const { size } = fstatSync(file);
	const tail = Buffer.alloc(Math.min(size, MOST));
	const length = readSync(file, tail, 0, tail.length, size - tail.length);
	let at = length;
	// The line end of the last line does not begin another one.
	for (let count = 0; count <= lines && at > 0; count++) at = tail.lastIndexOf(0x0a, at - 1);
	return size - length + (at <= 0 ? 0 : at + 1);
}
