/**
 * Places in an env.yaml for editors: what is at an offset, what may be written there, and what the declaration of the keys says
 * of it. The text may be one that is being typed. Layer 1 (pure).
 */

import { isMap, isScalar, isSeq, type Node, type Pair, parseDocument } from "yaml";
import { environmentSchema } from "./environment-schema.ts";
import type { JsonSchema } from "./option-type.ts";

/** Keys and indexes from the top of the file. */
export type FilePath = readonly (string | number)[];

export interface FilePlace {
	readonly path: FilePath;
	/** `key`: the last step of the path is at the offset itself. */
	readonly kind: "key" | "value";
	/** Offsets of the key or scalar. */
	readonly start: number;
	readonly end: number;
	/** The scalar as text. */
	readonly text: string;
}

/** A key with what is inside, for outlines. */
export interface FileEntry {
	readonly path: FilePath;
	readonly name: string;
	readonly keyStart: number;
	readonly keyEnd: number;
	readonly end: number;
	readonly kind: "table" | "list" | "scalar";
	readonly children: readonly FileEntry[];
}

/** Larger files are refused by the parser, too. */
const MAX_LENGTH = 256 * 1024;
/** Deeper nesting is refused, too. */
const MAX_DEPTH = 32;

/** The key or scalar at an offset. */
export function placeInFile(text: string, offset: number): FilePlace | undefined {
	return allPlaces(text).find(({ start, end }) => start <= offset && offset <= end);
}

/** All scalars that are values. */
export function valuesInFile(text: string): readonly FilePlace[] {
	return allPlaces(text).filter(({ kind }) => kind === "value");
}

function allPlaces(text: string): FilePlace[] {
	const places: FilePlace[] = [];
	walk(contentsOf(text), [], (place) => places.push(place));
	return places;
}

function contentsOf(text: string): Node | null {
	if (text.length > MAX_LENGTH) return null;
	try {
		const document = parseDocument(text, { version: "1.2", schema: "core", logLevel: "silent", uniqueKeys: false });
		return document.contents;
	} catch (error) {
		// Nested too deeply for the stack.
		if (error instanceof RangeError) return null;
		throw error;
	}
}

function walk(node: Node | null, path: FilePath, found: (place: FilePlace) => void): void {
	if (path.length > MAX_DEPTH) return;
	if (isMap(node)) {
		for (const { key, value } of node.items as Pair<Node | null, Node | null>[]) {
			if (!isScalar(key)) continue;
			const inner = [...path, String(key.value)];
			report(key, { path: inner, kind: "key" }, found);
			walk(value, inner, found);
		}
	} else if (isSeq(node)) {
		for (const [index, item] of (node.items as (Node | null)[]).entries()) walk(item, [...path, index], found);
	} else report(node, { path, kind: "value" }, found);
}

function report(node: Node | null, at: Pick<FilePlace, "path" | "kind">, found: (place: FilePlace) => void): void {
	if (!isScalar(node) || !node.range) return;
	const text = typeof node.value === "string" ? node.value : (node.source ?? "");
	found({ ...at, start: node.range[0], end: node.range[1], text });
}

/** The keys of a file, with those inside. */
export function outlineOfFile(text: string): readonly FileEntry[] {
	return entriesOf(contentsOf(text), []);
}

function entriesOf(node: Node | null, path: FilePath): FileEntry[] {
	if (path.length > MAX_DEPTH) return [];
	if (isSeq(node)) {
		return (node.items as (Node | null)[]).flatMap((item, index) => entriesOf(item, [...path, index]));
	}
	if (!isMap(node)) return [];
	return (node.items as Pair<Node | null, Node | null>[]).flatMap(({ key, value }) => {
		if (!isScalar(key) || !key.range) return [];
		const name = String(key.value);
		const inner = [...path, name];
		return {
			path: inner,
			name,
			keyStart: key.range[0],
			keyEnd: key.range[1],
			end: Math.max(key.range[1], value?.range?.[1] ?? 0),
			kind: isMap(value) ? "table" : isSeq(value) ? "list" : "scalar",
			children: entriesOf(value, inner),
		};
	});
}

