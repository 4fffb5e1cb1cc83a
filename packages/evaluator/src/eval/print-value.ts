/**
 * Values as text: as `nix-instantiate --eval` prints them, and shortened as error messages show them. Layer 1, pure.
 *
 * Nothing is evaluated here; what has not been evaluated is shown as such.
 */

import { bytesFromText } from "@devenv/nix-formats";
import { printIdentifier, printString } from "../syntax/print-expr.ts";
import { Attrs } from "../value/attrs.ts";
import { formatFloat } from "../value/format-float.ts";
import { Lambda, PartialApplication, PrimOp } from "../value/function.ts";
import { Thunk } from "../value/thunk.ts";
import { ContextString, isInt, isList, type Lazy, NixFloat, NixPath, type Value } from "../value/value.ts";
import { BLACKHOLE } from "./code.ts";

const REPEATED = bytesFromText("«repeated»");
const RECURSION = bytesFromText("«potential infinite recursion»");
const LEFT = bytesFromText("«");
const RIGHT = bytesFromText("»");

/** As `nix-instantiate --eval` prints: on one line, `<CODE>` for what has not been evaluated. */
export function printValue(value: Lazy, look: Look): string {
	const printer = new PlainPrinter(look);
	printer.print(value);
	return printer.out.join("");
}

/** Told of what is shown, since a text depends on it. */
export interface Look {
	/** The value of an evaluated thunk. */
	readonly force: (thunk: Thunk) => Value;
	readonly seen: (path: string) => void;
}

class PlainPrinter {
	readonly out: string[] = [];
	readonly #seen = new Set<unknown>();
	readonly #look: Look;

	constructor(look: Look) {
		this.#look = look;
	}

