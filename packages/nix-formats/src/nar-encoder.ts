/**
 * Events to NAR bytes. Layer 1, pure. The pieces are built in one large buffer that is handed over when it is full;
 * {@link NarEncoder.fill} lets a caller read file contents straight into it.
 */

import { unreachable } from "@devenv/diagnostics";
import type { ByteString } from "./byte-string.ts";
import { NAR_MAGIC, narNameFault, type NarEvent } from "./nar-event.ts";

/** Receives the NAR in order; a piece is valid during the call only. */
export type NarSink = (piece: Uint8Array) => void;

/** Fills up to `length` bytes from `offset` on and returns how many; 0 means that there are no more. */
export type FillContents = (buffer: Uint8Array, offset: number, length: number) => number;

/** Bytes that are handed over at once, at most. */
export const NAR_BUFFER_SIZE: number = 1 << 20;

/** Room that a header, with the longest link target, is sure to find. */
const HEADER_SIZE = 8192;

/** A token as the format has it: length in 8 bytes, the bytes, zeros up to a multiple of 8. */
function token(text: string): string {
	const length = text.length;
	const prefix = String.fromCharCode(length & 255, (length >> 8) & 255, (length >> 16) & 255, length >>> 24);
	return `${prefix}\0\0\0\0${text}${"\0".repeat((8 - (length & 7)) & 7)}`;
}

const OPEN = token("(");
const CLOSE = token(")");
const START = token(NAR_MAGIC);
const DIRECTORY = OPEN + token("type") + token("directory");
const ENTRY = token("entry") + OPEN + token("name");
const NODE = token("node");
const FILE = OPEN + token("type") + token("regular") + token("contents");
const EXECUTABLE = OPEN + token("type") + token("regular") + token("executable") + token("") + token("contents");
const SYMLINK = OPEN + token("type") + token("symlink") + token("target");

interface OpenDirectory {
	lastName: ByteString | undefined;
	entryOpen: boolean;
}

/** Writes one NAR. Events that make no well-formed NAR are a bug of the caller, and throw a plain Error. */
export class NarEncoder {
	readonly #sink: NarSink;
	readonly #buffer: Buffer;
	readonly #open: OpenDirectory[] = [];
	#used = 0;
	#flushed = 0;
	/** Bytes of contents that are still to come for the file begun. */
	#missing = 0;
	/** Zeros that follow the contents. */
	#padding = 0;
	#state: "start" | "file" | "tree" | "end" = "start";

	/** `buffer`, of {@link NAR_BUFFER_SIZE}, spares many encoders used one after the other an allocation each. */
	constructor(sink: NarSink, buffer: Buffer = Buffer.allocUnsafeSlow(NAR_BUFFER_SIZE)) {
		if (buffer.length < NAR_BUFFER_SIZE) throw new Error("NAR encoder: the buffer is too small");
		this.#sink = sink;
		this.#buffer = buffer;
	}

	/** Bytes written so far. */
	get size(): number {
		return this.#flushed + this.#used;
	}

	write(event: NarEvent): void {
		switch (event.kind) {
			case "directory": {
				this.directory();
				return;
			}
			case "entry": {
				this.entry(event.name);
				return;
			}
			case "end": {
				this.end();
				return;
			}
			case "file": {
				this.file(event.executable, event.size);
				return;
			}
			case "contents": {
				this.contents(event.bytes);
				return;
			}
			case "symlink": {
				this.symlink(event.target);
				return;
			}
			default:
				return unreachable(event);
		}
	}

	directory(): void {
		this.#startNode();
		this.#put(DIRECTORY);
		this.#open.push({ lastName: undefined, entryOpen: false });
	}

	entry(name: ByteString): void {
		const directory = this.#open.at(-1);
		if (directory === undefined || directory.entryOpen || this.#state !== "tree") throw misuse("an entry");
		const fault = narNameFault(name);
		if (fault !== undefined) throw new Error(`NAR entry name ${fault}`);
		if (directory.lastName !== undefined && directory.lastName >= name)
			throw new Error(`NAR entry "${name}" is unsorted`);
		directory.lastName = name;
		directory.entryOpen = true;
		this.#put(ENTRY + token(name) + NODE);
	}

	end(): void {
		const directory = this.#open.pop();
		if (directory === undefined || directory.entryOpen || this.#state !== "tree") throw misuse("a directory's end");
		this.#put(CLOSE);
		this.#endNode();
	}

	/** Begins a regular file; exactly `size` bytes of contents must follow. */
	file(executable: boolean, size: number): void {
		this.#startNode();
		this.#put(executable ? EXECUTABLE : FILE);
		this.#room(8);
		this.#buffer.writeUInt32LE(size >>> 0, this.#used);
		this.#buffer.writeUInt32LE(Math.floor(size / 0x1_0000_0000), this.#used + 4);
		this.#used += 8;
		this.#missing = size;
		this.#padding = (8 - (size % 8)) % 8;
		this.#state = "file";
		if (size === 0) this.#endFile();
	}

	contents(bytes: Uint8Array): void {
		let from = 0;
		this.fill((buffer, offset, length) => {
			const count = Math.min(length, bytes.length - from);
			buffer.set(bytes.subarray(from, from + count), offset);
			from += count;
			return count;
		});
		if (from < bytes.length) throw misuse("contents beyond the file's size");
	}

	/** Takes contents of the file begun from `read` until it returns 0 or the file is complete. */
	fill(read: FillContents): void {
		if (this.#missing === 0) return;
		if (this.#state !== "file") throw misuse("contents");
		while (this.#missing > 0) {
			this.#room(1);
			const count = read(this.#buffer, this.#used, Math.min(this.#missing, this.#buffer.length - this.#used));
			if (count === 0) return;
			this.#used += count;
			this.#missing -= count;
		}
		this.#endFile();
	}

	/** Whether the file begun has got all its contents. */
	get complete(): boolean {
		return this.#missing === 0;
	}

	symlink(target: ByteString): void {
		this.#startNode();
		this.#put(SYMLINK + token(target) + CLOSE);
		this.#endNode();
	}

	/** Hands over what is left. The NAR must be complete. */
	finish(): void {
		if (this.#state !== "end") throw misuse("the archive's end");
		this.#flush();
	}

	#startNode(): void {
		if (this.#state === "start") {
			this.#put(START);
			this.#state = "tree";
		} else if (this.#state !== "tree" || this.#open.at(-1)?.entryOpen !== true) {
			throw misuse("a node");
		}
	}

	#endFile(): void {
		this.#room(8);
		this.#buffer.fill(0, this.#used, this.#used + this.#padding);
		this.#used += this.#padding;
		this.#state = "tree";
		this.#put(CLOSE);
		this.#endNode();
	}

	#endNode(): void {
		const directory = this.#open.at(-1);
		if (directory === undefined) {
			this.#state = "end";
		} else {
			directory.entryOpen = false;
			this.#put(CLOSE);
		}
	}

	#put(text: ByteString): void {
		this.#room(text.length);
		this.#used += this.#buffer.write(text, this.#used, "latin1");
	}

	#room(length: number): void {
		if (length > HEADER_SIZE) throw new Error(`NAR header of ${length} bytes is too long`);
		if (this.#buffer.length - this.#used < length) this.#flush();
	}

	#flush(): void {
		if (this.#used === 0) return;
		this.#sink(this.#buffer.subarray(0, this.#used));
		this.#flushed += this.#used;
		this.#used = 0;
	}
}

function misuse(what: string): Error {
	return new Error(`NAR encoder: ${what} is not expected here`);
}