/** What is being written at an offset. */
export interface WrittenPlace {
	/** Of the table for a key; of the value for a value. */
	readonly path: FilePath;
	readonly kind: "key" | "value";
	/** What is replaced. */
	readonly start: number;
	readonly end: number;
	/** Keys that the table has already; none for a value. */
	readonly siblings: readonly string[];
}

const CURSOR = "cursor_8f3a";

/** What may be written at an offset: a key of a table, or a value; several where both may stand. */
export function writtenPlaces(text: string, offset: number): readonly WrittenPlace[] {
	const lineStart = text.lastIndexOf("\n", offset - 1) + 1;
	const before = text.slice(lineStart, offset);
	if (/(?:^|\s)#/.test(before)) return [];
	const [word = ""] = /[^\s,[\]{}"':]*(?:(?<=\w):(?!\s)[^\s,[\]{}"']*)*$/.exec(before) ?? [];
	const [rest = ""] = /^[^\s,[\]{}"':]*/.exec(text.slice(offset)) ?? [];
	const start = offset - word.length;
	const end = offset + rest.length;
	const around = [text.slice(0, start), text.slice(end)] as const;
	const found: WrittenPlace[] = [];
	const startsLine = /^[\s-]*$/.test(text.slice(lineStart, start));
	const hasColon = /^[ \t]*:/.test(around[1]);
	// A name alone is a value to YAML; as a key it has its colon.
	for (const cursor of startsLine && !hasColon ? [`${CURSOR}:`, CURSOR] : [CURSOR]) {
		const places = allPlaces(around[0] + cursor + around[1]);
		for (const place of places) {
			if (place.text !== CURSOR) continue;
			const path = place.kind === "key" ? place.path.slice(0, -1) : place.path;
			if (found.some((each) => each.kind === place.kind && isSamePath(each.path, path))) continue;
			const siblings = place.kind === "key" ? keysOf(places, path).filter((name) => name !== CURSOR) : [];
			found.push({ path, kind: place.kind, start, end, siblings });
		}
	}
	return found;
}

/** The keys of the table at a path. */
function keysOf(places: readonly FilePlace[], table: FilePath): string[] {
	return places.flatMap(({ kind, path }) => {
		const last = path.at(-1);
		return kind === "key" && typeof last === "string" && isSamePath(path.slice(0, -1), table) ? [last] : [];
	});
}

function isSamePath(left: FilePath, right: FilePath): boolean {
	return left.length === right.length && left.every((step, index) => step === right[index]);
}

/** What the declaration allows at a path: each of the alternatives as a schema. Empty where nothing is allowed. */
export function schemasAt(path: FilePath): readonly JsonSchema[] {
	let schemas = alternatives(environmentSchema());
	for (const step of path) {
		schemas = schemas.flatMap((schema) => {
			if (typeof step === "number") return alternatives(schema["items"]);
			const properties = schema["properties"] as Readonly<Record<string, unknown>> | undefined;
			if (properties !== undefined && Object.hasOwn(properties, step)) return alternatives(properties[step]);
			return alternatives(schema["additionalProperties"]);
		});
	}
	return schemas;
}

/** The schema, or those that it offers to choose from, with its description. */
function alternatives(schema: unknown): JsonSchema[] {
	if (typeof schema !== "object" || schema === null) return [];
	const { oneOf, ...rest } = schema as JsonSchema;
	// A record's `oneOf` says which keys go together.
	const choices = Array.isArray(oneOf)
		? (oneOf as JsonSchema[]).filter((each) => Object.keys(each).join() !== "required")
		: [];
	if (choices.length === 0) return [schema as JsonSchema];
	const { description } = rest;
	return choices.flatMap((each) => alternatives(description === undefined ? each : { description, ...each }));
}
