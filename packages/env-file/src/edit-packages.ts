/**
 * Adds packages to the text of an env.yaml and takes them out again. Only the entries themselves are written: the text is
 * spliced at places that the YAML parser's tokens give, so that comments, order, quotes, the style of collections and line
 * ends of everything else stay byte for byte. Layer 1 (pure).
 */

import { DiagnosticError, type Source, diagnose, fail } from "@devenv/diagnostics";
import { type CST, type Pair, type Scalar, type YAMLMap, type YAMLSeq, isMap, isScalar, isSeq, parse } from "yaml";
import { DEFAULT_INPUT, type EnvSpec } from "./env-spec.ts";
import { packagePattern } from "./environment-options.ts";
import type { EnvFileText } from "./file-text.ts";
import { expectEnvSpec, parseEnvFile } from "./parse-env-file.ts";
import type { ImportReader } from "./read-declarations.ts";
import { readYaml } from "./yaml-text.ts";

/** What an edit made of a text; requests are as they were given. */
export interface PackagesEdit {
	readonly text: string;
	/** Requests that the edit put in or took out. */
	readonly done: readonly string[];
	/** Requests for which there was nothing to do. */
	readonly idle: readonly string[];
}

/** A replacement of `text[start, end)`. */
interface Splice {
	readonly start: number;
	readonly end: number;
	readonly text: string;
}

/** What tells packages apart: `jq` and `debian#jq` are one. Versions and outputs do not count. */
export function packageKey(request: string): string {
	const name = request.replace(/@.*$/, "");
	return name.includes("#") ? name : `${DEFAULT_INPUT}#${name}`;
}

/** Refuses requests that are no package names, all at once. Throws `USAGE_PACKAGE`. */
export function requirePackageNames(requests: readonly string[]): void {
	const bad = requests.filter((request) => !packagePattern.test(request) || request.length > 256);
	if (bad.length === 0) return;
	throw new DiagnosticError(
		bad.map((request) =>
			diagnose("USAGE_PACKAGE", `${JSON.stringify(request)} is not the name of a package`, {
				hint: "a package is `attr` or `input#attr`; `devenv search WORD` finds names",
			}),
		),
	);
}

export interface EditOptions {
	/** env.local.yaml, when there is one: its inputs and packages count, and it stays as it is. */
	readonly local?: EnvFileText;
	/** Finds what `imports` names; what is declared there counts, and stays as it is. */
	readonly readImport?: ImportReader;
	/** There is an env.nix, which may say more. */
	readonly incomplete?: boolean;
}

/**
 * Adds requests at the end of `packages`, which is made where it is absent. Throws `USAGE_PACKAGE`, what is wrong with the
 * text as it is or would be (`ENV_…`), and `EDIT_UNSUPPORTED` where it is written in a way that cannot be added to.
 */
export function addPackages(file: EnvFileText, requests: readonly string[], options: EditOptions = {}): PackagesEdit {
	requirePackageNames(requests);
	const spec = expectEnvSpec(parseEnvFile(file, options));
	const place = findPackages(file);
	const present = new Set([
		...place.entries.map(({ key }) => key),
		...spec.packages.map(({ text }) => packageKey(text)),
	]);
	const done: string[] = [];
	for (const request of requests) {
		const key = packageKey(request);
		if (present.has(key)) continue;
		present.add(key);
		done.push(request);
	}
	const idle = requests.filter((request) => !done.includes(request));
	const words = done.map((request) => (parse(request) === request ? request : JSON.stringify(request)));
	const splices = done.length === 0 ? [] : additions(place, words);
	const expected = [...place.entries.map(({ key }) => key), ...done.map(packageKey)];
	return { text: edited(place, { spec, options }, splices, expected), done, idle };
}

/**
 * Takes every entry of the requested packages out of `packages`, with the comment on the entry's own line. Throws as
 * {@link addPackages} does.
 */
export function removePackages(
	file: EnvFileText,
	requests: readonly string[],
	options: EditOptions = {},
): PackagesEdit {
	requirePackageNames(requests);
	const spec = expectEnvSpec(parseEnvFile(file, options));
	const place = findPackages(file);
	const wanted = new Set(requests.map(packageKey));
	const gone = place.entries.filter(({ key }) => wanted.has(key));
	const found = new Set(gone.map(({ key }) => key));
	const done = requests.filter((request) => found.has(packageKey(request)));
	const idle = requests.filter((request) => !found.has(packageKey(request)));
	const { seq } = place;
	const remove = seq?.flow === true ? removeFromFlow : removeFromBlock;
	const splices = seq === undefined || gone.length === 0 ? [] : remove(place, seq, gone);
	const expected = place.entries.filter(({ key }) => !wanted.has(key)).map(({ key }) => key);
	return { text: edited(place, { spec, options }, splices, expected), done, idle };
}

