/** Coercion to strings and paths, and the concatenation that needs it. Layer 1, pure. */

import { canonicalPath } from "../syntax/path.ts";
import type { Position } from "../syntax/position.ts";
import { Attrs } from "../value/attrs.ts";
import { mergeContexts, NO_CONTEXT, type StringContext } from "../value/context.ts";
import { formatFixed } from "../value/format-float.ts";
import { addInts, type NixInt } from "../value/integer.ts";
import { describeType } from "../value/type-name.ts";
import {
	ContextString,
	isInt,
	isList,
	type Lazy,
	NixFloat,
	NixPath,
	PlacedString,
	type NixString,
	stringText,
	stringWithContext,
	type Value,
} from "../value/value.ts";
import { addFrame, EvalError } from "./error.ts";
import type { CoerceOptions, Runtime } from "./runtime.ts";

/** What is being coerced: where, and what for. */
export interface CoerceSite {
	readonly position: Position;
	readonly what: string;
	readonly options: CoerceOptions;
}

/** See {@link Runtime.coerceToString}. */
export function coerceToString(host: Runtime, lazy: Lazy, site: CoerceSite): NixString {
	const value = host.force(lazy, site.position);
	if (typeof value === "string" || value instanceof ContextString) return value;
	if (value instanceof NixPath) {
		if (site.options.copyToStore !== false) return host.copyPathToStore(value);
		return host.place.textOf(value.path);
	}
	if (site.options.more === true) {
		if (value === true) return "1";
		if (value === false || value === null) return "";
		if (isInt(value)) return String(value);
		if (value instanceof NixFloat) return formatFixed(value.value);
	}
	return host.nested(site.position, () => coerceCompound(host, value, site));
}

function coerceCompound(host: Runtime, value: Value, site: CoerceSite): NixString {
	if (value instanceof Attrs) {
		return peel(host, { attrs: value, position: site.position }, (peeled) => {
			if (peeled instanceof Attrs) throw cannotCoerce(host, peeled, site);
			return coerceToString(host, peeled, site);
		});
	}
	if (site.options.more === true && isList(value)) return joinList(host, value, site);
	throw cannotCoerce(host, value, site);
}

function cannotCoerce(host: Runtime, value: Value, site: CoerceSite): EvalError {
	const message = `cannot coerce ${describeType(value)} to a string: ${host.printBrief(value)}`;
	return host.error("type", message).withFrame(site.position, site.what);
}

/** Goes on with what a set stands for, by `__toString` or `outPath`, or with the set itself where it has neither. */
function peel<T>(
	host: Runtime,
	from: { readonly attrs: Attrs; readonly position: Position },
	use: (value: Value) => T,
): T {
	const { attrs } = from;
	const further = (value: Value, position: Position): T =>
		host.nested(from.position, () =>
			value instanceof Attrs ? peel(host, { attrs: value, position }, use) : use(value),
		);
	const convert = attrs.get("__toString");
	if (convert !== undefined) {
		const position = attrs.positionOf("__toString");
		let result: Value;
		try {
			result = host.call(convert, attrs, position);
		} catch (error) {
			throw addFrame(error, position, "while calling the `__toString` attribute");
		}
		try {
			return further(result, position);
		} catch (error) {
			throw addFrame(error, position, "while using the result of the `__toString` attribute");
		}
	}
	const outPath = attrs.get("outPath");
	if (outPath === undefined) return use(attrs);
	const position = attrs.positionOf("outPath");
	let evaluated = false;
	try {
		const result = host.force(outPath, position);
		evaluated = true;
		return further(result, position);
	} catch (error) {
		throw addFrame(error, position, `while ${evaluated ? "using" : "evaluating"} the \`outPath\` attribute`);
	}
}

function joinList(host: Runtime, list: readonly Lazy[], site: CoerceSite): NixString {
	let text = "";
	let context: StringContext = NO_CONTEXT;
	const elementSite = { ...site, what: "while evaluating one element of the list" };
	for (let i = 0; i < list.length; i++) {
		const element = list[i] as Lazy;
		let part: NixString;
		try {
			part = coerceToString(host, element, elementSite);
		} catch (error) {
			throw addFrame(error, site.position, site.what);
		}
		if (typeof part === "string") text += part;
		else {
			text += part.text;
			context = mergeContexts(context, part.context);
		}
		// No separator after an empty list, as Nix has it.
		if (i < list.length - 1) {
			const value = host.force(element);
			if (!isList(value) || value.length > 0) text += " ";
		}
	}
	return stringWithContext(text, context);
}

