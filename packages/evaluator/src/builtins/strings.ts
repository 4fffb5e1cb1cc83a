/** Built-in operations on strings. Layer 1, pure. */

import type { Runtime } from "../eval/runtime.ts";
import { NO_POSITION } from "../syntax/position.ts";
import { attrsFromEntries } from "../value/attrs.ts";
import { mergeContexts, NO_CONTEXT, type StringContext } from "../value/context.ts";
import type { BuiltinDefinition } from "../value/function.ts";
import { ContextString, isString, stringWithContext, type Lazy, type NixString, type Value } from "../value/value.ts";
import { textOf } from "./control.ts";
import { compileRegex, RegexSyntaxError } from "./regex/regex.ts";
import { compareVersions, parseDrvName, splitVersion } from "./version-comparison.ts";

/** The context of a string of either kind. */
export function contextOf(value: NixString): StringContext {
	return value instanceof ContextString ? value.context : NO_CONTEXT;
}

function substring(runtime: Runtime, startValue: Lazy, lengthValue: Lazy, value: Lazy): Value {
	const start = runtime.expectInt(
		startValue,
		NO_POSITION,
		"while evaluating the first argument (the start offset) passed to builtins.substring",
	);
	if (start < 0) throw runtime.error("eval", "negative start position in 'substring'");
	const length = runtime.expectInt(
		lengthValue,
		NO_POSITION,
		"while evaluating the second argument (the substring length) passed to builtins.substring",
	);
	const whole = runtime.coerceToString(
		value,
		NO_POSITION,
		"while evaluating the third argument (the string) passed to builtins.substring",
	);
	const text = textOf(whole);
	const from = Math.min(Number(start), text.length);
	// A negative length means up to the end.
	const part = text.slice(from, length < 0 ? text.length : Math.min(from + Number(length), text.length));
	return stringWithContext(part, contextOf(whole));
}

function concatStringsSep(runtime: Runtime, separatorValue: Lazy, listValue: Lazy): Value {
	const separator = runtime.expectString(
		separatorValue,
		NO_POSITION,
		"while evaluating the first argument (the separator string) passed to builtins.concatStringsSep",
	);
	const list = runtime.expectList(
		listValue,
		NO_POSITION,
		"while evaluating the second argument (the list of strings to concat) passed to builtins.concatStringsSep",
	);
	const what = "while evaluating one element of the list of strings to concat passed to builtins.concatStringsSep";
	let context = contextOf(separator);
	const texts = list.map((item) => {
		const string = runtime.coerceToString(item, NO_POSITION, what);
		if (typeof string === "string") return string;
		context = mergeContexts(context, string.context);
		return string.text;
	});
	return stringWithContext(texts.join(textOf(separator)), context);
}

function replaceStrings(runtime: Runtime, fromValue: Lazy, toValue: Lazy, value: Lazy): Value {
	const fromList = runtime.expectList(
		fromValue,
		NO_POSITION,
		"while evaluating the first argument passed to builtins.replaceStrings",
	);
	const toList = runtime.expectList(
		toValue,
		NO_POSITION,
		"while evaluating the second argument passed to builtins.replaceStrings",
	);
	if (fromList.length !== toList.length) {
		throw runtime.error("eval", "'from' and 'to' arguments passed to builtins.replaceStrings have different lengths");
	}
	const fromWhat = "while evaluating one of the strings to replace passed to builtins.replaceStrings";
	const from = fromList.map((item) => runtime.expectText(item, NO_POSITION, fromWhat));
	const whole = runtime.expectString(
		value,
		NO_POSITION,
		"while evaluating the third argument passed to builtins.replaceStrings",
	);
	const text = textOf(whole);
	let context = contextOf(whole);
	const replacements = new Array<string | undefined>(from.length);
	const toWhat = "while evaluating one of the replacement strings passed to builtins.replaceStrings";
	const replacement = (index: number): string => {
		const known = replacements[index];
		if (known !== undefined) return known;
		const string = runtime.expectString(toList[index] as Lazy, NO_POSITION, toWhat);
		context = mergeContexts(context, contextOf(string));
		replacements[index] = textOf(string);
		return textOf(string);
	};
	const candidates = candidatesByFirst(from);
	let result = "";
	let copied = 0;
	for (let at = 0; at <= text.length; ) {
		const list = candidates.get(text.charCodeAt(at)) ?? candidates.empty;
		const index = list.find((each) => text.startsWith(from[each] as string, at));
		if (index === undefined) {
			at++;
			continue;
		}
		result += text.slice(copied, at) + replacement(index);
		const length = (from[index] as string).length;
		copied = at + length;
		// After an empty match one character is copied.
		at += length === 0 ? 1 : length;
	}
	return stringWithContext(result + text.slice(copied), context);
}

