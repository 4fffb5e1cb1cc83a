/**
 * Positions as one small number each. Layer 1, pure.
 *
 * Every source text gets a range of a common number line, so that a position is its range's start plus a byte offset:
 * nothing but a number lies in the tree, and line and column are computed when an error is shown.
 */

/** A place in a source text registered with a {@link PositionTable}; 0 is "nowhere". */
export type Position = number;

export const NO_POSITION: Position = 0;

/** Where a source text came from: a file, a string of the caller's (`«string»`), or standard input (`«stdin»`). */
export type Origin =
	| { readonly kind: "file"; readonly path: string }
	| { readonly kind: "string" }
	| { readonly kind: "stdin" }
	| { readonly kind: "internal"; readonly name: string };

/** A position resolved for people: line and column from 1, columns in bytes. */
export interface ResolvedPosition {
	readonly origin: Origin;
	readonly line: number;
	readonly column: number;
	/** The line before, the line itself and the line after, as byte strings, where they exist. */
	readonly before?: string;
	readonly text?: string;
	readonly after?: string;
}

interface SourceRange {
	readonly start: number;
	readonly origin: Origin;
	readonly text: string;
	lines: readonly number[] | undefined;
}

/** Hands out ranges to source texts and finds the way back. */
export class PositionTable {
	readonly #ranges: SourceRange[] = [];
	#next = 1;

	/** Registers a text; the position of byte offset `n` in it is the result plus `n`. */
	add(origin: Origin, text: string): number {
		const start = this.#next;
		this.#ranges.push({ start, origin, text, lines: undefined });
		this.#next += text.length + 1;
		return start;
	}

	/** The origin, line and column of a position; undefined for {@link NO_POSITION}. */
	resolve(position: Position): ResolvedPosition | undefined {
		const range = this.#find(position);
		if (range === undefined) return undefined;
		range.lines ??= lineStarts(range.text);
		const offset = position - range.start;
		const line = lastAtMost(range.lines, offset);
		const lineText = (index: number): { text?: string } => {
			const from = range.lines?.[index];
			if (from === undefined) return {};
			const to = range.lines?.[index + 1];
			return { text: range.text.slice(from, to).replace(/\r?\n$|\r$/, "") };
		};
		const before = line > 0 ? lineText(line - 1).text : undefined;
		const text = lineText(line).text;
		const after = lineText(line + 1).text;
		return {
			origin: range.origin,
			line: line + 1,
			column: offset - (range.lines[line] ?? 0) + 1,
			...(before === undefined ? {} : { before }),
			...(text === undefined ? {} : { text }),
			...(after === undefined ? {} : { after }),
		};
	}

	/** The file that a position lies in; undefined where it lies in none. */
	fileOf(position: Position): string | undefined {
		const origin = this.#find(position)?.origin;
		return origin?.kind === "file" ? origin.path : undefined;
	}

	/** The text that comes before a position in its source; undefined for {@link NO_POSITION}. */
	textBefore(position: Position): string | undefined {
		const range = this.#find(position);
		return range?.text.slice(0, position - range.start);
	}

	#find(position: Position): SourceRange | undefined {
		if (position <= 0 || position >= this.#next) return undefined;
		let low = 0;
		let high = this.#ranges.length - 1;
		while (low < high) {
			const middle = (low + high + 1) >> 1;
			if ((this.#ranges[middle]?.start ?? 0) <= position) low = middle;
			else high = middle - 1;
		}
		return this.#ranges[low];
	}
}

/** The index of the last element that is not greater than `value`. */
export function lastAtMost(sorted: readonly number[], value: number): number {
	let low = 0;
	let high = sorted.length - 1;
	while (low < high) {
		const middle = (low + high + 1) >> 1;
		if ((sorted[middle] ?? 0) <= value) low = middle;
		else high = middle - 1;
	}
	return low;
}

/** Line starts; `\n`, `\r\n` and a lone `\r` end a line. */
function lineStarts(text: string): number[] {
	const starts = [0];
	for (const end of text.matchAll(/\r\n?|\n/g)) starts.push(end.index + end[0].length);
	return starts;
}
