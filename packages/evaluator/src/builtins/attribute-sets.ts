/** Built-in operations on attribute sets. Layer 1, pure. */

import type { Runtime } from "../eval/runtime.ts";
import { NO_POSITION, type Position } from "../syntax/position.ts";
import { attrsFromEntries, AttrsBuilder, EMPTY_ATTRS, intersectNames, mapAttrs, removeNames } from "../value/attrs.ts";
import { Lambda, PartialApplication, PrimOp, type BuiltinDefinition } from "../value/function.ts";
import type { Lazy, Value } from "../value/value.ts";

function listToAttrs(runtime: Runtime, listValue: Lazy): Value {
	const list = runtime.expectList(
		listValue,
		NO_POSITION,
		"while evaluating the argument passed to builtins.listToAttrs",
	);
	const element = "while evaluating an element of the list passed to builtins.listToAttrs";
	const nameWhat = "while evaluating the `name` attribute of an element of the list passed to builtins.listToAttrs";
	const pair = "in a {name=...; value=...;} pair";
	const builder = new AttrsBuilder();
	for (const item of list) {
		const attrs = runtime.expectAttrs(item, NO_POSITION, element);
		const name = runtime.expectPlainString(runtime.expectAttr(attrs, "name", pair), attrs.positionOf("name"), nameWhat);
		if (builder.has(name)) continue;
		builder.set(name, runtime.expectAttr(attrs, "value", pair), attrs.positionOf("value"));
	}
	return builder.build();
}

function zipAttrsWith(runtime: Runtime, fn: Lazy, listValue: Lazy): Value {
	const callee = runtime.expectFunction(
		fn,
		NO_POSITION,
		"while evaluating the first argument passed to builtins.zipAttrsWith",
	);
	const list = runtime.expectList(
		listValue,
		NO_POSITION,
		"while evaluating the second argument passed to builtins.zipAttrsWith",
	);
	const what = "while evaluating a value of the list passed as second argument to builtins.zipAttrsWith";
	const collected = new Map<string, Lazy[]>();
	for (const item of list) {
		const attrs = runtime.expectAttrs(item, NO_POSITION, what);
		const values = attrs.values;
		for (const [index, name] of attrs.names.entries()) {
			const value = values[index] as Lazy;
			const known = collected.get(name);
			if (known === undefined) collected.set(name, [value]);
			else known.push(value);
		}
	}
	const builder = new AttrsBuilder();
	for (const [name, values] of collected) builder.set(name, runtime.lazyCall(callee, name, values));
	return builder.build();
}

/** The formal parameters, each with whether it has a default; for native `derivation`, those of Nix's own. */
function functionArgs(runtime: Runtime, fn: Lazy): Value {
	const value = runtime.force(fn);
	if (value instanceof PrimOp) return value.name === "derivation" ? derivationFormals : EMPTY_ATTRS;
	if (value instanceof PartialApplication) return EMPTY_ATTRS;
	if (!(value instanceof Lambda)) throw runtime.error("type", "'functionArgs' requires a function");
	const formals = value.code.formals;
	if (formals === undefined) return EMPTY_ATTRS;
	const builder = new AttrsBuilder();
	for (const formal of formals.entries) builder.set(formal.name, formal.hasDefault, formal.position);
	return builder.build();
}

const derivationFormals = attrsFromEntries([["outputs", true]]);

/** A position as `{ file, line, column }`; null where it is not in a file. */
function positionToValue(runtime: Runtime, position: Position): Value {
	const file = runtime.positions.fileOf(position);
	if (file === undefined) return null;
	return attrsFromEntries([
		["column", runtime.lazy(() => runtime.positions.resolve(position)?.column ?? 0)],
		["file", runtime.place.textOf(file)],
		["line", runtime.lazy(() => runtime.positions.resolve(position)?.line ?? 0)],
	]);
}

