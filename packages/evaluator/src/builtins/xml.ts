/** Values as XML. Layer 1, pure. The form is that of Nix's `toXML` and `nix-instantiate --xml`. */

import type { Runtime } from "../eval/runtime.ts";
import { NO_POSITION, type Position } from "../syntax/position.ts";
import { Attrs } from "../value/attrs.ts";
import { Lambda, type BuiltinDefinition } from "../value/function.ts";
import { Thunk } from "../value/thunk.ts";
import { ContextString, isInt, isList, NixFloat, NixPath, stringWithContext, type Lazy } from "../value/value.ts";
import { formatFloat } from "../value/format-float.ts";
import type { SerializedValue } from "./json.ts";

export interface XmlOptions {
	/** Evaluate what is not evaluated yet; else it is written as `<unevaluated />`. */
	readonly strict: boolean;
	/** Write where attributes and functions are defined. */
	readonly location: boolean;
}

/** Writes a value as an XML document. */
export function valueToXml(runtime: Runtime, value: Lazy, options: XmlOptions): SerializedValue {
	const writer = new XmlWriter(runtime, options);
	writer.open("expr");
	writer.write(value);
	writer.close();
	return { text: writer.text, context: writer.context };
}

type XmlAttributes = Readonly<Record<string, string>>;

class XmlWriter {
	text = "<?xml version='1.0' encoding='utf-8'?>\n";
	readonly context: Set<string> = new Set<string>();
	readonly #runtime: Runtime;
	readonly #options: XmlOptions;
	readonly #open: string[] = [];
	/** Derivations whose attributes are written already. */
	readonly #derivations = new Set<string>();

	constructor(runtime: Runtime, options: XmlOptions) {
		this.#runtime = runtime;
		this.#options = options;
	}

	open(name: string, attributes: XmlAttributes = {}): void {
		this.text += `${this.#indent()}<${name}${formatAttributes(attributes)}>\n`;
		this.#open.push(name);
	}

	close(): void {
		const name = this.#open.pop() ?? "";
		this.text += `${this.#indent()}</${name}>\n`;
	}

	/** Writes a value; one that contains itself ends at the limit of nested calls. */
	write(lazy: Lazy): void {
		this.#runtime.nested(NO_POSITION, () => {
			this.#write(lazy);
		});
	}

	#write(lazy: Lazy): void {
		const value = this.#evaluated(lazy);
		if (value === null) {
			this.#empty("null");
		} else if (typeof value === "string") {
			this.#empty("string", { value });
		} else if (isInt(value)) {
			this.#empty("int", { value: value.toString() });
		} else if (typeof value === "boolean") {
			this.#empty("bool", { value: value ? "true" : "false" });
		} else if (value instanceof ContextString) {
			for (const element of value.context) this.context.add(element);
			this.#empty("string", { value: value.text });
		} else if (value instanceof NixPath) {
			this.#runtime.place.seen(value.path);
			this.#empty("path", { value: value.path });
		} else if (value instanceof NixFloat) {
			this.#empty("float", { value: formatFloat(value.value) });
		} else if (value instanceof Attrs) {
			this.#writeSet(value);
		} else if (isList(value)) {
			this.open("list");
			for (const item of value) this.write(item);
			this.close();
		} else if (value instanceof Lambda) {
			this.#writeLambda(value);
		} else {
			this.#empty("unevaluated");
		}
	}

	#indent(): string {
		return "  ".repeat(this.#open.length);
	}

	#empty(name: string, attributes: XmlAttributes = {}): void {
		this.text += `${this.#indent()}<${name}${formatAttributes(attributes)} />\n`;
	}

	#evaluated(lazy: Lazy): Lazy {
		if (this.#options.strict) return this.#runtime.force(lazy);
		return lazy instanceof Thunk && lazy.evaluated ? this.#runtime.force(lazy) : lazy;
	}

	#writeSet(attrs: Attrs): void {
		if (!this.#runtime.isDerivation(attrs)) {
			this.open("attrs");
			this.#writeAttributes(attrs);
			this.close();
			return;
		}
		const drvPath = this.#stringOf(attrs, "drvPath");
		const outPath = this.#stringOf(attrs, "outPath");
		this.open("derivation", {
			...(drvPath === undefined ? {} : { drvPath }),
			...(outPath === undefined ? {} : { outPath }),
		});
		if (drvPath !== undefined && drvPath !== "" && !this.#derivations.has(drvPath)) {
			this.#derivations.add(drvPath);
			this.#writeAttributes(attrs);
		} else {
			this.#empty("repeated");
		}
		this.close();
	}

	#stringOf(attrs: Attrs, name: string): string | undefined {
		const lazy = attrs.get(name);
		if (lazy === undefined) return undefined;
		const value = this.#evaluated(lazy);
		return value instanceof ContextString ? value.text : typeof value === "string" ? value : undefined;
	}

	#writeAttributes(attrs: Attrs): void {
		const values = attrs.values;
		for (const [index, name] of attrs.names.entries()) {
			this.open("attr", { ...this.#location(attrs.positionOf(name)), name });
			this.write(values[index] as Lazy);
			this.close();
		}
	}

	#location(position: Position): XmlAttributes {
		if (!this.#options.location) return {};
		const resolved = this.#runtime.positions.resolve(position);
		if (resolved === undefined) return {};
		const path = resolved.origin.kind === "file" ? { path: resolved.origin.path } : {};
		return { ...path, line: String(resolved.line), column: String(resolved.column) };
	}

	#writeLambda(lambda: Lambda): void {
		this.open("function", this.#location(lambda.code.position));
		const { argName, formals } = lambda.code;
		if (formals === undefined) {
			this.#empty("varpat", { name: argName ?? "" });
		} else {
			this.open("attrspat", {
				...(formals.ellipsis ? { ellipsis: "1" } : {}),
				...(argName === undefined ? {} : { name: argName }),
			});
			const names = formals.entries.map((formal) => formal.name).sort();
			for (const name of names) this.#empty("attr", { name });
			this.close();
		}
		this.close();
	}
}

const escapes: Readonly<Record<string, string>> = {
	'"': "&quot;",
	"<": "&lt;",
	">": "&gt;",
	"&": "&amp;",
	"\n": "&#xA;",
};

function formatAttributes(attributes: XmlAttributes): string {
	return Object.keys(attributes)
		.sort()
		.map((name) => ` ${name}="${(attributes[name] ?? "").replace(/["<>&\n]/g, (each) => escapes[each] ?? each)}"`)
		.join("");
}

export const xmlBuiltins: readonly BuiltinDefinition[] = [
	{
		name: "toXML",
		arity: 1,
		params: ["e"],
		fn: (runtime, value) => {
			const { text, context } = valueToXml(runtime, value, { strict: true, location: false });
			return stringWithContext(text, context);
		},
	},
];