/** The edited text, once it is known to say what was meant: these packages, and everything else as before. */
function edited(
	place: PackagesPlace,
	before: { readonly spec: EnvSpec; readonly options: EditOptions },
	splices: readonly Splice[],
	expected: readonly string[],
): string {
	const { source, byteOrderMark } = place;
	const file = { file: source.file, content: apply(source.text, splices) };
	const { spec, diagnostics } = parseEnvFile(file, before.options);
	// The edit itself names the input.
	const unknown = diagnostics.filter(({ code }) => code === "ENV_UNKNOWN_INPUT");
	if (unknown.length > 0) throw new DiagnosticError(unknown);
	const same =
		spec !== undefined &&
		otherThanPackages(spec) === otherThanPackages(before.spec) &&
		JSON.stringify(findPackages(file).entries.map(({ key }) => key)) === JSON.stringify(expected);
	return same ? byteOrderMark + file.content : unsupported(source, place.seq?.start ?? 0);
}

function otherThanPackages(spec: EnvSpec): string {
	return JSON.stringify({ ...spec, packages: [] }, (key, value: unknown) => (key === "location" ? undefined : value));
}

/** An entry of the list, by the places of its value. */
interface Entry {
	readonly key: string;
	readonly start: number;
	/** After the value's last character. */
	readonly end: number;
	/** Its token in the list. */
	readonly index: number;
}

interface ListPlace {
	readonly flow: boolean;
	readonly token: CST.BlockSequence | CST.FlowCollection;
	/** Where it begins. */
	readonly start: number;
	readonly itemEnds: readonly number[];
	readonly itemStarts: readonly number[];
}

interface PackagesPlace {
	readonly source: Source;
	readonly map: YAMLMap | undefined;
	/** The pair of `packages`, where there is one. */
	readonly pair: Pair | undefined;
	readonly seq: ListPlace | undefined;
	readonly entries: readonly Entry[];
	readonly lineEnd: string;
	/** As the text began with it, or empty. */
	readonly byteOrderMark: string;
}

function findPackages(file: EnvFileText): PackagesPlace {
	const yaml = readYaml(file, "ENV", { keepSourceTokens: true });
	if (!("document" in yaml)) throw new DiagnosticError(yaml);
	const { document } = yaml;
	const { source } = yaml;
	const { content } = file;
	const marked =
		typeof content === "string" ? content.startsWith("\ufeff") : content[0] === 0xef && content[1] === 0xbb;
	const byteOrderMark = marked && !source.text.startsWith("\ufeff") ? "\ufeff" : "";
	const lineEnd = /\r?\n/.exec(source.text)?.[0] ?? "\n";
	const base = { source, lineEnd, byteOrderMark, seq: undefined, pair: undefined, entries: [] };
	const { contents } = document;
	if (contents === null || (isScalar(contents) && contents.value === null)) return { ...base, map: undefined };
	if (!isMap(contents)) return unsupported(source, 0);
	const pair = (contents.items as Pair[]).find(({ key }) => isScalar(key) && key.value === "packages");
	const value = pair?.value;
	if (value === undefined || value === null || (isScalar(value) && value.value === null)) {
		return { ...base, map: contents, pair };
	}
	if (!isSeq(value)) return unsupported(source, contents.range[0]);
	const seq = listPlace(value, source);
	const entries = value.items.flatMap((item, index): Entry[] => {
		const written = isScalar(item) ? item : isMap(item) ? fromOf(item) : undefined;
		if (written === undefined || typeof written.value !== "string") return [];
		const start = seq.itemStarts[index] ?? 0;
		return [{ key: packageKey(written.value), start, end: seq.itemEnds[index] ?? start, index }];
	});
	return { ...base, map: contents, pair, seq, entries };
}

/** The package that a table entry is about. */
function fromOf(item: YAMLMap): Scalar | undefined {
	const pair = item.items.find(({ key }) => isScalar(key) && key.value === "from");
	return isScalar(pair?.value) ? pair.value : undefined;
}

function listPlace(seq: YAMLSeq, source: Source): ListPlace {
	const token = seq.srcToken;
	if (token?.type !== "block-seq" && token?.type !== "flow-collection") {
		return unsupported(source, seq.range?.[0] ?? 0);
	}
	const starts: number[] = [];
	const ends: number[] = [];
	for (const item of seq.items) {
		const range = (item as { readonly range?: readonly [number, number, number] | null }).range;
		if (range === undefined || range === null) return unsupported(source, seq.range?.[0] ?? 0);
		starts.push(range[0]);
		// A block collection's range reaches over what follows it.
		ends.push(range[0] + source.text.slice(range[0], range[1]).trimEnd().length);
	}
	const flow = token.type === "flow-collection";
	return { flow, token, start: flow ? token.start.offset : token.offset, itemStarts: starts, itemEnds: ends };
}

