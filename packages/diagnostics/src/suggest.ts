/** Nearest names, for "did you mean". Layer 0. */

/**
 * The candidates nearest to `name`, best first: those within `limit` edits (insert, delete, replace, swap of two
 * neighbours; restricted Damerau-Levenshtein), by default a third of the name's length and at least 1.
 */
export function nearestNames(
	name: string,
	candidates: Iterable<string>,
	options: { readonly limit?: number; readonly most?: number } = {},
): string[] {
	const limit = options.limit ?? Math.max(1, Math.floor(name.length / 3));
	const found: { name: string; distance: number }[] = [];
	for (const candidate of candidates) {
		if (Math.abs(candidate.length - name.length) > limit) continue;
		const distance = editDistance(name, candidate, limit);
		if (distance <= limit) found.push({ name: candidate, distance });
	}
	found.sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1));
	return found.slice(0, options.most ?? 3).map((each) => each.name);
}

/** Edit distance of two names, or any number above `limit` when it is larger than `limit`. */
export function editDistance(a: string, b: string, limit: number = Number.POSITIVE_INFINITY): number {
	let beforeLast: number[] = [];
	let last = Array.from({ length: b.length + 1 }, (_, index) => index);
	for (let i = 1; i <= a.length; i++) {
		const row = [i];
		let smallest = i;
		for (let j = 1; j <= b.length; j++) {
			const same = a.charCodeAt(i - 1) === b.charCodeAt(j - 1);
			let cost = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + (same ? 0 : 1));
			const swapped =
				i > 1 && j > 1 && a.charCodeAt(i - 1) === b.charCodeAt(j - 2) && a.charCodeAt(i - 2) === b.charCodeAt(j - 1);
			if (swapped) cost = Math.min(cost, at(beforeLast, j - 2) + 1);
			row.push(cost);
			smallest = Math.min(smallest, cost);
		}
		if (smallest > limit) return smallest;
		beforeLast = last;
		last = row;
	}
	return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
	return row[index] ?? Number.POSITIVE_INFINITY;
}
