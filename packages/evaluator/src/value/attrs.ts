/**
 * Attribute sets: a {@link Shape} and an array of values. Layer 1, pure.
 *
 * `large // small` does not copy the large set: the result is a layer over it, made flat in place when somebody
 * iterates. Positions of attributes lie beside the shape in an {@link AttrOrigin}, which is found by name.
 */

import { NO_POSITION, type Position } from "../syntax/position.ts";
import { CONSED_NAMES, EMPTY_SHAPE, internName, Shape, shapeOf } from "./shape.ts";
import type { Lazy } from "./value.ts";

/** Left operands of `//` from this size on are not copied. */
const LAYERED_SIZE = 192;
/** Layers that a lookup may have to look through. */
const MOST_LAYERS = 8;

/** Where attributes were defined. */
export interface AttrOrigin {
	/** {@link NO_POSITION} where it is not known. */
	position(name: string): Position;
}

/** An attribute set; never changed after it was made (but for being made flat). */
export class Attrs {
	#shape: Shape;
	#values: readonly Lazy[];
	/** The set below this layer; null in a flat set. */
	#base: Attrs | null;
	#depth: number;
	/** Where the attributes were defined, null where that is not known. */
	readonly origin: AttrOrigin | null;

	/** A flat set: `values[i]` belongs to `shape.names[i]`; the array is kept. Layers are made by {@link mergeAttrs}. */
	constructor(shape: Shape, values: readonly Lazy[], origin: AttrOrigin | null = null, base: Attrs | null = null) {
		this.#shape = shape;
		this.#values = values;
		this.#base = base;
		this.#depth = base === null ? 0 : base.#depth + 1;
		this.origin = origin;
	}

	/** The value of an attribute; undefined where it is missing. */
	get(name: string): Lazy | undefined {
		const at = this.#shape.indexOf(name);
		if (at >= 0) return this.#values[at];
		return this.#base === null ? undefined : this.#base.get(name);
	}

	has(name: string): boolean {
		return this.get(name) !== undefined;
	}

	/** The number of attributes. */
	get size(): number {
		return this.shape.names.length;
	}

	/** Names in byte order. */
	get names(): readonly string[] {
		return this.shape.names;
	}