function unsupported(source: Source, offset: number): never {
	return fail("EDIT_UNSUPPORTED", `${source.file} is written in a way that cannot be edited for you`, {
		location: source.locate(offset),
		hint: "write the packages by hand, as a list: packages: [jq, ripgrep]",
	});
}

function additions(place: PackagesPlace, words: readonly string[]): Splice[] {
	const { source, map, pair, seq, lineEnd } = place;
	const { text } = source;
	const list = `[${words.join(", ")}]`;
	if (map === undefined) return [atEnd(text, `packages: ${list}`, lineEnd)];
	if (seq !== undefined) return seq.flow ? addToFlow(place, seq, words) : addToBlock(place, seq, words);
	if (pair !== undefined) return [fillEmpty(place, pair, list)];
	const token = map.srcToken;
	if (token?.type === "flow-collection") return [addPair(place, token, `packages: ${list}`)];
	if (token?.type !== "block-map") return unsupported(source, map.range?.[0] ?? 0);
	return [atEnd(text, `${" ".repeat(token.indent)}packages: ${list}`, lineEnd)];
}

/** A further line at the end of the text, which ends in a line end afterwards only if it did before. */
function atEnd(text: string, line: string, lineEnd: string): Splice {
	const at = text.length;
	const ended = text === "" || text.endsWith("\n");
	return { start: at, end: at, text: ended ? `${line}${lineEnd}` : `${lineEnd}${line}` };
}

/** Puts a list where `packages:` stands without a value, or with `null`. */
function fillEmpty({ source }: PackagesPlace, pair: Pair, list: string): Splice {
	const { value } = pair;
	if (isScalar(value) && value.range && value.range[1] > value.range[0]) {
		return { start: value.range[0], end: value.range[1], text: list };
	}
	const key = (pair.key as Scalar).range;
	const colon = key ? source.text.indexOf(":", key[1]) : -1;
	if (!key || colon < 0 || source.text.slice(key[1], colon).trim() !== "") return unsupported(source, key?.[0] ?? 0);
	return { start: colon + 1, end: colon + 1, text: ` ${list}` };
}

