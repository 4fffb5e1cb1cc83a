/**
 * Puts a record together: what is still right of an earlier one, and what evaluating threads tell. Layer 3.
 *
 * Each thread numbers its reads by itself; here a read has one number for all of them.
 */

import type { EvaluationRecord, RememberedResult } from "./evaluation-memory.ts";
import type { RecordedRead } from "./read-journal.ts";

/** No read gets this answer: what depends on it is never right. */
const CONTRADICTED = "?";

/** What one thread's numbers stand for here. */
export type ThreadNumbers = number[];

export class RecordBuilder {
	readonly #reads: RecordedRead[] = [];
	readonly #numbers = new Map<string, number>();
	readonly #base = new Set<number>();
	readonly #results = new Map<string, RememberedResult>();

	/** `changed`: reads of the earlier record that have other answers now. */
	constructor(earlier?: { readonly record: EvaluationRecord; readonly changed: ReadonlySet<number> }) {
		if (earlier === undefined) return;
		for (const [number, read] of earlier.record.reads.entries()) {
			this.#reads.push(read);
			if (!earlier.changed.has(number)) this.#numbers.set(keyOf(read), number);
		}
		for (const number of earlier.record.base) this.#base.add(number);
		for (const [name, result] of earlier.record.results) this.#results.set(name, result);
	}

	/** Adds what a thread has read since it told last. */
	learn(thread: ThreadNumbers, fresh: readonly RecordedRead[]): void {
		for (const read of fresh) thread.push(this.#number(read));
	}

	/** The reads that everything depends on that a thread evaluates. */
	addBase(thread: ThreadNumbers, base: Iterable<number>): void {
		for (const number of base) this.#base.add(thread[number] as number);
	}

	/** Keeps a result, with the thread's numbers of what it depends on beside the base. */
	add(name: string, data: string, told: { readonly thread: ThreadNumbers; readonly reads: Iterable<number> }): void {
		const reads = Uint32Array.from(told.reads, (number) => told.thread[number] as number).sort();
		this.#results.set(name, { data, reads });
	}

	/** Whether nothing of it can be right another time. */
	get hopeless(): boolean {
		return [...this.#base].some((number) => this.#isHopeless(number));
	}

	/** What was put together, without results that can never be right again, and without reads that nothing depends on. */
	build(): EvaluationRecord {
		const numbers = new Map<number, number>();
		const reads: RecordedRead[] = [];
		const renumber = (given: Iterable<number>): Uint32Array =>
			Uint32Array.from(given, (number) => {
				let own = numbers.get(number);
				if (own === undefined) {
					own = reads.push(this.#reads[number] as RecordedRead) - 1;
					numbers.set(number, own);
				}
				return own;
			}).sort();
		const base = renumber(this.#base);
		const results = new Map<string, RememberedResult>();
		for (const [name, { data, reads: given }] of this.#results) {
			if (!given.some((number) => this.#isHopeless(number))) results.set(name, { data, reads: renumber(given) });
		}
		return { reads, base, results };
	}

	#number(read: RecordedRead): number {
		const key = keyOf(read);
		const known = this.#numbers.get(key);
		if (known !== undefined) {
			const earlier = this.#reads[known] as RecordedRead;
			if (earlier.answer !== read.answer) earlier.answer = CONTRADICTED;
			if (earlier.state !== read.state) earlier.state = earlier.state === "" ? read.state : "";
			return known;
		}
		const number = this.#reads.push({ ...read }) - 1;
		this.#numbers.set(key, number);
		return number;
	}

	#isHopeless(number: number): boolean {
		const { kind, answer } = this.#reads[number] as RecordedRead;
		return kind === "never" || answer === CONTRADICTED;
	}
}

function keyOf({ kind, name }: RecordedRead): string {
	return `${kind} ${name}`;
}
