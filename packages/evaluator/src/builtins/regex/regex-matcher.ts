/**
 * A matcher for the expressions that JavaScript would match differently. Layer 1, pure.
 *
 * It searches in the order of libstdc++'s depth-first executor in POSIX mode, whose results Nix shows: repetitions are
 * greedy and stop at the first solution, both sides of an alternative are explored, and of all solutions found the
 * longest wins, the first one among equals. The tree is compiled into functions in continuation-passing style.
 */

import { RegexSyntaxError, type RegexNode } from "./regex-syntax.ts";

/** One match: `[start, end)` and each group's text, or undefined for a group that took no part. */
export interface RegexMatch {
	readonly start: number;
	readonly end: number;
	readonly groups: readonly (string | undefined)[];
}

export interface AttemptOptions {
	/** Only a match up to the end of the text counts. */
	readonly whole: boolean;
	/** An empty match does not count. */
	readonly notEmpty: boolean;
}

type Step = (at: number) => void;

/** Bounds the work on one attempt; an expression that needs more is refused like one that needs too much memory. */
const stepLimit = 20_000_000;

export class RegexMatcher {
	readonly #start: Step;
	readonly #groupCount: number;
	#text = "";
	#origin = 0;
	#options: AttemptOptions = { whole: false, notEmpty: false };
	#steps = 0;
	#solved = false;
	#bestEnd = -1;
	/** For each group: last entry, start and end of its last completed text. */
	#entered: number[] = [];
	#starts: number[] = [];
	#ends: number[] = [];
	#best: { starts: number[]; ends: number[] } = { starts: [], ends: [] };

	constructor(root: RegexNode, groupCount: number) {
		this.#groupCount = groupCount;
		this.#start = this.#compile(root, (at) => {
			this.#accept(at);
		});
	}

	/** The match that begins at `origin`, if there is one. Throws {@link RegexSyntaxError} of kind `space`. */
	attempt(text: string, origin: number, options: AttemptOptions): RegexMatch | undefined {
		this.#text = text;
		this.#origin = origin;
		this.#options = options;
		this.#steps = 0;
		this.#solved = false;
		this.#bestEnd = -1;
		this.#entered = new Array<number>(this.#groupCount).fill(-1);
		this.#starts = new Array<number>(this.#groupCount).fill(-1);
		this.#ends = new Array<number>(this.#groupCount).fill(-1);
		try {
			this.#start(origin);
		} catch (error) {
			if (error instanceof RangeError) throw new RegexSyntaxError("the match nests too deeply", "space");
			throw error;
		}
		if (this.#bestEnd < 0) return undefined;
		const { starts, ends } = this.#best;
		const groups = ends.map((end, index) => (end < 0 ? undefined : text.slice(starts[index] ?? 0, end)));
		return { start: origin, end: this.#bestEnd, groups };
	}

	#accept(at: number): void {
		this.#solved = this.#options.whole ? at === this.#text.length : true;
		if (this.#options.notEmpty && at === this.#origin) this.#solved = false;
		if (this.#solved && at > this.#bestEnd) {
			this.#bestEnd = at;
			this.#best = { starts: [...this.#starts], ends: [...this.#ends] };
		}
	}

	#compile(node: RegexNode, next: Step): Step {
		switch (node.kind) {
			case "empty":
				return next;
			case "begin":
				return (at) => {
					if (at === 0) next(at);
				};
			case "end":
				return (at) => {
					if (at === this.#text.length) next(at);
				};
			case "set": {
				const set = node.set;
				return (at) => {
					this.#count();
					if (at < this.#text.length && set[this.#text.charCodeAt(at)] === 1) next(at + 1);
				};
			}
			case "group":
				return this.#compileGroup(node.index, node.body, next);
			case "sequence":
				return node.parts.reduceRight<Step>((following, part) => this.#compile(part, following), next);
			case "choice": {
				const left = this.#compile(node.left, next);
				const right = this.#compile(node.right, next);
				return (at) => {
					this.#count();
					left(at);
					const solved = this.#solved;
					this.#solved = false;
					right(at);
					this.#solved ||= solved;
				};
			}
			case "repeat":
				return this.#compileRepeat(node, next);
		}
	}

	#compileGroup(index: number, body: RegexNode, next: Step): Step {
		const inner = this.#compile(body, (at) => {
			const start = this.#starts[index] ?? -1;
			const end = this.#ends[index] ?? -1;
			this.#starts[index] = this.#entered[index] ?? -1;
			this.#ends[index] = at;
			next(at);
			this.#starts[index] = start;
			this.#ends[index] = end;
		});
		return (at) => {
			const entered = this.#entered[index] ?? -1;
			this.#entered[index] = at;
			inner(at);
			this.#entered[index] = entered;
		};
	}

	/** Counted repetitions are written out: `x{2,4}` is `xx(x(x)?)?`. */
	#compileRepeat(node: RegexNode & { kind: "repeat" }, next: Step): Step {
		let step: Step;
		if (node.looped === true && node.body.kind !== "set") return this.#compileLoop(node.body, next).round;
		if (node.max === Number.POSITIVE_INFINITY) {
			step = this.#compileStar(node.body, next);
		} else {
			step = next;
			for (let count = node.min; count < node.max; count++) step = this.#compileOptional(node.body, step, next);
		}
		for (let count = 0; count < node.min; count++) step = this.#compile(node.body, step);
		return step;
	}

	#compileOptional(body: RegexNode, following: Step, skip: Step): Step {
		const take = this.#compile(body, following);
		return (at) => {
			this.#count();
			take(at);
			if (!this.#solved) skip(at);
		};
	}

	#compileStar(body: RegexNode, next: Step): Step {
		if (body.kind === "set") {
			const set = body.set;
			return (at) => {
				let end = at;
				while (end < this.#text.length && set[this.#text.charCodeAt(end)] === 1) end++;
				for (; end >= at; end--) {
					this.#count();
					next(end);
					if (this.#solved) return;
				}
			};
		}
		return this.#compileLoop(body, next).again;
	}

	/** A loop that is entered before its first round (`round`), or where another may follow (`again`). */
	#compileLoop(body: RegexNode, next: Step): { readonly round: Step; readonly again: Step } {
		// An empty round is allowed twice at the same place.
		let roundAt = -1;
		let rounds = 0;
		const again: Step = (at) => {
			this.#count();
			if (rounds === 0 || roundAt !== at) {
				const before = { roundAt, rounds };
				roundAt = at;
				rounds = 1;
				round(at);
				({ roundAt, rounds } = before);
			} else if (rounds < 2) {
				rounds++;
				round(at);
				rounds--;
			}
			if (!this.#solved) next(at);
		};
		const round = this.#compile(body, again);
		return { round, again };
	}

	#count(): void {
		if (++this.#steps > stepLimit) throw new RegexSyntaxError("the match takes too many steps", "space");
	}
}
