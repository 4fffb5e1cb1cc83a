/**
 * The building blocks of an option declaration: each type decodes a YAML node, describes itself as JSON Schema, and
 * names itself for messages and for the reference. One declaration built of them is the only truth about a file's
 * keys. Layer 1 (pure).
 */

import { type Diagnostic, type DiagnosticDetail, type Location, type Source, diagnose } from "@devenv/diagnostics";
import { type Document, type Node, type Scalar, isAlias, isMap, isScalar, isSeq } from "yaml";
import type { FileArea } from "./file-text.ts";

/** A JSON Schema (draft 7) as plain data. */
export type JsonSchema = { readonly [key: string]: unknown };

/** A value to decode: its node, aliases followed, and where to point when it is wrong. */
export interface Slot {
	readonly node: Node | null;
	readonly location: Location;
	/** The option's path for messages: `inputs.debian.url`. */
	readonly path: string;
}

export interface OptionType<T> {
	/** For "expected …": `a list of strings`. */
	readonly expects: string;
	/** The value, or undefined after reporting why there is none. */
	decode(slot: Slot, context: DecodeContext): T | undefined;
	schema(): JsonSchema;
	/** The keys inside, for the reference; paths begin with their separator: `.url`, `.<name>.url`. */
	readonly children?: readonly OptionEntry[];
}

/** One key of a record. */
export interface Field<T> {
	readonly type: OptionType<T>;
	/** One or two sentences for the reference, the schema and editors. */
	readonly description: string;
	/** As plain data, for the reference and the schema. */
	readonly example?: unknown;
	/** The default, for the reference; absent where there is none. */
	readonly fallback?: unknown;
	readonly required?: true;
}

/** A key with its declaration. */
export interface OptionEntry {
	/** Dotted, `<name>` for the user's own keys. */
	readonly path: string;
	readonly field: Field<unknown>;
}

/** Diagnostics after the twentieth say nothing new. */
const MAX_DIAGNOSTICS = 20;

/** Aliases let a small text have a huge tree; no honest environment visits more nodes. */
const MAX_NODES = 20_000;

/** What all types of one decoding share: the text, and where to report. */
export class DecodeContext {
	readonly source: Source;
	readonly area: FileArea;
	readonly diagnostics: Diagnostic[] = [];
	readonly #document: Document.Parsed;
	#visited = 0;

	constructor(source: Source, document: Document.Parsed, area: FileArea) {
		this.source = source;
		this.area = area;
		this.#document = document;
	}

	get root(): Slot {
		const node = this.#document.contents;
		const location = this.locate(node) ?? this.source.locate(0);
		return { node, location, path: "" };
	}

	/** Whether decoding has gone on too long to be worth continuing. */
	get exhausted(): boolean {
		return this.#visited > MAX_NODES || this.diagnostics.length >= MAX_DIAGNOSTICS;
	}

	/** Reports an error under the area's prefix; `code` is without it. */
	report(code: string, message: string, detail: DiagnosticDetail): void {
		if (this.diagnostics.length < MAX_DIAGNOSTICS) {
			this.diagnostics.push(diagnose(`${this.area}_${code}`, message, detail));
		}
	}

	/** A slot for a value inside another one; the key's place is used where the value has no text of its own. */
	slot(value: unknown, path: string, fallback: Location): Slot {
		this.#visited++;
		if (this.#visited === MAX_NODES + 1) {
			this.report("YAML_ALIASES", `${this.source.file} expands to more than ${MAX_NODES.toLocaleString("en")} values`, {
				location: fallback,
				hint: "write the values out instead of repeating them with aliases",
			});
		}
		const node = this.#resolve(value as Node | null);
		return { node, location: this.locate(value as Node | null) ?? fallback, path };
	}

	locate(node: Node | null): Location | undefined {
		const range = node?.range;
		if (range === undefined || range === null || range[0] === range[1]) return undefined;
		return this.source.locate(range[0], range[1]);
	}

	/** The last character before a value that has no text of its own, such as the dash of an empty list entry. */
	locateBefore(node: Node | null): Location | undefined {
		const start = node?.range?.[0];
		if (start === undefined) return undefined;
		return this.source.locate(Math.max(0, this.source.text.slice(0, start).trimEnd().length - 1));
	}

	#resolve(node: Node | null): Node | null {
		if (!isAlias(node)) return node;
		return node.resolve(this.#document) ?? null;
	}
}

/** Reports that a value has another type than expected. */
export function reportType(slot: Slot, expects: string, context: DecodeContext, hint?: string): void {
	const subject = slot.path === "" ? context.source.file : `'${slot.path}'`;
	context.report("TYPE", `${subject} must be ${expects}, not ${describeNode(slot.node)}`, {
		location: slot.location,
		...(hint === undefined ? {} : { hint }),
	});
}

/** Reports an explicit tag such as `!!binary`; true when there was one. */
export function reportTag(slot: Slot, context: DecodeContext): boolean {
	if (slot.node?.tag === undefined) return false;
	context.report("YAML_TAG", "YAML tags (!…) are not used here", {
		location: slot.location,
		hint: "delete the tag; a value that starts with ! needs quotes",
	});
	return true;
}

/** A value as it is written, for numbers and switches; `1.10` stays `1.10`. */
export function writtenText(node: Scalar): string {
	return typeof node.value === "string" ? node.value : (node.source ?? JSON.stringify(node.value));
}

/** What a node is, in the user's words, with its article. */
function describeNode(node: Node | null): string {
	if (node === null) return "nothing";
	if (isMap(node)) return "a table";
	if (isSeq(node)) return "a list";
	if (!isScalar(node)) return "an alias";
	switch (typeof node.value) {
		case "string":
			return "a string";
		case "number":
		case "bigint":
			return "a number";
		case "boolean":
			return "true or false";
		default:
			return "nothing";
	}
}
