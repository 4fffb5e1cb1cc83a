/**
 * The stream of `nix-store --export`: store objects one after the other, each as its NAR and, behind it, what the store knows
 * of it. Layer 1, pure. Numbers are 8 bytes, least significant first; strings have their length before them, and zeros up to
 * a multiple of 8 behind.
 *
 *     1 NAR 0x4558494e path count reference… deriver 0   … once for each object
 *     0
 */

import { fail } from "@devenv/diagnostics";
import type { ByteString } from "./byte-string.ts";
import type { NarEvent } from "./nar-event.ts";
import { NarParser } from "./nar-parser.ts";
import { type DrvPath, parseDrvPath, parseStorePath, type StorePath } from "./store-path.ts";

const OBJECT_MAGIC = 0x4558494e;

/** A store path is shorter; anything longer is no such stream. */
const MAX_STRING = 4096;

/** References of one object. */
const MAX_REFERENCES = 100_000;

const NOTHING: Buffer = Buffer.alloc(0);

/** What follows an object's NAR. */
export interface ExportedObject {
	readonly path: StorePath;
	/** In the stream's order. */
	readonly references: readonly StorePath[];
	readonly deriver: DrvPath | undefined;
}

/** What precedes each NAR. */
export const EXPORT_OBJECT: Buffer = number(1);

/** What follows the last object. */
export const EXPORT_END: Buffer = number(0);

/** What follows an object's NAR; the references in Nix's order, sorted. */
export function formatExportedObject({ path, references, deriver }: ExportedObject): Uint8Array {
	const listed = [...references].sort();
	return Buffer.concat([
		number(OBJECT_MAGIC),
		string(path),
		number(listed.length),
		...listed.map(string),
		string(deriver ?? ""),
		number(0),
	]);
}

/** Who receives a stream: the events and bytes of each NAR, then what is known of its object. */
export interface ExportReceiver {
	/** A NAR begins. */
	readonly begin: () => void;
	/** Bytes of a NAR, valid during the call only; after the events that they make. */
	readonly bytes: (piece: Uint8Array) => void;
	readonly event: (event: NarEvent) => void;
	/** The NAR before is complete. */
	readonly object: (object: ExportedObject) => void;
}

/** Reads a stream, given piece by piece. Every failure has the code `EXPORT_SYNTAX`, or `NAR_SYNTAX` in an archive. */
export class ExportParser {
	readonly #receiver: ExportReceiver;
	readonly #storeDir: string | undefined;
	#nar: NarParser | undefined;
	#step: "mark" | "nar" | "object" | "end" = "mark";
	/** Bytes that came, but do not make a whole step yet. */
	#waiting: Buffer = NOTHING;

	constructor(receiver: ExportReceiver, storeDir?: string) {
		this.#receiver = receiver;
		this.#storeDir = storeDir;
	}

	/** Whether the end mark was read. */
	get done(): boolean {
		return this.#step === "end";
	}

	/** Takes the next bytes; returns how many of the last ones follow the stream's end. */
	push(piece: Uint8Array): number {
		let rest: Buffer = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
		for (;;) {
			if (this.#step === "nar") {
				const after = rest.length === 0 ? undefined : this.#takeNar(rest);
				if (after === undefined) return 0;
				rest = after;
				continue;
			}
			if (this.#step === "end") return rest.length;
			const bytes = this.#waiting.length === 0 ? rest : Buffer.concat([this.#waiting, rest]);
			const reader = new FieldReader(bytes);
			if (!(this.#step === "mark" ? this.#takeMark(reader) : this.#takeObject(reader))) {
				this.#waiting = Buffer.from(bytes);
				return 0;
			}
			this.#waiting = NOTHING;
			rest = bytes.subarray(reader.at);
		}
	}

	/** To be called after the last piece: fails when the stream is truncated. */
	finish(): void {
		if (this.#step !== "end") failStream("it ends too early");
	}

	/** What follows the archive; undefined where it goes on. */
	#takeNar(bytes: Buffer): Buffer | undefined {
		const nar = (this.#nar ??= this.#begin());
		const after = nar.pushPart(bytes);
		this.#receiver.bytes(bytes.subarray(0, bytes.length - after));
		if (!nar.done) return undefined;
		this.#nar = undefined;
		this.#step = "object";
		return bytes.subarray(bytes.length - after);
	}

	#begin(): NarParser {
		this.#receiver.begin();
		return new NarParser(this.#receiver.event);
	}

	#takeMark(reader: FieldReader): boolean {
		const mark = reader.bytes(8);
		if (mark === undefined) return false;
		if (mark.equals(EXPORT_END)) this.#step = "end";
		else if (mark.equals(EXPORT_OBJECT)) this.#step = "nar";
		else failStream("it does not look like something that `nix-store --export` wrote");
		return true;
	}

	/** Reads all of it or nothing. */
	#takeObject(reader: FieldReader): boolean {
		const magic = reader.number();
		if (magic !== undefined && magic !== OBJECT_MAGIC) failStream("what follows an archive is not what it says of it");
		const path = reader.string();
		const count = path === undefined ? undefined : reader.number();
		if (path === undefined || count === undefined) return false;
		if (count > MAX_REFERENCES) failStream("an object has too many references");
		const references: ByteString[] = [];
		while (references.length < count) {
			const reference = reader.string();
			if (reference === undefined) return false;
			references.push(reference);
		}
		const deriver = reader.string();
		const signed = deriver === undefined ? undefined : reader.number();
		if (deriver === undefined || signed === undefined) return false;
		// A signature of old times, which nobody checks any more.
		if (signed === 1 && reader.string() === undefined) return false;
		this.#step = "mark";
		this.#receiver.object({
			path: parseStorePath(path, this.#storeDir),
			references: references.map((each) => parseStorePath(each, this.#storeDir)),
			deriver: deriver === "" ? undefined : parseDrvPath(deriver, this.#storeDir),
		});
		return true;
	}
}

/** Fields from bytes of which the last may not be there yet. */
class FieldReader {
	readonly #bytes: Buffer;
	at = 0;

	constructor(bytes: Buffer) {
		this.#bytes = bytes;
	}

	bytes(count: number): Buffer | undefined {
		if (this.#bytes.length - this.at < count) return undefined;
		this.at += count;
		return this.#bytes.subarray(this.at - count, this.at);
	}

	number(): number | undefined {
		const bytes = this.bytes(8);
		if (bytes === undefined) return undefined;
		if (bytes.readUInt32LE(4) !== 0) failStream("a number is out of range");
		return bytes.readUInt32LE();
	}

	string(): ByteString | undefined {
		const length = this.number();
		if (length === undefined) return undefined;
		if (length > MAX_STRING) failStream(`a string is longer than ${MAX_STRING} bytes`);
		const padded = this.bytes(Math.ceil(length / 8) * 8);
		if (padded === undefined) return undefined;
		if (padded.subarray(length).some((byte) => byte !== 0)) failStream("padding is not zero");
		return padded.toString("latin1", 0, length);
	}
}

function number(value: number): Buffer {
	const bytes = Buffer.alloc(8);
	bytes.writeUInt32LE(value);
	return bytes;
}

function string(text: ByteString): Buffer {
	return Buffer.concat([number(text.length), Buffer.from(text, "latin1"), Buffer.alloc((8 - (text.length % 8)) % 8)]);
}

function failStream(reason: string): never {
	return fail("EXPORT_SYNTAX", `the stream of store objects is not valid: ${reason}`, {
		hint: "it is damaged or truncated; export it again",
	});
}