/** For each first byte, the indices of the strings to look for there, in order; the empty string is found anywhere. */
function candidatesByFirst(from: readonly string[]): {
	get(byte: number): readonly number[] | undefined;
	readonly empty: readonly number[];
} {
	const empty = from.flatMap((each, index) => (each === "" ? [index] : []));
	const table = new Map<number, number[]>();
	for (const each of from) if (each !== "" && !table.has(each.charCodeAt(0))) table.set(each.charCodeAt(0), []);
	for (const [byte, list] of table) {
		for (const [index, each] of from.entries()) if (each === "" || each.charCodeAt(0) === byte) list.push(index);
	}
	return { get: (byte) => table.get(byte), empty };
}

/** Runs a regular expression; its errors are worded as Nix words them. */
function withRegex<T>(runtime: Runtime, source: string, run: () => T): T {
	try {
		return run();
	} catch (error) {
		if (!(error instanceof RegexSyntaxError)) throw error;
		const reason = error.kind === "space" ? "memory limit exceeded by" : "invalid";
		throw runtime.error("eval", `${reason} regular expression '${source}'`, { cause: error });
	}
}

function matchRegex(runtime: Runtime, regex: Lazy, value: Lazy): Value {
	const source = runtime.expectPlainString(
		regex,
		NO_POSITION,
		"while evaluating the first argument passed to builtins.match",
	);
	return withRegex(runtime, source, () => {
		const compiled = compileRegex(source);
		const what = "while evaluating the second argument passed to builtins.match";
		const groups = compiled.matchWhole(runtime.expectText(value, NO_POSITION, what));
		return groups === undefined ? null : groups.map((group) => group ?? null);
	});
}

function splitByRegex(runtime: Runtime, regex: Lazy, value: Lazy): Value {
	const source = runtime.expectPlainString(
		regex,
		NO_POSITION,
		"while evaluating the first argument passed to builtins.split",
	);
	return withRegex(runtime, source, () => {
		const compiled = compileRegex(source);
		const what = "while evaluating the second argument passed to builtins.split";
		const whole = runtime.expectString(value, NO_POSITION, what);
		const text = textOf(whole);
		const matches = compiled.matchAll(text);
		if (matches.length === 0) return [whole];
		const parts: Lazy[] = [];
		let at = 0;
		for (const match of matches) {
			parts.push(
				text.slice(at, match.start),
				match.groups.map((group) => group ?? null),
			);
			at = match.end;
		}
		parts.push(text.slice(at));
		return parts;
	});
}

export const stringBuiltins: readonly BuiltinDefinition[] = [
	{
		name: "toString",
		arity: 1,
		params: ["e"],
		global: true,
		fn: (runtime, value) =>
			runtime.coerceToString(value, NO_POSITION, "while evaluating the first argument passed to builtins.toString", {
				more: true,
				copyToStore: false,
			}),
	},
	{ name: "substring", arity: 3, params: ["start", "len", "s"], fn: substring },
	{
		name: "stringLength",
		arity: 1,
		params: ["e"],
		fn: (runtime, value) => {
			const forced = runtime.force(value);
			if (isString(forced)) return textOf(forced).length;
			const what = "while evaluating the argument passed to builtins.stringLength";
			return textOf(runtime.coerceToString(forced, NO_POSITION, what)).length;
		},
	},
	{ name: "concatStringsSep", arity: 2, params: ["separator", "list"], fn: concatStringsSep },
	{ name: "replaceStrings", arity: 3, params: ["from", "to", "s"], fn: replaceStrings },
	{ name: "match", arity: 2, params: ["regex", "str"], fn: matchRegex },
	{ name: "split", arity: 2, params: ["regex", "str"], fn: splitByRegex },
	{
		name: "parseDrvName",
		arity: 1,
		params: ["s"],
		fn: (runtime, value) => {
			const what = "while evaluating the first argument passed to builtins.parseDrvName";
			const parsed = parseDrvName(runtime.expectPlainString(value, NO_POSITION, what));
			return attrsFromEntries([
				["name", parsed.name],
				["version", parsed.version],
			]);
		},
	},
	{
		name: "compareVersions",
		arity: 2,
		params: ["s1", "s2"],
		fn: (runtime, left, right) => {
			const first = "while evaluating the first argument passed to builtins.compareVersions";
			const second = "while evaluating the second argument passed to builtins.compareVersions";
			const a = runtime.expectPlainString(left, NO_POSITION, first);
			return compareVersions(a, runtime.expectPlainString(right, NO_POSITION, second));
		},
	},
	{
		name: "splitVersion",
		arity: 1,
		params: ["s"],
		fn: (runtime, value) =>
			splitVersion(
				runtime.expectPlainString(
					value,
					NO_POSITION,
					"while evaluating the first argument passed to builtins.splitVersion",
				),
			),
	},
];
