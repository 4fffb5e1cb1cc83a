/** Makes a source text smaller while what is wrong with it stays: hierarchical delta debugging. */

import { type Piece, Source } from "./source.ts";

const SIMPLEST: readonly Source[] = ["1", '""', "[ ]", "{ }", "null"].map(
	(text) => new Source("expression", [text], true),
);

/** Which of the candidates still show the fault; the first that does is taken. */
export type Judge = (candidates: readonly Source[]) => Promise<readonly boolean[]>;

export interface MinimiseOptions {
	/** How many candidates may be judged. */
	readonly budget: number;
	/** How many are judged at once. */
	readonly width: number;
}

export async function minimise(source: Source, judge: Judge, options: MinimiseOptions): Promise<Source> {
	let best = source;
	let left = options.budget;
	for (let improved = true; improved && left > 0; ) {
		improved = false;
		const candidates = smaller(best);
		while (!improved && left > 0) {
			const batch: Source[] = [];
			while (batch.length < options.width) {
				const next = candidates.next();
				if (next.done === true) break;
				if (next.value.size < best.size) batch.push(next.value);
			}
			if (batch.length === 0) break;
			left -= batch.length;
			const at = (await judge(batch)).indexOf(true);
			if (at < 0) continue;
			best = batch[at] as Source;
			improved = true;
		}
	}
	return best;
}

/** Variants with one place made smaller, the largest steps first. */
function* smaller(source: Source): Generator<Source> {
	const queue: { readonly at: Source; readonly rebuild: (replacement: Piece) => Source }[] = [
		{ at: source, rebuild: (piece) => (typeof piece === "string" ? new Source("expression", [piece]) : piece) },
	];
	for (let place = queue.shift(); place !== undefined; place = queue.shift()) {
		const { at, rebuild } = place;
		if (at.kind === "expression") {
			for (const inner of nearestExpressions(at)) yield rebuild(inner);
			if (at.size > 4) for (const literal of SIMPLEST) yield rebuild(literal);
		}
		if (at.kind === "group") {
			for (const [start, end] of spans(at.pieces.length)) {
				yield rebuild(new Source("group", [...at.pieces.slice(0, start), ...at.pieces.slice(end)]));
			}
		}
		for (const [index, piece] of at.pieces.entries()) {
			if (typeof piece === "string") continue;
			queue.push({
				at: piece,
				rebuild: (replacement) => rebuild(new Source(at.kind, at.pieces.with(index, replacement), at.atomic)),
			});
		}
	}
}

/** All, halves, quarters … and single ones of so many. */
function* spans(length: number): Generator<readonly [number, number]> {
	for (let width = length; width >= 1; width = Math.floor(width / 2)) {
		for (let start = 0; start < length; start += width) yield [start, Math.min(length, start + width)];
	}
}

function* nearestExpressions(source: Source): Generator<Source> {
	for (const piece of source.pieces) {
		if (typeof piece === "string") continue;
		if (piece.kind === "expression") yield piece;
		else yield* nearestExpressions(piece);
	}
}
