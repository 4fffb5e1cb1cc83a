/**
 * A stable sort that never misbehaves with a comparator that is not an order. Layer 1, pure.
 *
 * Peeksort (J. I. Munro, S. Wild: "Nearly-Optimal Mergesorts", 2018): it finds runs from the middle outwards and merges
 * them. Nix sorts with it, and what a comparator that contradicts itself, throws or traces leads to depends on which
 * pairs are compared in which order; so ranges of up to 16 elements are sorted by insertion, as Nix does.
 */

/** Up to so many elements insertion is used. */
const INSERTION_LENGTH = 16;

/** Sorts the array in place; `less(a, b)` says whether `a` must come before `b`. */
export function stableSort<T>(items: T[], less: (a: T, b: T) => boolean): void {
	if (items.length < 2) return;
	if (items.length === 2) {
		const [first, second] = items as [T, T];
		if (less(second, first)) items.splice(0, 2, second, first);
		return;
	}
	new Peeksort(items, less).sort(0, items.length, 0, items.length);
}

class Peeksort<T> {
	readonly #items: T[];
	readonly #less: (a: T, b: T) => boolean;

	constructor(items: T[], less: (a: T, b: T) => boolean) {
		this.#items = items;
		this.#less = less;
	}

	/** Sorts `[from, to)`, of which `[from, leftRunEnd)` and `[rightRunStart, to)` are sorted. */
	sort(from: number, to: number, leftRunEnd: number, rightRunStart: number): void {
		if (leftRunEnd === to || rightRunStart === from) return;
		if (to - from <= INSERTION_LENGTH) {
			this.#insertionSort(from, to);
			return;
		}
		const middle = from + ((to - from) >> 1);
		if (middle <= leftRunEnd) {
			this.sort(leftRunEnd, to, leftRunEnd + 1, rightRunStart);
			this.#merge(from, leftRunEnd, to);
			return;
		}
		if (middle >= rightRunStart) {
			this.sort(from, rightRunStart, leftRunEnd, rightRunStart - 1);
			this.#merge(from, rightRunStart, to);
			return;
		}
		const [runStart, runEnd] = this.#runAround(middle, leftRunEnd, rightRunStart);
		if (runStart === from && runEnd === to) return;
		if (middle - runStart < runEnd - middle) {
			this.sort(from, runStart, leftRunEnd, runStart - 1);
			this.sort(runStart, to, runEnd, rightRunStart);
			this.#merge(from, runStart, to);
		} else {
			this.sort(from, runEnd, leftRunEnd, runStart);
			this.sort(runEnd, to, runEnd + 1, rightRunStart);
			this.#merge(from, runEnd, to);
		}
	}

	#lessAt(a: number, b: number): boolean {
		return this.#less(this.#items[a] as T, this.#items[b] as T);
	}

	/** The run around `middle`, within `[low, high)`; a falling one is turned round. */
	#runAround(middle: number, low: number, high: number): [start: number, end: number] {
		const falling = this.#lessAt(middle, middle - 1);
		let start = middle;
		while (start - 1 > low && this.#lessAt(start - 1, start - 2) === falling) start--;
		start--;
		let end = middle - 1;
		while (end + 1 < high && this.#lessAt(end + 1, end) === falling) end++;
		end++;
		if (falling) {
			const turned = this.#items.slice(start, end).reverse();
			for (const [offset, item] of turned.entries()) this.#items[start + offset] = item;
		}
		return [start, end];
	}

	#insertionSort(from: number, to: number): void {
		const items = this.#items;
		for (let next = from + 1; next < to; next++) {
			const item = items[next] as T;
			let at = next;
			while (at > from && this.#less(item, items[at - 1] as T)) {
				items[at] = items[at - 1] as T;
				at--;
			}
			items[at] = item;
		}
	}

	#merge(from: number, middle: number, to: number): void {
		const items = this.#items;
		const left = items.slice(from, middle);
		const right = items.slice(middle, to);
		let i = 0;
		let j = 0;
		let out = from;
		while (i < left.length && j < right.length) {
			const takeRight = this.#less(right[j] as T, left[i] as T);
			items[out++] = (takeRight ? right[j++] : left[i++]) as T;
		}
		while (i < left.length) items[out++] = left[i++] as T;
		while (j < right.length) items[out++] = right[j++] as T;
	}
}
