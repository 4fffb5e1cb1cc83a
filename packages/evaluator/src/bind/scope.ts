/**
 * Static scopes: which names an expression sees, and where their values will lie. Layer 1, pure.
 *
 * A chain of scopes mirrors the chain of environments at run time, level for level.
 */

import type { Position } from "../syntax/position.ts";
import type { Lazy } from "../value/value.ts";

export type Scope = GlobalScope | SlotScope | WithScope;

/** The outermost scope: built-in names. It has no environment; values are known when binding. */
export interface GlobalScope {
	readonly kind: "globals";
	readonly values: ReadonlyMap<string, Lazy>;
}

/** The names of a `let`, a `rec` or a function; `slots` gives the index in the environment. */
export interface SlotScope {
	readonly kind: "slots";
	readonly slots: ReadonlyMap<string, number>;
	readonly parent: Scope;
}

export interface WithScope {
	readonly kind: "with";
	readonly position: Position;
	readonly parent: Scope;
}

/** Where a variable's value is. */
export type Resolution =
	| { readonly kind: "slot"; readonly level: number; readonly slot: number }
	| { readonly kind: "global"; readonly value: Lazy }
	| { readonly kind: "with"; readonly levels: readonly number[]; readonly positions: readonly Position[] }
	| { readonly kind: "undefined" };

/** Finds a variable: lexical names hide what a `with` gives, wherever it is. */
export function resolve(name: string, from: Scope): Resolution {
	let level = 0;
	let levels: number[] | undefined;
	let positions: Position[] | undefined;
	for (let scope = from; ; scope = scope.parent, level++) {
		if (scope.kind === "slots") {
			const slot = scope.slots.get(name);
			if (slot !== undefined) return { kind: "slot", level, slot };
		} else if (scope.kind === "with") {
			(levels ??= []).push(level);
			(positions ??= []).push(scope.position);
		} else {
			const value = scope.values.get(name);
			if (value !== undefined) return { kind: "global", value };
			if (levels === undefined || positions === undefined) return { kind: "undefined" };
			return { kind: "with", levels, positions };
		}
	}
}

/** Every name that is visible without `with`. */
export function visibleNames(from: Scope): Set<string> {
	const names = new Set<string>();
	for (let scope = from; ; scope = scope.parent) {
		if (scope.kind === "slots") for (const name of scope.slots.keys()) names.add(name);
		if (scope.kind === "globals") {
			for (const name of scope.values.keys()) names.add(name);
			return names;
		}
	}
}