/** Adds `packages` to a whole file written as one `{ … }`. */
function addPair({ source }: PackagesPlace, token: CST.FlowCollection, pair: string): Splice {
	const close = closingOf(token, source);
	const open = token.start.offset + 1;
	const inner = source.text.slice(open, close);
	if (/[\r\n#]/.test(inner) || /,\s*$/.test(inner)) return unsupported(source, token.start.offset);
	const end = open + inner.trimEnd().length;
	if (inner.trim() === "") return { start: open, end: close, text: ` ${pair} ` };
	return { start: end, end, text: `, ${pair}` };
}

function closingOf(token: CST.FlowCollection, source: Source): number {
	const close = token.end.find(({ type }) => type === "flow-seq-end" || type === "flow-map-end");
	return close?.offset ?? unsupported(source, token.start.offset);
}

function addToBlock(place: PackagesPlace, seq: ListPlace, words: readonly string[]): Splice[] {
	const { source, lineEnd } = place;
	const { text } = source;
	const last = seq.itemStarts.length - 1;
	const dash = dashOf(seq, last, source);
	const indent = indentBefore(text, dash) ?? unsupported(source, dash);
	const end = endOfLine(text, seq.itemEnds[last] ?? dash);
	const lines = words.map((word) => `${indent}- ${word}`);
	if (end === text.length && !text.endsWith("\n")) {
		return [{ start: end, end, text: lines.map((line) => `${lineEnd}${line}`).join("") }];
	}
	return [{ start: end, end, text: lines.map((line) => `${line}${lineEnd}`).join("") }];
}

function addToFlow(place: PackagesPlace, seq: ListPlace, words: readonly string[]): Splice[] {
	const { source, lineEnd } = place;
	const { text } = source;
	const close = closingOf(seq.token as CST.FlowCollection, source);
	const last = seq.itemStarts.length - 1;
	if (last < 0) {
		const open = seq.start + 1;
		const inner = text.slice(open, close);
		if (!inner.includes("\n")) {
			return [{ start: open, end: open, text: `${inner.startsWith(" ") ? " " : ""}${words.join(", ")}` }];
		}
		// Comments stand between the brackets: the closing one must be on a line of its own.
		const indent = indentBefore(text, close) ?? unsupported(source, close);
		const at = close - indent.length;
		return [{ start: at, end: at, text: words.map((word) => `${indent}  ${word},${lineEnd}`).join("") }];
	}
	const start = seq.itemStarts[last] ?? 0;
	const end = seq.itemEnds[last] ?? start;
	const indent = indentBefore(text, start);
	const rest = text.slice(end, endOfLine(text, end));
	// On lines of their own: so are the new ones. A comma after the last one is kept a habit.
	if (indent !== undefined && /^\s*,?\s*(?:#.*)?\r?\n$/.test(rest)) {
		const comma = /^\s*,/.test(rest);
		const at = end + rest.length;
		const lines = words.map(
			(word, index) => `${indent}${word}${comma || index < words.length - 1 ? "," : ""}${lineEnd}`,
		);
		const added = { start: at, end: at, text: lines.join("") };
		return comma ? [added] : [{ start: end, end, text: "," }, added];
	}
	return [{ start: end, end, text: `, ${words.join(", ")}` }];
}

function removeFromBlock(place: PackagesPlace, seq: ListPlace, gone: readonly Entry[]): Splice[] {
	const { source, pair } = place;
	const { text } = source;
	const splices = gone.map(({ index, end }): Splice => {
		const dash = dashOf(seq, index, source);
		const indent = indentBefore(text, dash) ?? unsupported(source, dash);
		return { start: dash - indent.length, end: endOfLine(text, end), text: "" };
	});
	const last = splices.at(-1);
	if (last?.end === text.length && !text.endsWith("\n")) {
		// The text ends without a line end afterwards too.
		let from = splices.length - 1;
		while (from > 0 && splices[from - 1]?.end === splices[from]?.start) from--;
		const first = splices[from];
		if (first !== undefined) {
			const before = text.slice(0, first.start).replace(/\r?\n$/, "").length;
			splices.splice(from, splices.length - from, { start: before, end: text.length, text: "" });
		}
	}
	if (gone.length < seq.itemStarts.length) return splices;
	const key = (pair?.key as Scalar).range;
	const colon = key ? text.indexOf(":", key[1]) : -1;
	if (colon < 0) return unsupported(source, seq.start);
	return [{ start: colon + 1, end: colon + 1, text: " []" }, ...splices];
}

function removeFromFlow(place: PackagesPlace, seq: ListPlace, gone: readonly Entry[]): Splice[] {
	const { source } = place;
	const { text } = source;
	const count = seq.itemStarts.length;
	const removed = new Set(gone.map(({ index }) => index));
	const kept = [...Array(count).keys()].filter((index) => !removed.has(index));
	const lastKept = kept.at(-1);
	const splices: Splice[] = [];
	for (const { index, start, end } of gone) {
		const indent = indentBefore(text, start);
		const lineStop = endOfLine(text, end);
		const rest = text.slice(end, lineStop);
		if (indent !== undefined && /^\s*,?\s*(?:#.*)?\r?\n$/.test(rest)) {
			splices.push({ start: start - indent.length, end: lineStop, text: "" });
			continue;
		}
		const comma = /^\s*,[ \t]*/.exec(rest);
		if (comma !== null && (lastKept === undefined || index < lastKept)) {
			// A comment needs its space.
			const length = rest.charAt(comma[0].length) === "#" ? comma[0].trimEnd().length : comma[0].length;
			splices.push({ start, end: end + length, text: "" });
			continue;
		}
		// The last ones go with the comma before them.
		const before = index === 0 ? start : (seq.itemEnds[index - 1] ?? start);
		const gap = text.slice(before, start);
		const spaces = /^\s*,[ \t]*$/.test(gap) ? gap.length : 0;
		splices.push({
			start: start - spaces,
			end: lastKept === undefined ? end + (comma?.[0].length ?? 0) : end,
			text: "",
		});
	}
	return merged(splices);
}

/** Where the dash of an item stands. */
function dashOf(seq: ListPlace, index: number, source: Source): number {
	const dash = seq.token.items[index]?.start.find(({ type }) => type === "seq-item-ind");
	return dash?.offset ?? unsupported(source, seq.start);
}

/** The white space that begins the line of `at`, if nothing else stands before it. */
function indentBefore(text: string, at: number): string | undefined {
	const line = text.slice(text.lastIndexOf("\n", at - 1) + 1, at);
	return /^[ \t]*$/.test(line) ? line : undefined;
}

/** After the line end of the line of `at`. */
function endOfLine(text: string, at: number): number {
	const end = text.indexOf("\n", at);
	return end < 0 ? text.length : end + 1;
}

function merged(splices: readonly Splice[]): Splice[] {
	const result: Splice[] = [];
	for (const splice of splices) {
		const before = result.at(-1);
		if (before !== undefined && before.end > splice.start) {
			result[result.length - 1] = { ...before, end: Math.max(before.end, splice.end) };
		} else result.push(splice);
	}
	return result;
}

/** Replaces places that are in order and do not overlap. */
function apply(text: string, splices: readonly Splice[]): string {
	let at = 0;
	let result = "";
	for (const splice of splices) {
		if (splice.start < at) throw new Error("edits of env.yaml overlap");
		result += text.slice(at, splice.start) + splice.text;
		at = splice.end;
	}
	return result + text.slice(at);
}
