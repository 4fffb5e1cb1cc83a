/**
 * What a value depends on of the world: sets of reads, each made once. Layer 1, pure.
 *
 * The evaluator's I/O numbers what it reads (`EvalIO.observe`). While a thunk is evaluated, its numbers and the sets of the
 * thunks that it needs are collected; the evaluated thunk keeps their union, and whoever needs it later gets that too, though
 * nothing is read any more. A value can only be reached through the results of what made it, so that the set of an evaluation is
 * complete: whatever the order in which thunks were evaluated, it holds all reads that the same evaluation alone would do.
 *
 * Values that are shared by everything are not worth to be told apart: until {@link ReadTracker.attribute} is called, reads
 * belong to the base and to no set.
 */

import { type Code, Op } from "./code.ts";

/** A set that is not empty. Sets with the same elements are one object, unless one of them is stale. */
export class ReadSet {
	/** Bit `n % 32` of word `n / 32` is set for a read `n`; the last word is not 0. */
	readonly words: Uint32Array;
	/** One of its reads would have another answer now: what has this set is to be evaluated again. */
	stale = false;
	/** The evaluation that met it last. */
	mark = 0;
	/** States of thunks with this set, where these do not keep what they were made from. */
	readonly succeeded: Code;
	readonly failed: Code;

	constructor(words: Uint32Array) {
		this.words = words;
		this.succeeded = { op: Op.tracked, position: 0, a: this, b: null, c: null, d: false };
		this.failed = { op: Op.tracked, position: 0, a: this, b: null, c: null, d: true };
	}

	/** The reads, ascending. */
	reads(): number[] {
		const found: number[] = [];
		for (const [at, word] of this.words.entries()) {
			for (let rest = word; rest !== 0; rest &= rest - 1) found.push(at * 32 + 31 - Math.clz32(rest & -rest));
		}
		return found;
	}

	has(read: number): boolean {
		return (((this.words[read >>> 5] ?? 0) >>> (read & 31)) & 1) === 1;
	}
}

/** A result that is kept, with the reads that it depends on. */
export interface Tracked<T> {
	readonly value: T;
	/** Null where it depends on nothing beyond the base. */
	readonly reads: ReadSet | null;
}

/** Sets that one evaluation may have met before they are united. */
const MOST_PENDING = 64;

export class ReadTracker {
	/** Sets met by the evaluations under way, innermost last. */
	readonly #met: ReadSet[] = [];
	/** Where in `#met` the innermost evaluation begins, and its number. */
	#start = 0;
	#evaluation = 0;
	#evaluations = 0;
	/** The same two of the outer ones. */
	readonly #outer: number[] = [];
	readonly #base = new Set<number>();
	#attributing = false;
	#renewable = false;
	readonly #singles = new Map<number, ReadSet>();
	#known = new Map<number, ReadSet[]>();
	#scratch = new Uint32Array(64);

	/** The reads of the base. */
	get base(): ReadonlySet<number> {
		return this.#base;
	}

	/**
	 * From here on reads belong to what is evaluated; those so far count for everything. Thunks that are `renewable` keep
	 * what they were made from, for {@link invalidate}; it costs memory.
	 */
	attribute({ renewable = false }: { readonly renewable?: boolean } = {}): void {
		this.#attributing = true;
		this.#renewable = renewable;
	}

	get renewable(): boolean {
		return this.#renewable;
	}

