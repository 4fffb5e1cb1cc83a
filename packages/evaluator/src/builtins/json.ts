/** Values from and to JSON. Layer 1, pure. */

import { addFrame, EvalError } from "../eval/error.ts";
import type { Runtime } from "../eval/runtime.ts";
import { NO_POSITION, type Position } from "../syntax/position.ts";
import { Attrs, AttrsBuilder, shapeOf } from "../value/attrs.ts";
import type { BuiltinDefinition } from "../value/function.ts";
import { intFromBigInt } from "../value/integer.ts";
import { Thunk } from "../value/thunk.ts";
import { describeType } from "../value/type-name.ts";
import {
	ContextString,
	isInt,
	isList,
	NixFloat,
	NixPath,
	stringWithContext,
	type Lazy,
	type Value,
} from "../value/value.ts";
import { textOf } from "./control.ts";
import { formatJsonFloat } from "./json-float.ts";
import { JsonError, parseJson, quoteJson, type JsonBuilder } from "./json-text.ts";
import { contextOf } from "./strings.ts";

export interface JsonOptions {
	/** Evaluate what is not evaluated yet; else that is an error. */
	readonly strict: boolean;
	/** Copy paths to the store and write the store path; else the path itself is written. */
	readonly copyToStore: boolean;
	readonly position?: Position;
}

/** A text with the context of all strings in it. */
export interface SerializedValue {
	readonly text: string;
	readonly context: ReadonlySet<string>;
}

/** Writes a value as JSON, without white space, names sorted. */
export function valueToJson(runtime: Runtime, value: Lazy, options: JsonOptions): SerializedValue {
	const context = new Set<string>();
	const { strict, copyToStore, position = NO_POSITION } = options;
	const text = new JsonWriter(runtime, strict, context).write(value, { position, copyToStore });
	return { text, context };
}

/** Where a value stands: what messages point at, and how paths in it are written. */
interface Place {
	readonly position: Position;
	readonly copyToStore: boolean;
}

class JsonWriter {
	readonly #runtime: Runtime;
	readonly #strict: boolean;
	readonly #context: Set<string>;

	constructor(runtime: Runtime, strict: boolean, context: Set<string>) {
		this.#runtime = runtime;
		this.#strict = strict;
		this.#context = context;
	}

	write(lazy: Lazy, place: Place): string {
		return this.#runtime.nested(place.position, () => this.#write(lazy, place));
	}

