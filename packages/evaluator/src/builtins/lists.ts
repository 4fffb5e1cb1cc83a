/** Built-in operations on lists. Layer 1, pure. */

import type { Runtime } from "../eval/runtime.ts";
import { NO_POSITION } from "../syntax/position.ts";
import { attrsFromEntries } from "../value/attrs.ts";
import { Lambda, PrimOp, type BuiltinDefinition } from "../value/function.ts";
import type { Lazy, List, Value } from "../value/value.ts";
import { stableSort } from "./stable-sort.ts";

/** Longest list that can be made from a number; more is a mistake, and would not fit into memory. */
const MOST_ELEMENTS = 2 ** 31;

function testBuiltin(name: "any" | "all"): BuiltinDefinition {
	const wanted = name === "any";
	return {
		name,
		arity: 2,
		params: ["pred", "list"],
		fn: (runtime, predicate, listValue) => {
			runtime.expectFunction(predicate, NO_POSITION, `while evaluating the first argument passed to builtins.${name}`);
			const list = runtime.expectList(
				listValue,
				NO_POSITION,
				`while evaluating the second argument passed to builtins.${name}`,
			);
			const what = `while evaluating the return value of the function passed to builtins.${name}`;
			for (const item of list) {
				if (runtime.expectBool(runtime.call(predicate, item), NO_POSITION, what) === wanted) return wanted;
			}
			return !wanted;
		},
	};
}

function filterList(runtime: Runtime, predicate: Lazy, listValue: Lazy): Value {
	const list = runtime.expectList(
		listValue,
		NO_POSITION,
		"while evaluating the second argument passed to builtins.filter",
	);
	if (list.length === 0) return list;
	runtime.expectFunction(predicate, NO_POSITION, "while evaluating the first argument passed to builtins.filter");
	const what = "while evaluating the return value of the filtering function passed to builtins.filter";
	const kept: Lazy[] = [];
	for (const item of list) if (runtime.expectBool(runtime.call(predicate, item), NO_POSITION, what)) kept.push(item);
	return kept.length === list.length ? list : kept;
}

function sortList(runtime: Runtime, comparator: Lazy, listValue: Lazy): Value {
	const list = runtime.expectList(
		listValue,
		NO_POSITION,
		"while evaluating the second argument passed to builtins.sort",
	);
	if (list.length === 0) return list;
	const fn = runtime.expectFunction(
		comparator,
		NO_POSITION,
		"while evaluating the first argument passed to builtins.sort",
	);
	const items: Value[] = list.map((item) => runtime.force(item));
	const what = "while evaluating the return value of the sorting function passed to builtins.sort";
	if (fn instanceof PrimOp && fn.name === "lessThan") {
		const ordering = "while evaluating the ordering function passed to builtins.sort";
		stableSort(items, (a, b) => runtime.lessThan(a, b, NO_POSITION, ordering));
	} else {
		stableSort(items, (a, b) => runtime.expectBool(runtime.call2(fn, a, b), NO_POSITION, what));
	}
	return items;
}

function concatMap(runtime: Runtime, fn: Lazy, listValue: Lazy): Value {
	const first = "while evaluating the first argument passed to builtins.concatMap";
	const callee = runtime.expectFunction(fn, NO_POSITION, first);
	const position = callee instanceof Lambda ? callee.code.position : NO_POSITION;
	const list = runtime.expectList(
		listValue,
		NO_POSITION,
		"while evaluating the second argument passed to builtins.concatMap",
	);
	const what = "while evaluating the return value of the function passed to builtins.concatMap";
	return concatenate(list.map((item) => runtime.expectList(runtime.call(callee, item), position, what)));
}

function concatenate(lists: readonly List[]): List {
	const filled = lists.filter((list) => list.length > 0);
	const [only] = filled;
	if (filled.length <= 1) return only ?? [];
	const all: Lazy[] = [];
	for (const list of filled) for (const item of list) all.push(item);
	return all;
}

function partition(runtime: Runtime, predicate: Lazy, listValue: Lazy): Value {
	runtime.expectFunction(predicate, NO_POSITION, "while evaluating the first argument passed to builtins.partition");
	const list = runtime.expectList(
		listValue,
		NO_POSITION,
		"while evaluating the second argument passed to builtins.partition",
	);
	const what = "while evaluating the return value of the partition function passed to builtins.partition";
	const right: Lazy[] = [];
	const wrong: Lazy[] = [];
	for (const item of list) {
		runtime.force(item);
		(runtime.expectBool(runtime.call(predicate, item), NO_POSITION, what) ? right : wrong).push(item);
	}
	return attrsFromEntries([
		["right", right],
		["wrong", wrong],
	]);
}

function groupBy(runtime: Runtime, fn: Lazy, listValue: Lazy): Value {
	runtime.expectFunction(fn, NO_POSITION, "while evaluating the first argument passed to builtins.groupBy");
	const list = runtime.expectList(
		listValue,
		NO_POSITION,
		"while evaluating the second argument passed to builtins.groupBy",
	);
	const what = "while evaluating the return value of the grouping function passed to builtins.groupBy";
	const groups = new Map<string, Lazy[]>();
	for (const item of list) {
		const name = runtime.expectPlainString(runtime.call(fn, item), NO_POSITION, what);
		const group = groups.get(name);
		if (group === undefined) groups.set(name, [item]);
		else group.push(item);
	}
	return attrsFromEntries(groups);
}

