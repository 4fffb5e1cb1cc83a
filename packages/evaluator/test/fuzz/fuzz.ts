/** Random expressions before both evaluators, and what differs made small. */

import fc from "fast-check";
import { expressions } from "./grammar.ts";
import { compareOutcomes, type Verdict } from "./known-differences.ts";
import { minimise } from "./minimise.ts";
import type { OurNix } from "./our-nix.ts";
import type { Mode, Outcome } from "./outcome.ts";
import type { RealNix } from "./real-nix.ts";
import type { Source } from "./source.ts";

export interface Sides {
	readonly ours: OurNix;
	readonly real: RealNix;
}

export interface Difference {
	readonly mode: Mode;
	/** As small as it was made. */
	readonly source: string;
	readonly ours: Outcome;
	readonly theirs: Outcome;
}

export interface Tally {
	equalValues: number;
	equalFailures: number;
	/** Reasons of known differences. */
	readonly known: Map<string, number>;
	readonly differences: Difference[];
}

export interface BatchOptions {
	/** Of this batch. */
	readonly seed: number;
	readonly count: number;
	readonly mode: Mode;
	/** How many candidates may be tried to make a difference small; 0 leaves it as it is. */
	readonly shrinking: number;
}

export function newTally(): Tally {
	return { equalValues: 0, equalFailures: 0, known: new Map(), differences: [] };
}

/** Evaluates one batch on both sides and adds to the tally. */
export async function runBatch(sides: Sides, options: BatchOptions, tally: Tally): Promise<void> {
	const { mode } = options;
	const sources = fc.sample(expressions, { seed: options.seed, numRuns: options.count });
	const results = await evaluateBoth(sides, sources, mode);
	for (const { source, ours, theirs } of results) {
		const result: Result = { source, ours, theirs };
		const verdict = judge(result, mode);
		if (verdict.kind === "equal") {
			tally[ours.kind === "value" ? "equalValues" : "equalFailures"]++;
			continue;
		}
		if (verdict.kind === "different" || verdict.loose) {
			const small = await shrink(sides, result, options);
			// A loose rule must hold for the smallest source too.
			if (judge(small, mode).kind === "different") {
				tally.differences.push({ ...small, source: String(small.source), mode });
				continue;
			}
		}
		const reason = verdict.kind === "known" ? verdict.reason : "";
		tally.known.set(reason, (tally.known.get(reason) ?? 0) + 1);
	}
}

function judge({ source, ours, theirs }: Result, mode: Mode): Verdict {
	return compareOutcomes({ source: String(source), mode, ours, theirs });
}

interface Result {
	readonly source: Source;
	readonly ours: Outcome;
	readonly theirs: Outcome;
}

async function evaluateBoth({ ours, real }: Sides, sources: readonly Source[], mode: Mode): Promise<Result[]> {
	const texts = sources.map(String);
	const [mine, theirs] = await Promise.all([ours.evaluate(texts, mode), real.evaluate(texts, mode)]);
	return sources.map((source, index) => ({ source, ours: mine[index] as Outcome, theirs: theirs[index] as Outcome }));
}

/** The smallest source found that differs in the same way. */
async function shrink(sides: Sides, found: Result, { mode, shrinking }: BatchOptions): Promise<Result> {
	let best = found;
	const way = ({ ours, theirs }: Result): string => `${ours.kind} ${theirs.kind}`;
	const known = judge(found, mode).kind === "known";
	await minimise(
		found.source,
		async (candidates) => {
			const results = await evaluateBoth(sides, candidates, mode);
			const same = results.map((result) => {
				const { kind } = judge(result, mode);
				return way(result) === way(found) && (known ? kind !== "equal" : kind === "different");
			});
			best = results[same.indexOf(true)] ?? best;
			return same;
		},
		{ budget: shrinking, width: 8 },
	);
	return best;
}