	#write(lazy: Lazy, place: Place): string {
		const value = this.#strict ? this.#runtime.force(lazy, place.position) : this.#evaluated(lazy);
		if (value === null) return "null";
		if (typeof value === "string") return this.#quote(value);
		if (isInt(value)) return value.toString();
		if (typeof value === "boolean") return value ? "true" : "false";
		if (value instanceof ContextString) {
			for (const element of value.context) this.#context.add(element);
			return this.#quote(value.text);
		}
		if (value instanceof Attrs) return this.#peel(value, place, false);
		if (isList(value)) return this.#writeList(value, place);
		if (value instanceof NixFloat) return formatJsonFloat(value.value);
		if (value instanceof NixPath) return this.#writePath(value, place.copyToStore);
		throw this.#runtime.error("type", `cannot convert ${describeType(value)} to JSON`, {
			position: place.position,
		});
	}

	#quote(text: string): string {
		try {
			return quoteJson(text);
		} catch (error) {
			if (!(error instanceof JsonError)) throw error;
			throw this.#runtime.error("eval", `JSON serialization error: ${error.message}`, { cause: error });
		}
	}

	/** A value as far as it is evaluated. */
	#evaluated(lazy: Lazy): Lazy {
		return lazy instanceof Thunk && lazy.evaluated ? this.#runtime.force(lazy) : lazy;
	}

	#writePath(path: NixPath, copyToStore: boolean): string {
		if (!copyToStore) {
			this.#runtime.place.seen(path.path);
			return this.#quote(path.path);
		}
		const copied = this.#runtime.copyPathToStore(path);
		for (const element of contextOf(copied)) this.#context.add(element);
		return this.#quote(textOf(copied));
	}

	/**
	 * A set with `__toString` is written as what that gives, which must be a string or a path (written as it is); one
	 * with `outPath` as that, whatever it is; both again and again.
	 */
	#peel(value: Value, place: Place, throughToString: boolean): string {
		if (!(value instanceof Attrs)) {
			if (!throughToString) return this.#write(value, place);
			if (typeof value === "string" || value instanceof ContextString) return this.#write(value, place);
			if (value instanceof NixPath) return this.#writePath(value, false);
			return this.#refuse("should return", value, place.position);
		}
		const toString = value.get("__toString");
		if (toString !== undefined) return this.#peelToString(value, toString, place);
		const outPath = value.get("outPath");
		if (outPath !== undefined) return this.#peelOutPath(value, outPath, { place, throughToString });
		if (throughToString) return this.#refuse("must return", value, place.position);
		return this.#writeSet(value, place);
	}

	#refuse(duty: string, value: Value, position: Position): never {
		const shown = `${describeType(value)}: ${this.#runtime.printBrief(value)}`;
		throw this.#runtime.error("type", `\`__toString\` ${duty} a string, but got ${shown}`, { position });
	}

	#peelToString(attrs: Attrs, toString: Lazy, place: Place): string {
		const position = attrs.positionOf("__toString");
		let result: Value;
		try {
			result = this.#runtime.call(toString, attrs, position);
		} catch (error) {
			throw addFrame(error, position, "while calling the `__toString` attribute");
		}
		try {
			return this.#runtime.nested(place.position, () => this.#peel(result, { ...place, position }, true));
		} catch (error) {
			throw addFrame(error, position, "while using the result of the `__toString` attribute");
		}
	}

	#peelOutPath(attrs: Attrs, outPath: Lazy, at: { readonly place: Place; readonly throughToString: boolean }): string {
		const position = attrs.positionOf("outPath");
		let forced: Value;
		try {
			forced = this.#runtime.force(outPath, position);
		} catch (error) {
			throw addFrame(error, position, "while evaluating the `outPath` attribute");
		}
		try {
			const { place, throughToString } = at;
			return this.#runtime.nested(place.position, () => this.#peel(forced, { ...place, position }, throughToString));
		} catch (error) {
			throw addFrame(error, position, "while using the `outPath` attribute");
		}
	}

	#writeSet(attrs: Attrs, { copyToStore }: Place): string {
		const values = attrs.values;
		let text = "{";
		for (const [index, name] of attrs.names.entries()) {
			const position = attrs.positionOf(name);
			let written: string;
			try {
				written = this.write(values[index] as Lazy, { position, copyToStore });
			} catch (error) {
				throw addFrame(error, position, `while evaluating attribute '${name}'`);
			}
			text += `${index === 0 ? "" : ","}${this.#quote(name)}:${written}`;
		}
		return `${text}}`;
	}

	#writeList(list: readonly Lazy[], place: Place): string {
		let text = "[";
		for (const [index, item] of list.entries()) {
			let written: string;
			try {
				written = this.write(item, place);
			} catch (error) {
				throw addFrame(error, place.position, `while evaluating list element at index ${index}`);
			}
			text += index === 0 ? written : `,${written}`;
		}
		return `${text}]`;
	}
}

const valueBuilder: JsonBuilder<Value> = {
	null: null,
	boolean: (value) => value,
	integer: (value) => (typeof value === "number" ? value : (intFromBigInt(value) ?? value)),
	float: (value) => new NixFloat(value),
	string: (value) => withoutNull(value),
	array: (values) => values,
	object: (names, values) => {
		for (const name of names) withoutNull(name);
		if (isAscending(names)) return new Attrs(shapeOf(names), values);
		const builder = new AttrsBuilder();
		for (const [index, name] of names.entries()) builder.set(name, values[index] as Value);
		return builder.build();
	},
};

function isAscending(names: readonly string[]): boolean {
	for (let at = 1; at < names.length; at++) if ((names[at - 1] as string) >= (names[at] as string)) return false;
	return true;
}

/** Throws {@link JsonError} on a string that Nix cannot hold. */
function withoutNull(text: string): string {
	if (!text.includes("\0")) return text;
	throw new JsonError(nullByteMessage(text));
}

/** How Nix refuses a string with a null byte; the byte is shown as U+2400. */
export function nullByteMessage(text: string): string {
	const shown = text.replaceAll("\0", "\xe2\x90\x80");
	return `input string '${shown}' cannot be represented as Nix string because it contains null bytes`;
}

/** Reads JSON into a value. Errors are evaluation errors. */
function jsonToValue(runtime: Runtime, text: string): Value {
	try {
		return parseJson(text, valueBuilder);
	} catch (error) {
		if (!(error instanceof JsonError)) throw error;
		const wrapped: EvalError = runtime.error("eval", error.message, { cause: error });
		if (error.message.startsWith("[json")) wrapped.withFrame(NO_POSITION, "while decoding a JSON string");
		throw wrapped;
	}
}

export const jsonBuiltins: readonly BuiltinDefinition[] = [
	{
		name: "toJSON",
		arity: 1,
		params: ["e"],
		fn: (runtime, value) => {
			const { text, context } = valueToJson(runtime, value, { strict: true, copyToStore: true });
			return stringWithContext(text, context);
		},
	},
	{
		name: "fromJSON",
		arity: 1,
		params: ["e"],
		fn: (runtime, value) => {
			const what = "while evaluating the first argument passed to builtins.fromJSON";
			return jsonToValue(runtime, runtime.expectPlainString(value, NO_POSITION, what));
		},
	},
];
