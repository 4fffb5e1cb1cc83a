/** Equality and order of values, and what a failed `assert a == b` says. Layer 1, pure. */

import type { Position } from "../syntax/position.ts";
import { printIdentifier } from "../syntax/print-expr.ts";
import { Attrs } from "../value/attrs.ts";
import { Lambda, PartialApplication, PrimOp } from "../value/function.ts";
import { describeType, typeOf } from "../value/type-name.ts";
import {
	ContextString,
	isInt,
	isList,
	isString,
	type Lazy,
	NixFloat,
	NixPath,
	PlacedString,
	type Value,
} from "../value/value.ts";
import { addFrame, type EvalError } from "./error.ts";
import type { Runtime } from "./runtime.ts";

/** See {@link Runtime.equal}. */
export function equalValues(host: Runtime, x: Lazy, y: Lazy, position: Position): boolean {
	const a = host.force(x, position);
	const b = host.force(y, position);
	// Identical values are equal, functions too: old code relies on it.
	if (a === b) return true;
	if (typeof a === "string") {
		return typeof b === "string" ? false : b instanceof ContextString && host.place.equalTexts(a, b);
	}
	if (a === null || typeof a === "boolean") return false;
	if (isInt(a)) return b instanceof NixFloat && Number(a) === b.value;
	if (a instanceof NixFloat) return b instanceof NixFloat ? a.value === b.value : isInt(b) && a.value === Number(b);
	if (a instanceof ContextString) return isString(b) && host.place.equalTexts(a, b);
	if (a instanceof NixPath) {
		if (!(b instanceof NixPath)) return false;
		host.place.compared(a.path, b.path);
		return a.path === b.path;
	}
	if (isList(a)) {
		if (!isList(b) || a.length !== b.length) return false;
		return host.nested(position, () => a.every((each, i) => equalValues(host, each, b[i] as Lazy, position)));
	}
	if (a instanceof Attrs) return b instanceof Attrs && host.nested(position, () => equalAttrs(host, [a, b], position));
	return false;
}

function equalAttrs(host: Runtime, [a, b]: readonly [Attrs, Attrs], position: Position): boolean {
	const outPaths = derivationPaths(host, a, b);
	if (outPaths !== undefined) return equalValues(host, outPaths[0], outPaths[1], position);
	if (a.size !== b.size) return false;
	if (a.shape !== b.shape && a.names.some((name, i) => name !== b.names[i])) return false;
	const others = b.values;
	return a.values.every((each, i) => equalValues(host, each, others[i] as Lazy, position));
}

/** The `outPath`s of two derivations, which stand for them when they are compared. */
function derivationPaths(host: Runtime, a: Attrs, b: Attrs): readonly [Lazy, Lazy] | undefined {
	if (!host.isDerivation(a) || !host.isDerivation(b)) return undefined;
	const left = a.get("outPath");
	const right = b.get("outPath");
	return left === undefined || right === undefined ? undefined : [left, right];
}

/** See {@link Runtime.lessThan}. */
export function lessThan(
	host: Runtime,
	[x, y]: readonly [Lazy, Lazy],
	site: { readonly position: Position; readonly what: string },
): boolean {
	const a = host.force(x, site.position);
	const b = host.force(y, site.position);
	try {
		if ((isInt(a) || a instanceof NixFloat) && (isInt(b) || b instanceof NixFloat)) {
			return (a instanceof NixFloat ? a.value : a) < (b instanceof NixFloat ? b.value : b);
		}
		if (typeof a === "string" && typeof b === "string") return a < b;
		const type = typeOf(a);
		if (type !== typeOf(b)) throw incomparable(host, [a, b], "; values are ");
		if (a instanceof PlacedString && b instanceof PlacedString) return a.whole < b.whole;
		if (type === "string") return textOf(a) < textOf(b);
		if (a instanceof NixPath && b instanceof NixPath) {
			host.place.seen(a.path);
			host.place.seen(b.path);
			return a.path < b.path;
		}
		if (isList(a) && isList(b)) {
			for (let i = 0; ; i++) {
				if (i === b.length) return false;
				if (i === a.length) return true;
				const pair = [a[i] as Lazy, b[i] as Lazy] as const;
				if (!equalValues(host, pair[0], pair[1], site.position)) {
					return lessThan(host, pair, { ...site, what: "while comparing two list elements" });
				}
			}
		}
		throw incomparable(host, [a, b], "; values of that type are incomparable (values are ");
	} catch (error) {
		throw site.what === "" ? error : addFrame(error, 0, site.what);
	}
}

