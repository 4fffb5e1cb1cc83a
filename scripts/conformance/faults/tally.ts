/** What the loops count, and what they found wrong. */

export class Tally {
	readonly #rows = new Map<string, { done: number; faults: string[] }>();

	/** One more time that something went as it must. */
	count(row: string, times = 1): void {
		this.#row(row).done += times;
	}

	fault(row: string, what: string): void {
		this.#row(row).faults.push(what);
		process.stderr.write(`fault: ${row}: ${what}\n`);
	}

	/** A fault where the list is not empty. */
	none(row: string, what: string, found: readonly string[]): void {
		if (found.length > 0) this.fault(row, `${what}: ${found.slice(0, 5).join(", ")}${found.length > 5 ? " …" : ""}`);
	}

	countOf(row: string): number {
		return this.#rows.get(row)?.done ?? 0;
	}

	/** Prints the table; false where there was any fault. */
	print(): boolean {
		const width = Math.max(...[...this.#rows.keys()].map((row) => row.length), 4);
		for (const [row, { done, faults }] of this.#rows) {
			console.log(
				`${row.padEnd(width)}  ${String(done).padStart(6)}  ${faults.length === 0 ? "" : `${faults.length} faults`}`,
			);
		}
		return [...this.#rows.values()].every(({ faults }) => faults.length === 0);
	}

	#row(row: string): { done: number; faults: string[] } {
		const known = this.#rows.get(row) ?? { done: 0, faults: [] };
		this.#rows.set(row, known);
		return known;
	}
}

/** A random number below a bound; the same for the same seed. */
export type Random = (below: number) => number;

export function randomFrom(seed: number): Random {
	let state = seed >>> 0;
	return (below) => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
	};
}
