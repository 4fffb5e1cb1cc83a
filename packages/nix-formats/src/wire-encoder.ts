/** What Nix's programs say to each other, written: see wire-source.ts. Layer 1, pure. */

import type { ByteString } from "./byte-string.ts";

/** Puts values together, until they are taken. */
export class WireEncoder {
	#parts: Buffer[] = [];
	#size = 0;

	number(...values: readonly number[]): this {
		const bytes = Buffer.allocUnsafe(8 * values.length);
		for (const [index, value] of values.entries()) writeNumber(bytes, value, 8 * index);
		return this.#put(bytes);
	}

	boolean(value: boolean): this {
		return this.number(value ? 1 : 0);
	}

	string(text: ByteString): this {
		const bytes = Buffer.alloc(8 + Math.ceil(text.length / 8) * 8);
		writeNumber(bytes, text.length, 0);
		bytes.write(text, 8, "latin1");
		return this.#put(bytes);
	}

	/** Bytes as they are. */
	bytes(bytes: Uint8Array): this {
		return this.#put(Buffer.from(bytes));
	}

	list<T>(items: readonly T[], item: (value: T) => unknown): this {
		this.number(items.length);
		for (const each of items) item(each);
		return this;
	}

	strings(texts: readonly ByteString[]): this {
		return this.list(texts, (text) => this.string(text));
	}

	/** Bytes that were not taken yet. */
	get size(): number {
		return this.#size;
	}

	take(): Buffer {
		const bytes = Buffer.concat(this.#parts);
		this.#parts = [];
		this.#size = 0;
		return bytes;
	}

	#put(bytes: Buffer): this {
		this.#parts.push(bytes);
		this.#size += bytes.length;
		return this;
	}
}

/** A whole number below 2⁵³. */
function writeNumber(bytes: Buffer, value: number, at: number): void {
	bytes.writeUInt32LE(value % 2 ** 32, at);
	bytes.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4);
}