export const listBuiltins: readonly BuiltinDefinition[] = [
	testBuiltin("all"),
	testBuiltin("any"),
	{
		name: "map",
		arity: 2,
		params: ["f", "list"],
		global: true,
		fn: (runtime, fn, listValue) => {
			const list = runtime.expectList(
				listValue,
				NO_POSITION,
				"while evaluating the second argument passed to builtins.map",
			);
			if (list.length === 0) return list;
			const callee = runtime.expectFunction(
				fn,
				NO_POSITION,
				"while evaluating the first argument passed to builtins.map",
			);
			return list.map((item) => runtime.lazyCall(callee, item));
		},
	},
	{ name: "filter", arity: 2, params: ["f", "list"], fn: filterList },
	{ name: "sort", arity: 2, params: ["comparator", "list"], fn: sortList },
	{ name: "partition", arity: 2, params: ["pred", "list"], fn: partition },
	{ name: "groupBy", arity: 2, params: ["f", "list"], fn: groupBy },
	{ name: "concatMap", arity: 2, params: ["f", "list"], fn: concatMap },
	{
		name: "concatLists",
		arity: 1,
		params: ["lists"],
		fn: (runtime, listsValue) => {
			const lists = runtime.expectList(
				listsValue,
				NO_POSITION,
				"while evaluating the first argument passed to builtins.concatLists",
			);
			const what = "while evaluating a value of the list passed to builtins.concatLists";
			return concatenate(lists.map((list) => runtime.expectList(list, NO_POSITION, what)));
		},
	},
	{
		name: "foldl'",
		arity: 3,
		params: ["op", "nul", "list"],
		fn: (runtime, fn, start, listValue) => {
			runtime.expectFunction(fn, NO_POSITION, "while evaluating the first argument passed to builtins.foldlStrict");
			const list = runtime.expectList(
				listValue,
				NO_POSITION,
				"while evaluating the third argument passed to builtins.foldlStrict",
			);
			if (list.length === 0) return runtime.force(start);
			let result = start;
			for (const item of list) result = runtime.call2(fn, result, item);
			return runtime.force(result);
		},
	},
	{
		name: "genList",
		arity: 2,
		params: ["generator", "length"],
		fn: (runtime, fn, lengthValue) => {
			const length = runtime.expectInt(
				lengthValue,
				NO_POSITION,
				"while evaluating the second argument passed to builtins.genList",
			);
			if (length < 0 || length > MOST_ELEMENTS) {
				throw runtime.error("eval", `cannot create list of size ${length}`);
			}
			const callee = runtime.expectFunction(
				fn,
				NO_POSITION,
				"while evaluating the first argument passed to builtins.genList",
			);
			return Array.from({ length: Number(length) }, (_, index) => runtime.lazyCall(callee, index));
		},
	},
	{
		name: "elem",
		arity: 2,
		params: ["x", "xs"],
		fn: (runtime, wanted, listValue) => {
			const list = runtime.expectList(
				listValue,
				NO_POSITION,
				"while evaluating the second argument passed to builtins.elem",
			);
			const what = "while searching for the presence of the given element in the list";
			return list.some((item) => runtime.equal(wanted, item, NO_POSITION, what));
		},
	},
	{
		name: "elemAt",
		arity: 2,
		params: ["xs", "n"],
		fn: (runtime, listValue, indexValue) => {
			const index = runtime.expectInt(
				indexValue,
				NO_POSITION,
				"while evaluating the second argument passed to 'builtins.elemAt'",
			);
			const list = runtime.expectList(
				listValue,
				NO_POSITION,
				"while evaluating the first argument passed to 'builtins.elemAt'",
			);
			if (index < 0 || index >= list.length) {
				throw runtime.error("eval", `'builtins.elemAt' called with index ${index} on a list of size ${list.length}`);
			}
			return runtime.force(list[Number(index)] as Lazy);
		},
	},
	{
		name: "head",
		arity: 1,
		params: ["list"],
		fn: (runtime, listValue) => {
			const list = runtime.expectList(
				listValue,
				NO_POSITION,
				"while evaluating the first argument passed to 'builtins.head'",
			);
			if (list.length === 0) throw runtime.error("eval", "'builtins.head' called on an empty list");
			return runtime.force(list[0] as Lazy);
		},
	},
	{
		name: "tail",
		arity: 1,
		params: ["list"],
		fn: (runtime, listValue) => {
			const list = runtime.expectList(
				listValue,
				NO_POSITION,
				"while evaluating the first argument passed to 'builtins.tail'",
			);
			if (list.length === 0) throw runtime.error("eval", "'builtins.tail' called on an empty list");
			return list.slice(1);
		},
	},
	{
		name: "length",
		arity: 1,
		params: ["e"],
		fn: (runtime, list) =>
			runtime.expectList(list, NO_POSITION, "while evaluating the first argument passed to builtins.length").length,
	},
];
