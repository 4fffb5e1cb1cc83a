/**
 * What Nix's programs say to each other, read: numbers of 8 bytes, little endian; strings with their length before them, padded
 * to 8 bytes; and framed data, pieces with their length before them and an empty one at the end. Layer 1, pure.
 *
 * Source: Nix manual, "Serialisation"; `src/libutil/serialise.hh` of Nix. Strings are byte strings.
 */

/** What the other side sent is not of the protocol, or more than anybody needs. The connection cannot go on. */
export class ProtocolError extends Error {}

/** Bytes of one string; texts of derivations are the longest. */
const LONGEST_STRING = 64 * 1024 * 1024;
/** Items of one list. */
const LONGEST_LIST = 1_000_000;

/** Gives bytes in order; pieces are of whatever length they come in. */
export abstract class ByteSource {
	#piece: Buffer = Buffer.alloc(0);

	/** The next piece, which is not empty; undefined at the end. */
	protected abstract next(): Promise<Buffer | undefined>;

	/** Between 1 and `most` bytes; undefined at the end. */
	async some(most: number): Promise<Buffer | undefined> {
		if (this.#piece.length === 0) {
			const piece = await this.next();
			if (piece === undefined) return undefined;
			this.#piece = piece;
		}
		const found = this.#piece.subarray(0, most);
		this.#piece = this.#piece.subarray(found.length);
		return found;
	}

	/** Whether anything more comes. */
	async hasMore(): Promise<boolean> {
		if (this.#piece.length > 0) return true;
		const piece = await this.next();
		if (piece !== undefined) this.#piece = piece;
		return piece !== undefined;
	}

	/** Just so many bytes. */
	async bytes(count: number): Promise<Buffer> {
		const first = count === 0 ? Buffer.alloc(0) : await this.#required(count);
		if (first.length === count) return first;
		const pieces = [first];
		for (let left = count - first.length; left > 0; ) {
			const piece = await this.#required(left);
			pieces.push(piece);
			left -= piece.length;
		}
		return Buffer.concat(pieces, count);
	}

	/** A stream of just so many bytes. */
	async *stream(count: number): AsyncGenerator<Buffer> {
		for (let left = count; left > 0; ) {
			const piece = await this.#required(left);
			left -= piece.length;
			yield piece;
		}
	}

	/** All that comes, until nobody wants more. */
	async *pieces(): AsyncGenerator<Buffer> {
		for (let piece = await this.some(1 << 20); piece !== undefined; piece = await this.some(1 << 20)) yield piece;
	}

	/** Bytes that were taken too many, to be given again. */
	putBack(bytes: Uint8Array): void {
		this.#piece = Buffer.concat([bytes, this.#piece]);
	}

	async number(): Promise<number> {
		const value = (await this.bytes(8)).readBigUInt64LE();
		if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new ProtocolError(`the number ${value} is too large`);
		return Number(value);
	}

	/** A number that may be larger than this side counts, such as "no limit". */
	async amount(): Promise<number> {
		const value = (await this.bytes(8)).readBigUInt64LE();
		return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.POSITIVE_INFINITY : Number(value);
	}

	async boolean(): Promise<boolean> {
		return (await this.number()) !== 0;
	}

	async string(): Promise<string> {
		const length = await this.number();
		if (length > LONGEST_STRING) throw new ProtocolError(`a string of ${length} bytes is too long`);
		const bytes = await this.bytes(length);
		const padding = await this.bytes((8 - (length % 8)) % 8);
		if (padding.some((byte) => byte !== 0)) throw new ProtocolError("the padding of a string is not zero");
		return bytes.toString("latin1");
	}

	async list<T>(item: () => Promise<T>): Promise<T[]> {
		const count = await this.number();
		if (count > LONGEST_LIST) throw new ProtocolError(`a list of ${count} items is too long`);
		const items: T[] = [];
		for (let index = 0; index < count; index++) items.push(await item());
		return items;
	}

	strings(): Promise<string[]> {
		return this.list(() => this.string());
	}

	/** Data that follows in frames; has to be read to its end before anything else is. */
	framed(): FramedSource {
		return new FramedSource(this);
	}

	async #required(most: number): Promise<Buffer> {
		const piece = await this.some(most);
		if (piece === undefined) throw new ProtocolError("the data end too early");
		return piece;
	}
}

export class FramedSource extends ByteSource {
	readonly #outer: ByteSource;
	#left = 0;
	#ended = false;

	constructor(outer: ByteSource) {
		super();
		this.#outer = outer;
	}

	/** Does work with these data; what it leaves is read too, also where it fails, so that the next request is found. */
	async whole<T>(work: () => Promise<T>): Promise<T> {
		try {
			return await work();
		} finally {
			for await (const _ of this.pieces());
		}
	}

	protected override async next(): Promise<Buffer | undefined> {
		if (this.#ended) return undefined;
		if (this.#left === 0) {
			this.#left = await this.#outer.number();
			if (this.#left === 0) {
				this.#ended = true;
				return undefined;
			}
		}
		const piece = await this.#outer.some(Math.min(this.#left, 1 << 20));
		if (piece === undefined) throw new ProtocolError("the data end too early");
		this.#left -= piece.length;
		return piece;
	}
}
