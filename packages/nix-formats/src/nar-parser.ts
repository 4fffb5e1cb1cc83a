/**
 * NAR bytes to events, streaming and strict: whatever real Nix would not have written is refused. Layer 1, pure.
 *
 * The archive is read in steps (a node's head, a stretch of contents, an entry's head or a directory's end), each a
 * few kilobytes at most. A step that runs out of bytes is undone and tried again when more have come. Contents are
 * passed on as views of the pieces pushed, so that memory stays constant however large the archive.
 */

import { fail, unreachable } from "@devenv/diagnostics";
import type { ByteString } from "./byte-string.ts";
import { MAX_NAR_DEPTH, MAX_NAR_NAME, MAX_NAR_TARGET, NAR_MAGIC, narNameFault, type NarEvent } from "./nar-event.ts";

/** Bytes of a format word: the longest is `nix-archive-1`. */
const MAX_WORD = 16;

/** Thrown to undo a step for which not enough bytes are there. */
const INCOMPLETE: unique symbol = Symbol("incomplete");

const NOTHING: Buffer = Buffer.alloc(0);

/** What the parser is about to read. */
type Step = "start" | "node" | "contents" | "file-end" | "next" | "done";

/** Reads one NAR, given piece by piece. Every failure has the code `NAR_SYNTAX` and names the byte offset. */
export class NarParser {
	readonly #onEvent: (event: NarEvent) => void;
	/** The directories that are open, each with the name of its last entry. */
	readonly #open: (ByteString | undefined)[] = [];
	#step: Step = "start";
	/** Whether a node has just ended, so that the entry around it ends next. */
	#entryOpen = false;
	/** Bytes of the last file that are still to come, and the padding behind them. */
	#missing = 0;
	#padded = 0;
	/** Bytes that came, but are not consumed: `#piece[#at…]`. */
	#piece: Buffer = NOTHING;
	#at = 0;
	/** Offset in the archive of `#piece[0]`. */
	#base = 0;

	constructor(onEvent: (event: NarEvent) => void) {
		this.#onEvent = onEvent;
	}

	/** Whether the archive's last byte has been read. */
	get done(): boolean {
		return this.#step === "done";
	}

	/** Takes the next bytes; the memory is not kept beyond the call. Fails when bytes follow the archive's end. */
	push(piece: Uint8Array): void {
		if (this.pushPart(piece) > 0) this.#fail("something follows its end");
	}

	/** The same for an archive within a longer stream: returns how many of the piece's last bytes follow the archive's end. */
	pushPart(piece: Uint8Array): number {
		const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
		this.#piece = this.#piece.length === 0 ? bytes : Buffer.concat([this.#piece, bytes]);
		this.#at = 0;
		let stepStart = 0;
		try {
			while (this.#at < this.#piece.length && this.#step !== "done") {
				stepStart = this.#at;
				this.#takeStep();
			}
		} catch (error) {
			if (error !== INCOMPLETE) throw error;
			this.#at = stepStart;
		}
		this.#base += this.#at;
		const rest = this.#piece.length - this.#at;
		this.#piece = rest === 0 || this.#step === "done" ? NOTHING : Buffer.from(this.#piece.subarray(this.#at));
		this.#at = 0;
		return this.#step === "done" ? rest : 0;
	}

