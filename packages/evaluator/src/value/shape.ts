/**
 * Shapes: the names of attribute sets, shared between all sets that have the same names. Layer 1, pure.
 *
 * A shape is a sorted array of names. Shapes up to {@link CONSED_NAMES} names are hash-consed, so that equal names mean
 * the same object: a selection can remember "in this shape, that index", and what `//` and `removeAttrs` do to a pair of
 * shapes is worked out once and kept as a plan. Names are byte strings, so the order of JavaScript is the order of bytes.
 */

/** Shapes with more names are not looked up by content; each is its own. */
export const CONSED_NAMES: number = 48;
/** Up to so many names a lookup compares them one after the other. */
const SCANNED_NAMES = 8;
/** Plans whose result is larger are not kept. */
const PLANNED_NAMES = 256;

/**
 * How the values of a result are gathered: entry `p >= 0` takes the right operand's value `p`, `p < 0` the left
 * operand's value `~p`.
 */
export interface MergePlan {
	readonly shape: Shape;
	readonly sources: readonly number[];
}

/** Which values of a set stay, in order. */
export interface SelectionPlan {
	readonly shape: Shape;
	readonly kept: readonly number[];
}

export class Shape {
	/** Sorted, without duplicates. */
	readonly names: readonly string[];
	private index: Map<string, number> | undefined = undefined;
	private merges: Map<Shape, MergePlan> | undefined = undefined;
	private removals: Map<string, SelectionPlan> | undefined = undefined;

	/** Use {@link shapeOf}. */
	constructor(names: readonly string[]) {
		this.names = names;
	}

	/** The index of a name, -1 where it is missing. */
	indexOf(name: string): number {
		const names = this.names;
		const size = names.length;
		if (size <= SCANNED_NAMES) {
			for (let i = 0; i < size; i++) if (names[i] === name) return i;
			return -1;
		}
		const index = (this.index ??= indexNames(names));
		const found = index.get(name);
		return found === undefined ? -1 : found;
	}

	/** The plan of `left // right`, `this` being the left shape. */
	mergePlan(right: Shape): MergePlan {
		const known = this.merges?.get(right);
		if (known !== undefined) return known;
		const plan = planMerge(this, right);
		if (plan.sources.length <= PLANNED_NAMES) (this.merges ??= new Map()).set(right, plan);
		return plan;
	}

	/** The plan of leaving out those names. */
	removalPlan(removed: readonly string[]): SelectionPlan {
		const key = removed.length <= 16 && this.names.length <= PLANNED_NAMES ? removed.join("\n") : undefined;
		const known = key === undefined ? undefined : this.removals?.get(key);
		if (known !== undefined) return known;
		const gone = new Set(removed);
		const kept: number[] = [];
		const names: string[] = [];
		for (const [at, name] of this.names.entries()) {
			if (gone.has(name)) continue;
			kept.push(at);
			names.push(name);
		}
		const plan = { shape: kept.length === this.names.length ? this : shapeOf(names), kept };
		if (key !== undefined) (this.removals ??= new Map()).set(key, plan);
		return plan;
	}
}

function indexNames(names: readonly string[]): Map<string, number> {
	const index = new Map<string, number>();
	for (let i = 0; i < names.length; i++) index.set(names[i] as string, i);
	return index;
}

function planMerge(left: Shape, right: Shape): MergePlan {
	const a = left.names;
	const b = right.names;
	const names: string[] = [];
	const sources: number[] = [];
	let i = 0;
	let j = 0;
	while (i < a.length && j < b.length) {
		const x = a[i] as string;
		const y = b[j] as string;
		if (x < y) {
			names.push(x);
			sources.push(~i++);
		} else {
			if (x === y) i++;
			names.push(y);
			sources.push(j++);
		}
	}
	for (; i < a.length; i++) {
		names.push(a[i] as string);
		sources.push(~i);
	}
	for (; j < b.length; j++) {
		names.push(b[j] as string);
		sources.push(j);
	}
	const shape = names.length === a.length ? left : names.length === b.length ? right : shapeOf(names);
	return { shape, sources };
}

/** Shapes and names that are kept; beyond that all are forgotten, which costs time only. */
const MOST_KEPT = 1 << 18;

const consed = new Map<string, Shape>();
const interned = new Map<string, string>();

/** The one string object for that content, which makes comparing names cheap. */
export function internName(name: string): string {
	const known = interned.get(name);
	if (known !== undefined) return known;
	if (interned.size > MOST_KEPT) interned.clear();
	interned.set(name, name);
	return name;
}

/** The shape with those names, which must be sorted, without duplicates and interned; the array is kept. */
export function shapeOf(names: readonly string[]): Shape {
	if (names.length > CONSED_NAMES) return new Shape(names);
	const key = names.length === 1 ? (names[0] as string) : names.join("\n");
	const candidate = consed.get(key);
	if (candidate !== undefined && candidate.names.length === names.length) return candidate;
	// A name that holds a newline could be taken for two names: such shapes are not shared.
	if (candidate !== undefined) return new Shape(names);
	const shape = new Shape(names);
	if (consed.size > MOST_KEPT) consed.clear();
	if (!names.some((name) => name.includes("\n"))) consed.set(key, shape);
	return shape;
}

export const EMPTY_SHAPE: Shape = shapeOf([]);