function textOf(value: Value): string {
	return value instanceof ContextString ? value.text : (value as string);
}

function incomparable(host: Runtime, [a, b]: readonly [Value, Value], tail: string): EvalError {
	const values = `${host.printBrief(a)} and ${host.printBrief(b)}${tail.includes("(") ? ")" : ""}`;
	return host.error("eval", `cannot compare ${describeType(a)} with ${describeType(b)}${tail}${values}`);
}

/** Throws an error that says in what two values differ; returns where they do not. */
export function explainDifference(host: Runtime, x: Lazy, y: Lazy, position: Position): void {
	const a = host.force(x, position);
	const b = host.force(y, position);
	const brief = (value: Value): string => `'${host.printBrief(value)}'`;
	const differ = (message: string): EvalError => host.error("assertion", message);
	const isNumber = (value: Value): boolean => isInt(value) || value instanceof NixFloat;
	if (isNumber(a) && isNumber(b)) {
		if (equalValues(host, a, b, position)) return;
		throw differ(`${describeType(a)} with value ${brief(a)} is not equal to ${describeType(b)} with value ${brief(b)}`);
	}
	if (typeOf(a) !== typeOf(b)) {
		throw differ(`${describeType(a)} of value ${brief(a)} is not equal to ${describeType(b)} of value ${brief(b)}`);
	}
	if (isFunction(a)) {
		throw differ("distinct functions and immediate comparisons of identical functions compare as unequal");
	}
	if (isList(a) && isList(b)) explainLists(host, [a, b], position);
	else if (a instanceof Attrs && b instanceof Attrs) explainAttrs(host, [a, b], position);
	if (isList(a) || a instanceof Attrs || equalValues(host, a, b, position)) return;
	const kind = typeOf(a) === "bool" ? "boolean" : typeOf(a);
	throw differ(`${kind} ${brief(a)} is not equal to ${kind} ${brief(b)}`);
}

function isFunction(value: Value): boolean {
	return value instanceof Lambda || value instanceof PrimOp || value instanceof PartialApplication;
}

function explainLists(host: Runtime, [a, b]: readonly [readonly Lazy[], readonly Lazy[]], position: Position): void {
	if (a.length !== b.length) {
		const sides = `left hand side is '${host.printBrief(a)}', right hand side is '${host.printBrief(b)}'`;
		throw host.error("assertion", `list of size '${a.length}' is not equal to list of size '${b.length}', ${sides}`);
	}
	for (let i = 0; i < a.length; i++) {
		if (equalValues(host, a[i] as Lazy, b[i] as Lazy, position)) continue;
		try {
			explainDifference(host, a[i] as Lazy, b[i] as Lazy, position);
		} catch (error) {
			throw addFrame(error, position, `while comparing list element ${i}`);
		}
	}
}

function explainAttrs(host: Runtime, [a, b]: readonly [Attrs, Attrs], position: Position): void {
	const outPaths = derivationPaths(host, a, b);
	if (outPaths !== undefined) {
		try {
			explainDifference(host, outPaths[0], outPaths[1], position);
		} catch (error) {
			throw addFrame(error, position, "while comparing a derivation by its 'outPath' attribute");
		}
		return;
	}
	const left = `'${host.printBrief(a)}'`;
	const right = `'${host.printBrief(b)}'`;
	if (a.size !== b.size) {
		throw host.error("assertion", `attribute names of attribute set ${left} differs from attribute set ${right}`);
	}
	for (const [i, name] of a.names.entries()) {
		const other = b.names[i] as string;
		if (name !== other) {
			const message = b.has(name)
				? `attribute name '${printIdentifier(other)}' is missing in ${left}, but is contained in ${right}`
				: `attribute name '${printIdentifier(name)}' is contained in ${left}, but not in ${right}`;
			throw host.error("assertion", message);
		}
		const x = a.values[i] as Lazy;
		const y = b.values[i] as Lazy;
		if (equalValues(host, x, y, position)) continue;
		try {
			explainDifference(host, x, y, position);
		} catch (error) {
			if (b.positionOf(name) !== 0) addFrame(error, b.positionOf(name), "where right hand side is");
			if (a.positionOf(name) !== 0) addFrame(error, a.positionOf(name), "where left hand side is");
			throw addFrame(error, position, `while comparing attribute '${printIdentifier(name)}'`);
		}
	}
}
