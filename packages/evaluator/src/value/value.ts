/**
 * The values of the Nix language. Layer 1, pure.
 *
 * What is frequent is a JavaScript primitive: null, booleans, integers (`number` in the safe range, else `bigint`) and
 * strings without context (byte strings: one code unit 0..255 per byte). Everything else is an instance of one class per
 * type; lists are arrays. A {@link Value} is in weak head normal form; a {@link Lazy} may also be a {@link Thunk}.
 */

import type { Attrs } from "./attrs.ts";
import type { StringContext } from "./context.ts";
import type { NixInt } from "./integer.ts";
import type { Thunk } from "./thunk.ts";
import type { Lambda, PartialApplication, PrimOp } from "./function.ts";

/** A list; never changed after it was made. */
export type List = readonly Lazy[];

/** A value in weak head normal form. */
export type Value =
	| null
	| boolean
	| number
	| bigint
	| string
	| NixFloat
	| ContextString
	| NixPath
	| List
	| Attrs
	| Lambda
	| PrimOp
	| PartialApplication;

/** A value that may not have been evaluated yet: `runtime.force` makes it a {@link Value}. */
export type Lazy = Value | Thunk;

/** A string of either kind. */
export type NixString = string | ContextString;

/** Something that can be called (an attribute set with `__functor` can be called too). */
export type FunctionValue = Lambda | PrimOp | PartialApplication;

/** A floating-point number (a class, since `1.0` and `1` differ in type). */
export class NixFloat {
	readonly value: number;

	constructor(value: number) {
		this.value = value;
	}
}

/** A string with a context; make it with {@link stringWithContext}. The context is empty only where it is a {@link PlacedString}. */
export class ContextString {
	readonly text: string;
	readonly context: StringContext;

	constructor(text: string, context: StringContext) {
		this.text = text;
		this.context = context;
	}
}

/**
 * A string that begins with the path of the folder of the sources. Whoever reads its `text` says by that that the result
 * depends on where they lie (`seen`).
 */
export class PlacedString extends ContextString {
	/** The text, for what comes to the same wherever the sources lie. */
	readonly whole: string;
	readonly seen: () => void;

	constructor(whole: string, context: StringContext, seen: () => void) {
		super(whole, context);
		this.whole = whole;
		this.seen = seen;
		Object.defineProperty(this, "text", {
			get: () => {
				seen();
				return whole;
			},
		});
	}
}

/** A path: absolute and canonical (no `.`, `..`, double or trailing slashes), as a byte string. */
export class NixPath {
	readonly path: string;

	constructor(path: string) {
		this.path = path;
	}
}

/** A string value with that context: a primitive where the context is empty. */
export function stringWithContext(text: string, context: StringContext): NixString {
	return context.size === 0 ? text : new ContextString(text, context);
}

/** The text of a string value (a byte string), its context dropped. */
export function stringText(value: NixString): string {
	return typeof value === "string" ? value : value.text;
}

export function isInt(value: Lazy): value is NixInt {
	return typeof value === "number" || typeof value === "bigint";
}

export function isString(value: Lazy): value is NixString {
	return typeof value === "string" || value instanceof ContextString;
}

/** `Array.isArray` that narrows a readonly union. */
export function isList(value: Lazy): value is List {
	return Array.isArray(value);
}
