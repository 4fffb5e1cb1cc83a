/** Bytes of any number to standard output and from standard input, without node's streams. Layer 5. */

import { readSync, writeSync } from "node:fs";
import { bytesFromText } from "@devenv/nix-formats";

const STANDARD_INPUT = 0;
const STANDARD_OUTPUT = 1;
/** Milliseconds to wait where a pipe does not block. */
const PAUSE = 5;
const PIECE = 1 << 16;

/** Writes all of a piece to standard output; a reader that leaves ends the program as SIGPIPE would. */
export function writeOutput(piece: Uint8Array): void {
	for (let at = 0; at < piece.length; ) {
		try {
			at += writeSync(STANDARD_OUTPUT, piece, at, piece.length - at);
		} catch (error) {
			const { code } = error as NodeJS.ErrnoException;
			if (code === "EPIPE") process.exit(141);
			if (code !== "EAGAIN") throw error;
			pause();
		}
	}
}

/** Writes a text to standard output. */
export function writeText(text: string): void {
	writeOutput(Buffer.from(bytesFromText(text), "latin1"));
}

/** What comes on standard input, piece by piece; a piece is valid until the next is asked for. */
export function* readInput(): Generator<Uint8Array> {
	const buffer = Buffer.allocUnsafeSlow(PIECE);
	for (;;) {
		const count = readPiece(buffer);
		if (count === 0) return;
		yield buffer.subarray(0, count);
	}
}

function readPiece(buffer: Buffer): number {
	for (;;) {
		try {
			return readSync(STANDARD_INPUT, buffer, 0, buffer.length, null);
		} catch (error) {
			const { code } = error as NodeJS.ErrnoException;
			if (code === "EOF") return 0;
			if (code !== "EAGAIN") throw error;
			pause();
		}
	}
}

/** All of standard input, as bytes. */
export function readWholeInput(): string {
	let text = "";
	for (const piece of readInput()) text += Buffer.from(piece).toString("latin1");
	return text;
}

function pause(): void {
	Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE);
}