	/** To be called after the last piece: fails when the archive is truncated. */
	finish(): void {
		if (this.#step !== "done") this.#fail("it ends too early");
	}

	#takeStep(): void {
		switch (this.#step) {
			case "start":
				this.#expect(NAR_MAGIC);
				this.#step = "node";
				return;
			case "node": {
				this.#node();
				return;
			}
			case "contents": {
				this.#contents();
				return;
			}
			case "file-end":
				this.#padding(this.#padded);
				this.#expect(")");
				{
					this.#endNode();
					return;
				}
			case "next": {
				this.#next();
				return;
			}
			case "done":
				return this.#fail("something follows its end");
			default:
				return unreachable(this.#step);
		}
	}

	#node(): void {
		this.#expect("(");
		this.#expect("type");
		const type = this.#word();
		if (type === "directory") {
			if (this.#open.length === MAX_NAR_DEPTH) this.#fail(`its directories are nested deeper than ${MAX_NAR_DEPTH}`);
			this.#open.push(undefined);
			this.#entryOpen = false;
			this.#step = "next";
			this.#onEvent({ kind: "directory" });
		} else if (type === "symlink") {
			this.#expect("target");
			const target = this.#string(MAX_NAR_TARGET, "a link target");
			if (target === "" || target.includes("\0")) this.#fail("a link target is empty or contains a zero byte");
			this.#expect(")");
			this.#endNode();
			this.#onEvent({ kind: "symlink", target });
		} else if (type === "regular") {
			this.#file();
		} else {
			this.#fail(`"${type}" is not a kind of node`);
		}
	}

	#file(): void {
		let word = this.#word();
		const executable = word === "executable";
		if (executable) {
			this.#expect("");
			word = this.#word();
		}
		if (word !== "contents") this.#fail(`expected "contents", found "${word}"`);
		const size = this.#length();
		this.#missing = size;
		this.#padded = size;
		this.#step = size === 0 ? "file-end" : "contents";
		this.#onEvent({ kind: "file", executable, size });
	}

	#contents(): void {
		const count = Math.min(this.#missing, this.#piece.length - this.#at);
		const bytes = this.#piece.subarray(this.#at, this.#at + count);
		this.#at += count;
		this.#missing -= count;
		if (this.#missing === 0) this.#step = "file-end";
		this.#onEvent({ kind: "contents", bytes });
	}

	#endNode(): void {
		this.#entryOpen = true;
		this.#step = this.#open.length === 0 ? "done" : "next";
	}

	/** An entry's head or a directory's end, after the end of the entry before. */
	#next(): void {
		if (this.#entryOpen) this.#expect(")");
		const word = this.#word();
		if (word === "entry") {
			this.#expect("(");
			this.#expect("name");
			const name = this.#string(MAX_NAR_NAME, "a file name");
			this.#expect("node");
			const fault = narNameFault(name);
			if (fault !== undefined) this.#fail(`a file name ${fault}`);
			const last = this.#open.at(-1);
			if (last !== undefined && last >= name) {
				this.#fail(`file name ${JSON.stringify(name)} is not in order, or given twice`);
			}
			this.#open[this.#open.length - 1] = name;
			this.#entryOpen = false;
			this.#step = "node";
			this.#onEvent({ kind: "entry", name });
		} else if (word === ")") {
			this.#open.pop();
			this.#endNode();
			this.#onEvent({ kind: "end" });
		} else {
			this.#fail(`expected "entry" or ")", found ${JSON.stringify(word)}`);
		}
	}

	#expect(word: string): void {
		const found = this.#word();
		if (found !== word) this.#fail(`expected "${word}", found ${JSON.stringify(found)}`);
	}

	#word(): ByteString {
		return this.#string(MAX_WORD, "a word");
	}

	#string(limit: number, what: string): ByteString {
		const length = this.#length();
		if (length > limit) this.#fail(`${what} is longer than ${limit} bytes`);
		this.#need(length);
		const text = this.#piece.toString("latin1", this.#at, this.#at + length);
		this.#at += length;
		this.#padding(length);
		return text;
	}

	#length(): number {
		this.#need(8);
		const low = this.#piece.readUInt32LE(this.#at);
		const high = this.#piece.readUInt32LE(this.#at + 4);
		if (high > 0x1f_ffff) this.#fail("a length is out of range");
		this.#at += 8;
		return high * 0x1_0000_0000 + low;
	}

	#padding(length: number): void {
		const count = (8 - (length % 8)) % 8;
		this.#need(count);
		for (let index = 0; index < count; index += 1) {
			if (this.#piece[this.#at + index] !== 0) this.#fail("padding is not zero");
		}
		this.#at += count;
	}

	#need(count: number): void {
		// A symbol costs no stack trace, and is no failure that could be reported.
		// eslint-disable-next-line @typescript-eslint/only-throw-error
		if (this.#piece.length - this.#at < count) throw INCOMPLETE;
	}

	#fail(reason: string): never {
		return fail("NAR_SYNTAX", `the archive is not valid at byte ${this.#base + this.#at}: ${reason}`, {
			hint: "the archive is damaged or truncated; fetch it again, from another place if it stays so",
		});
	}
}