/** See {@link Runtime.coerceToPath}. */
export function coerceToPath(host: Runtime, lazy: Lazy, site: CoerceSite): { path: NixPath; context: StringContext } {
	const value = host.force(lazy, site.position);
	if (!(value instanceof Attrs)) return toPath(host, value, site);
	return peel(host, { attrs: value, position: site.position }, (peeled) => toPath(host, peeled, site));
}

function toPath(host: Runtime, value: Value, site: CoerceSite): { path: NixPath; context: StringContext } {
	if (value instanceof NixPath) return { path: value, context: NO_CONTEXT };
	const string = coerceToString(host, value, { ...site, options: { copyToStore: false } });
	if (string instanceof PlacedString) {
		host.place.made(host.io.sourceRoot ?? "/", string.whole);
		return { path: new NixPath(canonicalPath(string.whole)), context: string.context };
	}
	const text = stringText(string);
	if (!text.startsWith("/")) {
		const error = host.error("eval", `string '${text}' doesn't represent an absolute path`);
		throw error.withFrame(site.position, site.what);
	}
	host.place.made("/", text);
	return { path: new NixPath(canonicalPath(text)), context: typeof string === "string" ? NO_CONTEXT : string.context };
}

/** The operands of `+`, or the parts of an interpolated string or path. */
export interface Concatenation {
	readonly count: number;
	/** Whether the result is a string whatever the first part is. */
	readonly string: boolean;
	readonly position: Position;
	/** Evaluates a part. */
	readonly part: (index: number) => Value;
	readonly partPosition: (index: number) => Position;
}

/** Concatenates, or adds where the first part is a number; parts are evaluated and converted one after the other. */
export function concatenate(host: Runtime, parts: Concatenation): Value {
	const first = parts.part(0);
	if (!parts.string) {
		if (isInt(first) || first instanceof NixFloat) return addNumbers(host, first, parts);
	}
	const origin = !parts.string && first instanceof NixPath ? first.path : undefined;
	const options: CoerceOptions = { copyToStore: parts.string || !isPathLike(first) };
	let text = "";
	let context: StringContext = NO_CONTEXT;
	let beginning: PlacedString | undefined;
	for (let i = 0; i < parts.count; i++) {
		const value = i === 0 ? first : parts.part(i);
		if (typeof value === "string" || (i === 0 && origin !== undefined)) {
			text += origin !== undefined && i === 0 ? origin : (value as string);
			continue;
		}
		const part = coerceToString(host, value, {
			position: parts.partPosition(i),
			what: "while evaluating a path segment",
			options: parts.string || isStringType(first) ? STRING_PART : options,
		});
		if (typeof part === "string") text += part;
		else {
			// What it begins with does not matter to what comes behind it.
			if (text === "" && origin === undefined && part instanceof PlacedString) beginning = part;
			text += part === beginning ? beginning.whole : part.text;
			context = mergeContexts(context, part.context);
		}
	}
	if (beginning !== undefined) return host.place.extended(beginning, text, context);
	if (origin === undefined) return stringWithContext(text, context);
	if (context.size > 0) {
		throw host.error("eval", "a string that refers to a store path cannot be appended to a path", {
			position: parts.position,
		});
	}
	host.place.made(origin, text);
	return new NixPath(canonicalPath(text));
}

const STRING_PART: CoerceOptions = { copyToStore: true };

function isStringType(value: Value): boolean {
	return typeof value === "string" || value instanceof ContextString;
}

/** Only where the first operand is a string are paths copied to the store. */
function isPathLike(value: Value): boolean {
	return !isStringType(value);
}

function addNumbers(host: Runtime, first: NixInt | NixFloat, parts: Concatenation): Value {
	let sum: NixInt | NixFloat = first;
	for (let i = 1; i < parts.count; i++) {
		const value = parts.part(i);
		if (!isInt(value) && !(value instanceof NixFloat)) {
			const type = sum instanceof NixFloat ? "a float" : "an integer";
			throw host.error("eval", `cannot add ${describeType(value)} to ${type}`, { position: parts.partPosition(i) });
		}
		if (sum instanceof NixFloat || value instanceof NixFloat) sum = new NixFloat(toNumber(sum) + toNumber(value));
		else {
			const total = addInts(sum, value);
			if (total === undefined) {
				throw host.error("eval", `integer overflow in adding ${sum} + ${value}`, { position: parts.partPosition(i) });
			}
			sum = total;
		}
	}
	return sum;
}

function toNumber(value: NixInt | NixFloat): number {
	return value instanceof NixFloat ? value.value : Number(value);
}
