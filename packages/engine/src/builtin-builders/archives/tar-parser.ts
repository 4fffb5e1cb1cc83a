/**
 * A tar stream as entries: ustar, GNU long names and pax headers. Pure: bytes are pushed in, a sink is called.
 *
 * Sources: POSIX.1-2024 "pax Interchange Format", GNU tar manual "Basic Tar Format". Names are byte strings (one code unit per
 * byte). Nothing is checked here about where a name leads; that is the sink's.
 */

/** What an entry is; `other` covers devices, FIFOs and types that no package has. */
export type TarEntryKind = "file" | "hard-link" | "symbolic-link" | "directory" | "other";

export interface TarEntry {
	readonly kind: TarEntryKind;
	readonly name: string;
	/** Permission bits, set-id bits included. */
	readonly mode: number;
	/** Length of the contents that follow; 0 unless `kind` is `file`. */
	readonly size: number;
	/** For links. */
	readonly linkName: string;
	/** The type as it stands in the header, for messages. */
	readonly type: string;
	/** When its contents last changed: whole seconds since 1970. */
	readonly modified: number;
}

export interface TarSink {
	/** A new entry; its contents follow in `onData` (only for files of a size above 0). */
	onEntry(entry: TarEntry): void;
	onData(chunk: Buffer): void;
	/** The entry's contents are complete. */
	onEntryEnd(): void;
}

/** Thrown on bytes that are no tar archive; the message completes "the archive is malformed: …". */
export class TarError extends Error {
	override readonly name = "TarError";
}

const block = 512;
/** Long names and pax records are short; more is an attack on memory. */
const longestExtension = 1 << 20;

type State =
	| { readonly kind: "header" }
	/** Contents of an entry for the sink. */
	| { readonly kind: "data"; left: number; padding: number }
	/** Contents of a long name or of pax records. */
	| { readonly kind: "extension"; readonly type: string; readonly pieces: Buffer[]; left: number; padding: number }
	| { readonly kind: "padding"; left: number }
	/** The end-of-archive blocks have come; the rest is ignored. */
	| { readonly kind: "end" };

interface Overrides {
	name?: string;
	linkName?: string;
	size?: number;
	modified?: number;
}

export class TarParser {
	readonly #sink: TarSink;
	#state: State = { kind: "header" };
	/** The part of a header that has come. */
	#pending: Buffer = Buffer.alloc(0);
	#overrides: Overrides = {};
	#zeroBlocks = 0;

	constructor(sink: TarSink) {
		this.#sink = sink;
	}

	/** Takes the next bytes of the stream. */
	push(chunk: Buffer): void {
		let rest = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
		this.#pending = Buffer.alloc(0);
		while (rest.length > 0) {
			const state = this.#state;
			if (state.kind === "end") return;
			if (state.kind === "header") {
				if (rest.length < block) {
					this.#pending = rest;
					return;
				}
				this.#header(rest.subarray(0, block));
				rest = rest.subarray(block);
				continue;
			}
			const piece = rest.subarray(0, state.left);
			rest = rest.subarray(piece.length);
			state.left -= piece.length;
			if (state.kind === "data") this.#sink.onData(piece);
			else if (state.kind === "extension") state.pieces.push(Buffer.from(piece));
			if (state.left === 0) this.#sectionEnd(state);
		}
	}

	/** The stream has ended. Throws when it ended inside an entry. */
	end(): void {
		if (this.#state.kind === "end") return;
		if (this.#state.kind !== "header" || this.#pending.length > 0) throw new TarError("it ends inside an entry");
		/* Without end-of-archive blocks, but between entries: some writers leave them out. */
	}

	#sectionEnd(state: Exclude<State, { kind: "header" | "end" }>): void {
		if (state.kind === "extension") this.#extension(state.type, Buffer.concat(state.pieces));
		if (state.kind === "data") this.#sink.onEntryEnd();
		const padding = state.kind === "padding" ? 0 : state.padding;
		this.#state = padding > 0 ? { kind: "padding", left: padding } : { kind: "header" };
	}

	#header(header: Buffer): void {
		if (header[0] === 0 && header.every((byte) => byte === 0)) {
			this.#zeroBlocks++;
			if (this.#zeroBlocks === 2) this.#state = { kind: "end" };
			return;
		}
		this.#zeroBlocks = 0;
		checkSum(header);
		const type = String.fromCharCode(header[156] ?? 0);
		const size = numberAt(header, 124, 12);
		const padding = (block - (size % block)) % block;
		if (type === "L" || type === "K" || type === "x") {
			if (size > longestExtension) throw new TarError("an extended header is too long");
			this.#state = { kind: "extension", type, pieces: [], left: size, padding };
			if (size === 0) this.#state = { kind: "header" };
			return;
		}
		if (type === "g") {
			/* Global records: comments and times, nothing that matters here. */
			this.#state = size === 0 ? { kind: "header" } : { kind: "padding", left: size + padding };
			return;
		}
		this.#entry(header, type, size);
	}

	#entry(header: Buffer, type: string, headerSize: number): void {
		const kind = entryKind(type);
		const overrides = this.#overrides;
		this.#overrides = {};
		const size = overrides.size ?? headerSize;
		const entry: TarEntry = {
			kind,
			name: overrides.name ?? ustarName(header),
			mode: numberAt(header, 100, 8) & 0o7777,
			size: kind === "file" ? size : 0,
			linkName: overrides.linkName ?? textAt(header, 157, 100),
			type,
			modified: overrides.modified ?? timeAt(header, 136),
		};
		this.#sink.onEntry(entry);
		/* A hard link may carry a size without contents (POSIX leaves it open, dpkg and GNU tar write none). */
		const contents = kind === "file" || kind === "other" ? size : 0;
		const padding = (block - (contents % block)) % block;
		if (contents === 0) {
			this.#sink.onEntryEnd();
			this.#state = { kind: "header" };
		} else if (kind === "file") {
			this.#state = { kind: "data", left: contents, padding };
		} else {
			this.#state = { kind: "padding", left: contents + padding };
		}
	}

