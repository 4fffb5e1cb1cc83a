/**
 * Documents: text with the places where lines may break. Layer 1, pure.
 *
 * The idea is Wadler's pretty printer: a group is laid out on one line where it fits, else its own breaks become line
 * ends. Two things are added. A group that does not fit first tries to open only one of its `priority` groups, so that the
 * last argument of a call may span lines while the rest stays on the first and the last one. And indentation is relative
 * to the line on which a `base` begins, so that a line is never indented by more than one step above the line before.
 */

import { textFromBytes } from "@devenv/nix-formats";

export type Doc =
	| TextDoc
	| CommentDoc
	| BlankDoc
	| BreakDoc
	| LiteralDoc
	| ChoiceDoc
	| SequenceDoc
	| GroupDoc
	| NestDoc
	| BaseDoc;

export interface TextDoc {
	readonly kind: "text";
	readonly text: string;
}

/** A comment; after one that ends its line, whatever comes next begins a new one. */
export interface CommentDoc {
	readonly kind: "comment";
	readonly text: string;
	/** It stays on the line of the text before it. */
	readonly trailing: boolean;
}

/** A blank line, where a line begins; elsewhere nothing. */
export interface BlankDoc {
	readonly kind: "blank";
}

/** A line end, or `flat` where the group is on one line. */
export interface BreakDoc {
	readonly kind: "break";
	readonly flat: string;
	/** It is a line end always. */
	readonly hard: boolean;
}

/** A line end within a string: what follows is not indented (`indented` false), or by `spaces` beyond the indentation. */
export interface LiteralDoc {
	readonly kind: "literal";
	readonly indented: boolean;
	readonly spaces: number;
}

/** One of two texts: whether the group around it is on one line decides. */
export interface ChoiceDoc {
	readonly kind: "choice";
	readonly flat: string;
	readonly broken: string;
}

export interface SequenceDoc {
	readonly kind: "sequence";
	readonly parts: readonly Doc[];
	measured?: Measure;
}

export interface GroupDoc {
	readonly kind: "group";
	readonly content: Doc;
	/** May be opened alone, while the group around it stays on its lines. */
	readonly priority: boolean;
	/** The priority groups in it are those of the group around it too. */
	readonly transparent: boolean;
	/** Where it is laid out by itself, it tries its priority groups. */
	readonly tries: boolean;
	measured?: Measure;
}

/** Breaks in it are indented one step more. */
export interface NestDoc {
	readonly kind: "nest";
	readonly content: Doc;
}

/** Breaks in it are indented as the line on which it begins. */
export interface BaseDoc {
	readonly kind: "base";
	readonly content: Doc;
}

/** On one line: the width, Infinity where that cannot be; and whether only a comment at the end keeps it from going on. */
export interface Measure {
	readonly width: number;
	readonly commented: boolean;
}

/** Characters of a line, its indentation not counted. */
export const WIDTH = 100;

export const line: Doc = { kind: "break", flat: " ", hard: false };
export const soft: Doc = { kind: "break", flat: "", hard: false };
export const hard: Doc = { kind: "break", flat: "", hard: true };
export const blank: Doc = { kind: "blank" };
export const space: Doc = { kind: "text", text: " " };
export const nothing: Doc = { kind: "sequence", parts: [] };

export function text(value: string): Doc {
	return { kind: "text", text: value };
}

export function sequence(...parts: readonly Doc[]): Doc {
	return { kind: "sequence", parts };
}

interface Role {
	readonly priority: boolean;
	readonly transparent: boolean;
	readonly tries: boolean;
}

const PLAIN: Role = { priority: false, transparent: false, tries: true };

export function group(...parts: readonly Doc[]): Doc {
	return makeGroup(parts, PLAIN);
}

export function priority(...parts: readonly Doc[]): Doc {
	return makeGroup(parts, { ...PLAIN, priority: true });
}

/** A group whose priority groups the group around it may open; `tries` as in {@link GroupDoc}. */
export function transparent(tries: boolean, ...parts: readonly Doc[]): Doc {
	return makeGroup(parts, { ...PLAIN, transparent: true, tries });
}

/** A group; comments and blank lines at its beginning stand before it, as they do not keep it from one line. */
function makeGroup(parts: readonly Doc[], role: Role): Doc {
	const leading: Doc[] = [];
	const content = withoutLeading(sequence(...parts), leading);
	const made: Doc = { kind: "group", content, ...role };
	return leading.length === 0 ? made : sequence(...leading, made);
}

/** A document without what stands before its first text or break, which is added to `leading`. */
function withoutLeading(doc: Doc, leading: Doc[]): Doc {
	switch (doc.kind) {
		case "blank":
			leading.push(doc);
			return nothing;
		case "comment":
			if (doc.trailing) return doc;
			leading.push(doc);
			return nothing;
		case "base":
		case "nest":
		case "group": {
			const content = withoutLeading(doc.content, leading);
			return content === doc.content
				? doc
				: doc.kind === "group"
					? ungrouped(doc, content)
					: { kind: doc.kind, content };
		}
		case "sequence":
			for (const [i, part] of doc.parts.entries()) {
				const rest = withoutLeading(part, leading);
				if (rest !== nothing) return i === 0 && rest === part ? doc : sequence(rest, ...doc.parts.slice(i + 1));
			}
			return nothing;
		default:
			return doc;
	}
}

function ungrouped({ priority: first, transparent: through, tries }: GroupDoc, content: Doc): Doc {
	return { kind: "group", content, priority: first, transparent: through, tries };
}

export function nest(...parts: readonly Doc[]): Doc {
	return { kind: "nest", content: sequence(...parts) };
}

export function base(...parts: readonly Doc[]): Doc {
	return { kind: "base", content: sequence(...parts) };
}

export function join(separator: Doc, docs: readonly Doc[]): Doc {
	return sequence(...docs.flatMap((doc, i) => (i === 0 ? [doc] : [separator, doc])));
}

const NEVER: Measure = { width: Infinity, commented: false };

/** The width of a document on one line. */
export function measure(doc: Doc): Measure {
	switch (doc.kind) {
		case "text":
			return { width: widthOf(doc.text), commented: false };
		case "choice":
			return { width: widthOf(doc.flat), commented: false };
		case "comment":
			return doc.trailing ? { width: 0, commented: true } : NEVER;
		case "blank":
		case "literal":
			return NEVER;
		case "break":
			return doc.hard ? NEVER : { width: doc.flat.length, commented: false };
		case "nest":
		case "base":
			return measure(doc.content);
		case "group":
			return (doc.measured ??= measure(doc.content));
		case "sequence":
			return (doc.measured ??= measureAll(doc.parts));
	}
}

export function measureAll(parts: readonly Doc[]): Measure {
	let width = 0;
	let commented = false;
	for (const part of parts) {
		const each = measure(part);
		if (each.width === Infinity || (commented && each.width > 0)) return NEVER;
		width += each.width;
		commented ||= each.commented;
	}
	return { width, commented };
}

/** Characters of a byte string. */
export function widthOf(bytes: string): number {
	return textFromBytes(bytes).length;
}

/** The text of a document that can be on one line. */
export function flatText(doc: Doc): string {
	switch (doc.kind) {
		case "text":
			return doc.text;
		case "choice":
		case "break":
			return doc.flat;
		case "comment":
		case "blank":
		case "literal":
			return "";
		case "nest":
		case "base":
		case "group":
			return flatText(doc.content);
		case "sequence":
			return doc.parts.map(flatText).join("");
	}
}