	/** Values in the order of {@link names}. */
	get values(): readonly Lazy[] {
		if (this.#base !== null) this.#flatten();
		return this.#values;
	}

	get shape(): Shape {
		if (this.#base !== null) this.#flatten();
		return this.#shape;
	}

	/** The topmost layer's shape, which is the set's own where it is flat; for inline caches, with {@link layerValue}. */
	get layerShape(): Shape {
		return this.#shape;
	}

	/** The value at an index of {@link layerShape}. */
	layerValue(index: number): Lazy {
		return this.#values[index] as Lazy;
	}

	/** Where an attribute was defined, {@link NO_POSITION} where that is not known. */
	positionOf(name: string): Position {
		return this.origin === null ? NO_POSITION : this.origin.position(name);
	}

	#flatten(): void {
		const { bottom, shape, values } = this.#collapse();
		const plan = bottom.#shape.mergePlan(shape);
		this.#values = gather(plan.sources, bottom.#values, values);
		this.#shape = plan.shape;
		this.#base = null;
		this.#depth = 0;
	}

	/** The layers above the bottom as one; small ones are merged first, so that the large bottom is gone through once. */
	#collapse(): { readonly bottom: Attrs; readonly shape: Shape; readonly values: readonly Lazy[] } {
		let shape = this.#shape;
		let values = this.#values;
		let layer = this.#base as Attrs;
		for (; layer.#base !== null; layer = layer.#base) {
			const plan = layer.#shape.mergePlan(shape);
			values = gather(plan.sources, layer.#values, values);
			shape = plan.shape;
		}
		return { bottom: layer, shape, values };
	}

	/** `left // right`. */
	static merge(left: Attrs, right: Attrs): Attrs {
		if (left.#base === null && left.#shape.names.length === 0) return right;
		if (right.#base === null && right.#shape.names.length === 0) return left;
		const origin = mergeOrigins(left, right);
		const layered = left.#base !== null || left.#shape.names.length >= LAYERED_SIZE;
		if (layered && right.#base === null) {
			const most = left.#bottomSize() >> 2;
			if (right.#shape.names.length <= most) {
				if (left.#depth < MOST_LAYERS) return new Attrs(right.#shape, right.#values, origin, left);
				const { bottom, shape, values } = left.#collapse();
				const plan = shape.mergePlan(right.#shape);
				if (plan.shape.names.length <= most) {
					return new Attrs(plan.shape, gather(plan.sources, values, right.#values), origin, bottom);
				}
			}
		}
		const a = left.shape;
		const b = right.shape;
		if (a === b) return new Attrs(b, right.#values, origin);
		const plan = a.mergePlan(b);
		return new Attrs(plan.shape, gather(plan.sources, left.#values, right.#values), origin);
	}

	#bottomSize(): number {
		return this.#base === null ? this.#shape.names.length : this.#base.#bottomSize();
	}
}

/** `left // right`: the attributes of both, the right one's where both have one. */
export function mergeAttrs(left: Attrs, right: Attrs): Attrs {
	return Attrs.merge(left, right);
}

function gather(sources: readonly number[], left: readonly Lazy[], right: readonly Lazy[]): Lazy[] {
	const size = sources.length;
	const values = new Array<Lazy>(size);
	for (let i = 0; i < size; i++) {
		const source = sources[i] as number;
		values[i] = (source >= 0 ? right[source] : left[~source]) as Lazy;
	}
	return values;
}

/** The set without those attributes (duplicates and missing names are allowed). */
export function removeNames(attrs: Attrs, removed: readonly string[]): Attrs {
	const plan = attrs.shape.removalPlan(removed);
	if (plan.shape === attrs.shape) return attrs;
	const values = attrs.values;
	return new Attrs(
		plan.shape,
		plan.kept.map((at) => values[at] as Lazy),
		attrs.origin,
	);
}

/** The attributes of `from` that `filter` has too. */
export function intersectNames(filter: Attrs, from: Attrs): Attrs {
	const names: string[] = [];
	const values: Lazy[] = [];
	if (filter.size <= from.layerShape.names.length) {
		for (const name of filter.names) {
			const value = from.get(name);
			if (value === undefined) continue;
			names.push(name);
			values.push(value);
		}
		if (names.length === filter.size) return new Attrs(filter.shape, values, from.origin);
	} else {
		const candidates = from.values;
		for (const [at, name] of from.names.entries()) {
			if (!filter.has(name)) continue;
			names.push(name);
			values.push(candidates[at] as Lazy);
		}
		if (names.length === from.size) return from;
	}
	return new Attrs(shapeOf(names), values, from.origin);
}

/** A set with the same names and the values `change` gives. */
export function mapAttrs(attrs: Attrs, change: (name: string, value: Lazy) => Lazy): Attrs {
	const { shape, values } = attrs;
	const names = shape.names;
	return new Attrs(
		shape,
		values.map((value, at) => change(names[at] as string, value)),
	);
}

/** Collects attributes in any order. A name that comes again replaces what was there. */
export class AttrsBuilder {
	readonly #names: string[] = [];
	readonly #values: Lazy[] = [];
	#positions: Position[] | undefined = undefined;
	/** Where each name came last; made when somebody asks. */
	#index: Map<string, number> | undefined = undefined;

	set(name: string, value: Lazy, position: Position = NO_POSITION): this {
		const at = this.#names.length;
		this.#index?.set(name, at);
		this.#names.push(name);
		this.#values.push(value);
		if (position !== NO_POSITION && this.#positions === undefined) this.#positions = new Array<number>(at).fill(0);
		this.#positions?.push(position);
		return this;
	}

	has(name: string): boolean {
		return this.#indexOf(name) !== undefined;
	}

	/** The position given with a name; undefined where the name is not there. */
	positionOf(name: string): Position | undefined {
		const at = this.#indexOf(name);
		return at === undefined ? undefined : (this.#positions?.[at] ?? NO_POSITION);
	}

	#indexOf(name: string): number | undefined {
		this.#index ??= new Map(this.#names.map((each, at) => [each, at]));
		return this.#index.get(name);
	}

	build(): Attrs {
		const names = this.#names;
		if (names.length === 0) return EMPTY_ATTRS;
		if (isAscending(names)) return this.#take(undefined);
		const order = names.map((_, at) => at);
		// Of equal names the last one wins: it sorts last, and is taken where the next name differs.
		order.sort((a, b) => ((names[a] as string) < (names[b] as string) ? -1 : names[a] === names[b] ? a - b : 1));
		return this.#take(order.filter((at, i) => names[at] !== names[order[i + 1] ?? -1]));
	}

	#take(order: readonly number[] | undefined): Attrs {
		const pick = <T>(from: readonly T[]): T[] =>
			order === undefined ? from.slice() : order.map((at) => from[at] as T);
		const names = pick(this.#names);
		// Large sets have names that hardly anybody asks for.
		const shape = shapeOf(names.length > CONSED_NAMES ? names : names.map(internName));
		const origin = this.#positions === undefined ? null : new ShapeOrigin(shape, pick(this.#positions));
		return new Attrs(shape, pick(this.#values), origin);
	}
}

/** A set of those entries; of two with one name the later wins. */
export function attrsFromEntries(entries: Iterable<readonly [string, Lazy]>): Attrs {
	const builder = new AttrsBuilder();
	for (const [name, value] of entries) builder.set(name, value);
	return builder.build();
}

function isAscending(names: readonly string[]): boolean {
	for (let i = 1; i < names.length; i++) if ((names[i - 1] as string) >= (names[i] as string)) return false;
	return true;
}

/** Positions in the order of a shape. */
export class ShapeOrigin implements AttrOrigin {
	readonly #shape: Shape;
	readonly #positions: readonly Position[];

	constructor(shape: Shape, positions: readonly Position[]) {
		this.#shape = shape;
		this.#positions = positions;
	}

	position(name: string): Position {
		const at = this.#shape.indexOf(name);
		return at < 0 ? NO_POSITION : (this.#positions[at] as Position);
	}
}

/** Positions of the result of `//`. Holds no values, so that it keeps nothing alive. */
class MergedOrigin implements AttrOrigin {
	readonly #left: AttrOrigin | null;
	readonly #shape: Shape;
	readonly #right: AttrOrigin | null;

	constructor(left: AttrOrigin | null, shape: Shape, right: AttrOrigin | null) {
		this.#left = left;
		this.#shape = shape;
		this.#right = right;
	}

	position(name: string): Position {
		// A loop, since chains of `//` may be long.
		let origin = this.#operand(name);
		while (origin instanceof MergedOrigin) origin = origin.#operand(name);
		return origin === null ? NO_POSITION : origin.position(name);
	}

	/** The operand of `//` that an attribute comes from. */
	#operand(name: string): AttrOrigin | null {
		return this.#shape.indexOf(name) >= 0 ? this.#right : this.#left;
	}
}

function mergeOrigins(left: Attrs, right: Attrs): AttrOrigin | null {
	if (left.origin === null && right.origin === null) return null;
	return new MergedOrigin(left.origin, right.shape, right.origin);
}

export const EMPTY_ATTRS: Attrs = new Attrs(EMPTY_SHAPE, []);
export { Shape, shapeOf };