	/** The evaluation under way read something. */
	read(read: number): void {
		if (!this.#attributing) this.#base.add(read);
		else if (!this.#base.has(read)) this.meet(this.#single(read));
	}

	/** The evaluation under way used a result that depends on these reads. */
	meet(set: ReadSet): void {
		if (set.mark === this.#evaluation) return;
		set.mark = this.#evaluation;
		this.#met.push(set);
		if (this.#met.length - this.#start > MOST_PENDING) this.#compact();
	}

	/** Begins an evaluation within the one under way. */
	begin(): void {
		this.#outer.push(this.#start, this.#evaluation);
		this.#start = this.#met.length;
		this.#evaluation = ++this.#evaluations;
	}

	/** Ends the innermost evaluation: the outer one has met what it met. Null for an empty set. */
	end(): ReadSet | null {
		const start = this.#start;
		const count = this.#met.length - start;
		this.#evaluation = this.#outer.pop() as number;
		this.#start = this.#outer.pop() as number;
		if (count === 0) return null;
		const set = count === 1 ? (this.#met[start] as ReadSet) : this.#union(start);
		this.#met.length = start;
		this.meet(set);
		return set;
	}

	/** Keeps a result by key, with what it depends on. */
	remember<K, T>(results: Map<K, Tracked<T>>, key: K, compute: () => T): T {
		const known = results.get(key);
		if (this.reuses(known)) return known.value;
		const result = this.observe(compute);
		results.set(key, result);
		return result.value;
	}

	/** Whether a result that was kept can be used; if so, the evaluation under way depends on its reads too. */
	reuses<T>(known: Tracked<T> | undefined): known is Tracked<T> {
		if (known === undefined || known.reads?.stale === true) return false;
		if (known.reads !== null) this.meet(known.reads);
		return true;
	}

	/** Runs something and tells what it depends on beyond the base. */
	observe<T>(run: () => T): Tracked<T> {
		this.begin();
		let value: T;
		try {
			value = run();
		} catch (error) {
			this.end();
			throw error;
		}
		return { value, reads: this.end() };
	}

	/** Everything that depends on one of these reads is evaluated again when it is needed. */
	invalidate(reads: ReadonlySet<number>): void {
		const kept = new Map<number, ReadSet[]>();
		for (const [hash, sets] of this.#known) {
			for (const set of sets) set.stale ||= overlaps(set, reads);
			const fresh = sets.filter((set) => !set.stale);
			if (fresh.length > 0) kept.set(hash, fresh);
		}
		this.#known = kept;
		for (const read of reads) this.#singles.delete(read);
	}

	#single(read: number): ReadSet {
		let set = this.#singles.get(read);
		if (set === undefined) {
			this.#clear((read >>> 5) + 1);
			this.#scratch[read >>> 5] = 1 << (read & 31);
			set = this.#intern((read >>> 5) + 1);
			this.#singles.set(read, set);
		}
		return set;
	}

	#compact(): void {
		const set = this.#union(this.#start);
		this.#met.length = this.#start;
		this.#met.push(set);
		set.mark = this.#evaluation;
	}

	#union(start: number): ReadSet {
		const met = this.#met;
		let size = 0;
		for (let i = start; i < met.length; i++) size = Math.max(size, (met[i] as ReadSet).words.length);
		this.#clear(size);
		const scratch = this.#scratch;
		for (let i = start; i < met.length; i++) {
			const { words } = met[i] as ReadSet;
			for (let at = 0; at < words.length; at++) scratch[at] = (scratch[at] as number) | (words[at] as number);
		}
		return this.#intern(size);
	}

	#clear(size: number): void {
		if (this.#scratch.length < size) this.#scratch = new Uint32Array(size * 2);
		else this.#scratch.fill(0, 0, size);
	}

	/** The set that the first words of the scratch area stand for. */
	#intern(size: number): ReadSet {
		const scratch = this.#scratch;
		let hash = size;
		for (let at = 0; at < size; at++) hash = Math.imul(hash ^ (scratch[at] as number), 0x9e3779b1) ^ (hash >>> 15);
		const sets = this.#known.get(hash);
		if (sets === undefined) {
			const set = new ReadSet(scratch.slice(0, size));
			this.#known.set(hash, [set]);
			return set;
		}
		for (const set of sets) if (isSame(set.words, scratch, size)) return set;
		const set = new ReadSet(scratch.slice(0, size));
		sets.push(set);
		return set;
	}
}

function isSame(words: Uint32Array, scratch: Uint32Array, size: number): boolean {
	if (words.length !== size) return false;
	for (let at = 0; at < size; at++) if (words[at] !== scratch[at]) return false;
	return true;
}

function overlaps(set: ReadSet, reads: ReadonlySet<number>): boolean {
	for (const read of reads) if (set.has(read)) return true;
	return false;
}