	print(lazy: Lazy): void {
		const { out } = this;
		const seen = this.#seen;
		let value = lazy;
		if (value instanceof Thunk) {
			if (!value.evaluated) {
				out.push(value.code === BLACKHOLE ? RECURSION : "<CODE>");
				return;
			}
			value = this.#look.force(value);
		}
		if (value instanceof Attrs) {
			if (value.size > 0 && !addNew(seen, value)) {
				out.push(REPEATED);
				return;
			}
			out.push("{ ");
			for (const [i, name] of value.names.entries()) {
				out.push(printIdentifier(name), " = ");
				this.print(value.values[i] as Lazy);
				out.push("; ");
			}
			out.push("}");
		} else if (isList(value)) {
			// The thunk is the list's identity in Nix; two thunks with one list in them are printed twice.
			if (value.length > 0 && !addNew(seen, lazy)) {
				out.push(REPEATED);
				return;
			}
			out.push("[ ");
			for (const element of value) {
				this.print(element);
				out.push(" ");
			}
			out.push("]");
		} else if (value instanceof Lambda) out.push("<LAMBDA>");
		else if (value instanceof PrimOp) out.push(value.name === "derivation" ? "<LAMBDA>" : "<PRIMOP>");
		else if (value instanceof PartialApplication) out.push("<PRIMOP-APP>");
		else out.push(printScalar(value, this.#look));
	}
}

function addNew(seen: Set<unknown>, value: unknown): boolean {
	if (seen.has(value)) return false;
	seen.add(value);
	return true;
}

function printScalar(value: Lazy, look: Look): string {
	if (typeof value === "string") return printString(value);
	if (value instanceof ContextString) return printString(value.text);
	if (value instanceof NixFloat) return formatFloat(value.value);
	if (value instanceof NixPath) {
		look.seen(value.path);
		return value.path;
	}
	if (isInt(value) || typeof value === "boolean") return String(value);
	return "null";
}

/** Limits of {@link printBrief}; Nix's for error messages by default. */
export interface BriefLimits {
	readonly depth: number;
	readonly attrs: number;
	readonly items: number;
	readonly bytes: number;
}

const errorLimits: BriefLimits = { depth: 10, attrs: 10, items: 10, bytes: 1024 };

export const NO_LIMITS: BriefLimits = {
	depth: Number.POSITIVE_INFINITY,
	attrs: Number.POSITIVE_INFINITY,
	items: Number.POSITIVE_INFINITY,
	bytes: Number.POSITIVE_INFINITY,
};

/** As error messages and `builtins.trace` show values; `describe` turns a lambda into `name @ position`. */
export function printBrief(
	value: Lazy,
	show: { readonly describe: (lambda: Lambda) => string; readonly look: Look },
	limits: BriefLimits = errorLimits,
): string {
	const printer = new BriefPrinter(show, limits);
	printer.print(value, 0);
	return printer.out.join("");
}

class BriefPrinter {
	readonly out: string[] = [];
	readonly #describe: (lambda: Lambda) => string;
	readonly #look: Look;
	readonly #limits: BriefLimits;
	readonly #seen = new Set<unknown>();
	#attrs = 0;
	#items = 0;

	constructor(
		{ describe, look }: { readonly describe: (lambda: Lambda) => string; readonly look: Look },
		limits: BriefLimits,
	) {
		this.#describe = describe;
		this.#look = look;
		this.#limits = limits;
	}

	print(lazy: Lazy, depth: number): void {
		let value = lazy;
		if (value instanceof Thunk) {
			if (!value.evaluated) {
				this.out.push(value.code === BLACKHOLE ? RECURSION : `${LEFT}thunk${RIGHT}`);
				return;
			}
			value = this.#look.force(value);
		}
		if (value instanceof Attrs) this.#printAttrs(value, depth);
		else if (isList(value)) this.#printList(value, lazy, depth);
		else if (value instanceof Lambda) this.out.push(`${LEFT}lambda${this.#describe(value)}${RIGHT}`);
		else if (value instanceof PrimOp) this.out.push(`${LEFT}primop ${value.name}${RIGHT}`);
		else if (value instanceof PartialApplication) {
			this.out.push(`${LEFT}partially applied primop ${value.primOp.name}${RIGHT}`);
		} else if (typeof value === "string") this.#printString(value);
		else if (value instanceof ContextString) this.#printString(value.text);
		else this.out.push(printScalar(value, this.#look));
	}

	#printString(text: string): void {
		const { bytes } = this.#limits;
		if (text.length <= bytes) this.out.push(printString(text));
		else this.out.push(`${printString(text.slice(0, bytes))} `, elided(text.length - bytes, "byte"));
	}

	#printAttrs(attrs: Attrs, depth: number): void {
		if (!addNew(this.#seen, attrs)) this.out.push(REPEATED);
		else if (depth >= this.#limits.depth) this.out.push("{ ... }");
		else {
			this.out.push("{");
			const { names, values } = attrs;
			const order = names.map((_, i) => i);
			if (this.#limits.attrs !== Number.POSITIVE_INFINITY) {
				order.sort((a, b) => Number(isImportant(names[b])) - Number(isImportant(names[a])) || a - b);
			}
			for (const [printed, i] of order.entries()) {
				this.out.push(" ");
				if (this.#attrs >= this.#limits.attrs) {
					this.out.push(elided(order.length - printed, "attribute"));
					break;
				}
				this.out.push(printIdentifier(names[i] as string), " = ");
				this.print(values[i] as Lazy, depth + 1);
				this.out.push(";");
				this.#attrs++;
			}
			this.out.push(" }");
		}
	}

	#printList(list: readonly Lazy[], identity: Lazy, depth: number): void {
		if (list.length > 0 && !addNew(this.#seen, identity)) this.out.push(REPEATED);
		else if (depth >= this.#limits.depth) this.out.push("[ ... ]");
		else {
			this.out.push("[");
			for (const [printed, element] of list.entries()) {
				this.out.push(" ");
				if (this.#items >= this.#limits.items) {
					this.out.push(elided(list.length - printed, "item"));
					break;
				}
				this.print(element, depth + 1);
				this.#items++;
			}
			this.out.push(" ]");
		}
	}
}

function isImportant(name: string | undefined): boolean {
	return name === "type" || name === "_type";
}

function elided(count: number, noun: string): string {
	return `${LEFT}${count} ${noun}${count === 1 ? "" : "s"} elided${RIGHT}`;
}
