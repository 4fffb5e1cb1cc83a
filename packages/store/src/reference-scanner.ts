/**
 * Finds which store paths a stream of bytes mentions, by their hash parts. Layer 2, no I/O.
 *
 * A window of 32 bytes moves over the stream; it is read from its end, so that one byte that is no base-32 digit moves
 * it past itself at once. Windows of digits only are first looked up by their first three digits in a bit table, then
 * as a whole. The last 31 bytes of a piece are kept, so that a hash part cut in two is found.
 */

import { HASH_PART_LENGTH, storePathHashPart, type StorePath } from "@devenv/nix-formats";

const DIGITS = "0123456789abcdfghijklmnpqrsvwxyz";
const VALUES: Uint8Array = new Uint8Array(256).fill(255);
for (let index = 0; index < DIGITS.length; index += 1) VALUES[DIGITS.charCodeAt(index)] = index;

export class ReferenceScanner {
	/** By hash part; what is found leaves. */
	readonly #wanted = new Map<string, StorePath>();
	readonly #prefixes: Uint8Array = new Uint8Array(1 << 15);
	readonly #found: StorePath[] = [];
	/** The last bytes of the piece before, followed by the first of this one. */
	readonly #seam: Buffer = Buffer.alloc(2 * (HASH_PART_LENGTH - 1));
	#kept = 0;

	constructor(candidates: Iterable<StorePath>) {
		for (const path of candidates) {
			const hashPart = storePathHashPart(path);
			this.#wanted.set(hashPart, path);
			this.#prefixes[prefixOf(Buffer.from(hashPart, "latin1"), 0)] = 1;
		}
	}

	push(piece: Uint8Array): void {
		if (this.#wanted.size === 0) return;
		const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
		const overlap = HASH_PART_LENGTH - 1;
		const head = Math.min(overlap, bytes.length);
		bytes.copy(this.#seam, this.#kept, 0, head);
		const joined = this.#kept + head;
		if (this.#kept > 0) this.#search(this.#seam, joined);
		this.#search(bytes, bytes.length);
		if (bytes.length >= overlap) {
			bytes.copy(this.#seam, 0, bytes.length - overlap);
			this.#kept = overlap;
		} else {
			const keep = Math.min(overlap, joined);
			this.#seam.copyWithin(0, joined - keep, joined);
			this.#kept = keep;
		}
	}

	/** The paths found so far, sorted. */
	found(): StorePath[] {
		return this.#found.sort();
	}

	#search(bytes: Buffer, length: number): void {
		const values = VALUES;
		let start = 0;
		// Everything in [start, checked) is known to be digits.
		let checked = start;
		while (start + HASH_PART_LENGTH <= length) {
			const end = start + HASH_PART_LENGTH;
			let at = end - 1;
			while (at >= checked && (values[bytes[at] ?? 0] ?? 255) !== 255) at -= 1;
			if (at >= checked) {
				start = at + 1;
			} else {
				if (this.#prefixes[prefixOf(bytes, start)] === 1) this.#look(bytes, start);
				start += 1;
			}
			checked = end;
		}
	}

	#look(bytes: Buffer, start: number): void {
		const hashPart = bytes.toString("latin1", start, start + HASH_PART_LENGTH);
		const path = this.#wanted.get(hashPart);
		if (path === undefined) return;
		this.#found.push(path);
		this.#wanted.delete(hashPart);
	}
}

function prefixOf(bytes: Buffer, at: number): number {
	return (
		((VALUES[bytes[at] ?? 0] ?? 0) << 10) | ((VALUES[bytes[at + 1] ?? 0] ?? 0) << 5) | (VALUES[bytes[at + 2] ?? 0] ?? 0)
	);
}