export const attributeSetBuiltins: readonly BuiltinDefinition[] = [
	{
		name: "attrNames",
		arity: 1,
		params: ["set"],
		fn: (runtime, set) =>
			runtime.expectAttrs(set, NO_POSITION, "while evaluating the argument passed to builtins.attrNames").names,
	},
	{
		name: "attrValues",
		arity: 1,
		params: ["set"],
		fn: (runtime, set) =>
			runtime.expectAttrs(set, NO_POSITION, "while evaluating the argument passed to builtins.attrValues").values,
	},
	{
		name: "getAttr",
		arity: 2,
		params: ["s", "set"],
		fn: (runtime, nameValue, set, position) => {
			const name = runtime.expectPlainString(
				nameValue,
				NO_POSITION,
				"while evaluating the first argument passed to builtins.getAttr",
			);
			const attrs = runtime.expectAttrs(
				set,
				NO_POSITION,
				"while evaluating the second argument passed to builtins.getAttr",
			);
			return runtime.force(runtime.expectAttr(attrs, name, "in the attribute set under consideration"), position);
		},
	},
	{
		name: "hasAttr",
		arity: 2,
		params: ["s", "set"],
		fn: (runtime, nameValue, set) => {
			const name = runtime.expectPlainString(
				nameValue,
				NO_POSITION,
				"while evaluating the first argument passed to builtins.hasAttr",
			);
			return runtime
				.expectAttrs(set, NO_POSITION, "while evaluating the second argument passed to builtins.hasAttr")
				.has(name);
		},
	},
	{
		name: "unsafeGetAttrPos",
		arity: 2,
		params: ["s", "set"],
		fn: (runtime, nameValue, set) => {
			const name = runtime.expectPlainString(
				nameValue,
				NO_POSITION,
				"while evaluating the first argument passed to builtins.unsafeGetAttrPos",
			);
			const attrs = runtime.expectAttrs(
				set,
				NO_POSITION,
				"while evaluating the second argument passed to builtins.unsafeGetAttrPos",
			);
			return attrs.has(name) ? positionToValue(runtime, attrs.positionOf(name)) : null;
		},
	},
	{
		name: "removeAttrs",
		arity: 2,
		params: ["set", "list"],
		global: true,
		fn: (runtime, set, listValue) => {
			const attrs = runtime.expectAttrs(
				set,
				NO_POSITION,
				"while evaluating the first argument passed to builtins.removeAttrs",
			);
			const list = runtime.expectList(
				listValue,
				NO_POSITION,
				"while evaluating the second argument passed to builtins.removeAttrs",
			);
			const what = "while evaluating the values of the second argument passed to builtins.removeAttrs";
			return removeNames(
				attrs,
				list.map((item) => runtime.expectPlainString(item, NO_POSITION, what)),
			);
		},
	},
	{ name: "listToAttrs", arity: 1, params: ["e"], fn: listToAttrs },
	{
		name: "intersectAttrs",
		arity: 2,
		params: ["e1", "e2"],
		fn: (runtime, left, right) => {
			const filter = runtime.expectAttrs(
				left,
				NO_POSITION,
				"while evaluating the first argument passed to builtins.intersectAttrs",
			);
			const from = runtime.expectAttrs(
				right,
				NO_POSITION,
				"while evaluating the second argument passed to builtins.intersectAttrs",
			);
			return intersectNames(filter, from);
		},
	},
	{
		name: "catAttrs",
		arity: 2,
		params: ["attr", "list"],
		fn: (runtime, nameValue, listValue) => {
			const name = runtime.expectPlainString(
				nameValue,
				NO_POSITION,
				"while evaluating the first argument passed to builtins.catAttrs",
			);
			const list = runtime.expectList(
				listValue,
				NO_POSITION,
				"while evaluating the second argument passed to builtins.catAttrs",
			);
			const what = "while evaluating an element in the list passed as second argument to builtins.catAttrs";
			const found: Lazy[] = [];
			for (const item of list) {
				const value = runtime.expectAttrs(item, NO_POSITION, what).get(name);
				if (value !== undefined) found.push(value);
			}
			return found;
		},
	},
	{ name: "functionArgs", arity: 1, params: ["f"], fn: functionArgs },
	{
		name: "mapAttrs",
		arity: 2,
		params: ["f", "attrset"],
		fn: (runtime, fn, set) => {
			const attrs = runtime.expectAttrs(
				set,
				NO_POSITION,
				"while evaluating the second argument passed to builtins.mapAttrs",
			);
			return mapAttrs(attrs, (name, value) => runtime.lazyCall(fn, name, value));
		},
	},
	{ name: "zipAttrsWith", arity: 2, params: ["f", "list"], fn: zipAttrsWith },
];
