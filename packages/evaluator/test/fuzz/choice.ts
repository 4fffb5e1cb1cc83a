/** Random choices from a stream of numbers that fast-check draws: the same seed gives the same choices. */

import fc from "fast-check";

export class Choice {
	readonly #numbers: Iterator<number>;

	constructor(numbers: Iterator<number>) {
		this.#numbers = numbers;
	}

	/** A number from 0, below `limit`. */
	below(limit: number): number {
		return (this.#numbers.next().value as number) % limit;
	}

	chance(percent: number): boolean {
		return this.below(100) < percent;
	}

	/** One of them, each as likely. */
	of<T>(items: readonly T[]): T {
		return items[this.below(items.length)] as T;
	}

	/** So many values, from `least` to `most`. */
	many<T>(least: number, most: number, make: (index: number) => T): T[] {
		return Array.from({ length: least + this.below(most - least + 1) }, (_, index) => make(index));
	}
}

/** What `build` makes of random choices, as an arbitrary. */
export function chosen<T>(build: (choice: Choice) => T): fc.Arbitrary<T> {
	const numbers = fc.infiniteStream(fc.nat({ max: 2 ** 31 - 1 }), { noHistory: true });
	return fc.noBias(numbers).map((stream) => build(new Choice(stream)));
}