	#extension(type: string, bytes: Buffer): void {
		if (type === "x") {
			for (const [key, value] of paxRecords(bytes)) {
				if (key === "path") this.#overrides.name = value;
				else if (key === "linkpath") this.#overrides.linkName = value;
				else if (key === "size") {
					if (!/^\d{1,15}$/.test(value)) throw new TarError("a size is no number");
					this.#overrides.size = Number(value);
				} else if (key === "mtime" && /^\d{1,15}(?:\.\d*)?$/.test(value)) {
					this.#overrides.modified = Math.floor(Number(value));
				} else if (key.startsWith("GNU.sparse.")) throw new TarError("sparse files are not supported");
			}
			return;
		}
		const end = bytes.indexOf(0);
		const text = bytes.toString("latin1", 0, end < 0 ? bytes.length : end);
		if (type === "L") this.#overrides.name = text;
		else this.#overrides.linkName = text;
	}
}

function entryKind(type: string): TarEntryKind {
	switch (type) {
		case "0":
		case "\0":
		case "7":
			return "file";
		case "1":
			return "hard-link";
		case "2":
			return "symbolic-link";
		case "5":
			return "directory";
		default:
			return "other";
	}
}

function textAt(header: Buffer, start: number, length: number): string {
	const end = header.indexOf(0, start);
	return header.toString("latin1", start, end < 0 || end > start + length ? start + length : end);
}

function ustarName(header: Buffer): string {
	const name = textAt(header, 0, 100);
	/* GNU's own magic is "ustar  " and uses the prefix field otherwise. */
	if (header.toString("latin1", 257, 263) !== "ustar\0") return name;
	const prefix = textAt(header, 345, 155);
	return prefix === "" ? name : `${prefix}/${name}`;
}

/** An octal number, or GNU's big-endian binary when the first bit is set. */
function numberAt(header: Buffer, start: number, length: number): number {
	const first = header[start] ?? 0;
	if (first & 0x80) {
		let value = first & 0x7f;
		for (let at = start + 1; at < start + length; at++) {
			value = value * 256 + (header[at] ?? 0);
			if (value > Number.MAX_SAFE_INTEGER) throw new TarError("a number is out of range");
		}
		return value;
	}
	const text = header
		.toString("latin1", start, start + length)
		.replace(/[\0 ]+$/, "")
		.trimStart();
	if (text === "") return 0;
	if (!/^[0-7]+$/.test(text)) throw new TarError("a number is no octal number");
	return Number.parseInt(text, 8);
}

/** Times before 1970 and what is no number count as 0: nothing depends on them but what is shown. */
function timeAt(header: Buffer, start: number): number {
	const text = textAt(header, start, 12).trim();
	return /^[0-7]{1,12}$/.test(text) ? Number.parseInt(text, 8) : 0;
}

function checkSum(header: Buffer): void {
	let sum = 8 * 32;
	for (let at = 0; at < block; at++) if (at < 148 || at >= 156) sum += header[at] ?? 0;
	if (sum !== numberAt(header, 148, 8)) throw new TarError("a header's checksum is wrong");
}

/** Records of the form `<length> <key>=<value>\n`. */
function* paxRecords(bytes: Buffer): Iterable<readonly [key: string, value: string]> {
	for (let at = 0; at < bytes.length; ) {
		const space = bytes.indexOf(0x20, at);
		const digits = space < 0 ? "" : bytes.toString("latin1", at, space);
		const length = Number(digits);
		const record = bytes.toString("latin1", space + 1, at + length - 1);
		const equals = record.indexOf("=");
		if (!/^\d{1,7}$/.test(digits) || at + length > bytes.length || bytes[at + length - 1] !== 0x0a || equals < 1) {
			throw new TarError("an extended header cannot be read");
		}
		yield [record.slice(0, equals), record.slice(equals + 1)];
		at += length;
	}
}
