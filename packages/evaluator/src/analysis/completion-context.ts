/** What may be written at an offset. Layer 1, pure. */

import { type AttrNode, type AttrPathNode, type Binding, firstToken, type Node } from "../format/cst.ts";
import type { Tok } from "../format/trivia.ts";
import { type Part, nodePart, partsAround, partsOf } from "./children.ts";
import type { NixDocument } from "./document.ts";
import { type Scope, scopeAt, staticName } from "./scopes.ts";
import type { Span } from "./span.ts";

export type CompletionContext =
	/** A variable, or what begins an expression. */
	| { readonly kind: "name"; readonly span: Span; readonly scope: Scope; readonly inherit: boolean }
	/** An attribute of what a path from an expression gives. */
	| { readonly kind: "attribute"; readonly span: Span; readonly subject: Node; readonly path: readonly AttrNode[] }
	/** The name of a binding; `path` is what stands before it: `a.b` of `a.b.c = …`. */
	| { readonly kind: "binding"; readonly span: Span; readonly holder: Node; readonly path: readonly string[] }
	/** A path literal; `text` is what of it stands before the offset. */
	| { readonly kind: "path"; readonly span: Span; readonly text: string }
	| { readonly kind: "none" };

const NONE: CompletionContext = { kind: "none" };

/** `span` of the result is what is replaced: the name that the offset is in or at the end of. */
export function completionContext(document: NixDocument, offset: number): CompletionContext {
	const { text, root } = document;
	if (document.inComment(offset)) return NONE;
	const path = pathBefore(document, offset);
	if (path !== undefined) return path;
	const parts = partsAround(root, offset);
	if (inString(parts, offset) || inPath(parts)) return NONE;
	let start = offset;
	while (start > 0 && /[\w'-]/.test(text.charAt(start - 1))) start--;
	const [rest = ""] = /^[\w'-]*/.exec(text.slice(offset, offset + LONGEST_NAME)) ?? [];
	const span = { start, end: offset + rest.length };
	if (/^[0-9'-]/.test(text.slice(start, offset))) return NONE;
	const dot = previousOffset(document, start);
	if (dot !== undefined && text.charAt(dot) === ".") return afterDot(document, dot, span);
	if (dot !== undefined && text.charAt(dot) === "?") {
		const tested = partsAround(root, dot).findLast((part) => part.kind === "node" && part.node.kind === "hasAttr");
		const node = tested?.kind === "node" ? tested.node : undefined;
		if (node?.kind === "hasAttr" && node.operator.start === dot) {
			return { kind: "attribute", span, subject: node.subject, path: [] };
		}
	}
	const inherit = inheritAt(document, start);
	if (inherit !== undefined) {
		const { source } = inherit.binding;
		if (source !== undefined) return { kind: "attribute", span, subject: source.inner, path: [] };
		const outer = document.scopes.byNode.get(inherit.holder)?.parent;
		return { kind: "name", span, scope: outer ?? scopeAt(document.scopes, start), inherit: true };
	}
	const holder = bindingHolder(document, start, dot);
	if (holder !== undefined) return { kind: "binding", span, holder, path: [] };
	if (inParameters(document, start)) return NONE;
	return { kind: "name", span, scope: scopeAt(document.scopes, offset), inherit: false };
}

const LONGEST_NAME = 300;

/** The offset of the last character before that is neither blank nor in a comment. */
function previousOffset(document: NixDocument, from: number): number | undefined {
	let at = (document.commentsAround(from)?.start ?? from) - 1;
	while (at >= 0 && /\s/.test(document.text.charAt(at))) at--;
	return at < 0 ? undefined : at;
}

/** Inside of a string's text. */
function inString(parts: readonly Part[], offset: number): boolean {
	const last = parts.findLast((part) => part.kind === "node" || part.kind === "attr");
	if (last?.node.kind !== "string") return false;
	const { open, close, parts: pieces } = last.node;
	if (offset < open.end || (close.start < close.end && offset > close.start)) return false;
	return !pieces.some((each) => {
		return each.kind === "interpolation" && each.open.end <= offset && offset <= each.close.start;
	});
}

function inPath(parts: readonly Part[]): boolean {
	const last = parts.at(-1);
	return last?.kind === "node" && last.node.kind === "leaf" && last.node.path;
}

/** A path that is written up to the offset: what the lexer takes for one, and what it does not yet: `./`. */
function pathBefore({ text, root }: NixDocument, offset: number): CompletionContext | undefined {
	const found = /(?:^|[\s([{=;,:+])((?:\.{1,2}|~)?\/[\w.+/-]*)$/.exec(
		text.slice(Math.max(0, offset - MOST_PATH), offset),
	);
	const [, written] = found ?? [];
	if (written === undefined || /\/\//.test(written) || inString(partsAround(root, offset), offset)) return undefined;
	// A lone slash is more often a division.
	if (written === "/") return undefined;
	const start = offset - (written.length - written.lastIndexOf("/") - 1);
	const [rest = ""] = /^[\w.+-]*/.exec(text.slice(offset, offset + LONGEST_NAME)) ?? [];
	return { kind: "path", span: { start, end: offset + rest.length }, text: written };
}

const MOST_PATH = 1000;

function afterDot({ root }: NixDocument, dot: number, span: Span): CompletionContext {
	for (const part of partsAround(root, dot).toReversed()) {
		if (part.kind === "binding" && part.binding.kind === "assign") {
			const before = attrsBefore(part.binding.path, dot);
			if (before === undefined) continue;
			const names = before.map((attr) => staticName(attr));
			const holder = holderOf(root, part.binding);
			if (holder === undefined || names.includes(undefined)) return NONE;
			return { kind: "binding", span, holder, path: names as string[] };
		}
		if (part.kind !== "node") continue;
		const { node } = part;
		if (node.kind === "select" && node.path !== undefined) {
			if (node.path.dot.start === dot) return { kind: "attribute", span, subject: node.subject, path: [] };
			const path = attrsBefore(node.path.names, dot);
			if (path !== undefined) return { kind: "attribute", span, subject: node.subject, path };
		}
		if (node.kind === "hasAttr") {
			const path = attrsBefore(node.path, dot);
			if (path !== undefined) return { kind: "attribute", span, subject: node.subject, path };
		}
	}
	return NONE;
}

function attrsBefore({ attrs, dots }: AttrPathNode, dot: number): readonly AttrNode[] | undefined {
	const index = dots.findIndex(({ start }) => start === dot);
	return index < 0 ? undefined : attrs.slice(0, index + 1);
}

function holderOf(root: Node, binding: Binding): Node | undefined {
	let found: Node | undefined;
	const visit = (part: Part): void => {
		if (part.kind === "node" && bindingsOf(part.node)?.includes(binding) === true) found = part.node;
		if (found === undefined) for (const each of partsOf(part)) visit(each);
	};
	visit(nodePart(root));
	return found;
}

function bindingsOf(node: Node): readonly Binding[] | undefined {
	return node.kind === "set" || node.kind === "let" ? node.bindings : undefined;
}

/** All sets and `let`s. */
function holders(root: Node): readonly Node[] {
	const found: Node[] = [];
	const visit = (part: Part): void => {
		if (part.kind === "node" && bindingsOf(part.node) !== undefined) found.push(part.node);
		for (const each of partsOf(part)) visit(each);
	};
	visit(nodePart(root));
	return found;
}

/** The `inherit` whose names an offset is among. */
function inheritAt(
	{ text, root }: NixDocument,
	offset: number,
): { readonly binding: Extract<Binding, { kind: "inherit" }>; readonly holder: Node } | undefined {
	for (const holder of holders(root)) {
		for (const binding of bindingsOf(holder) ?? []) {
			if (binding.kind !== "inherit") continue;
			const start = binding.source?.close.end ?? binding.keyword.end;
			if (start > offset || (binding.source === undefined && start === offset)) continue;
			if (/^[\s\w'"-]*$/.test(text.slice(start, offset))) return { binding, holder };
		}
	}
	return undefined;
}

/** The set or `let` that a binding may begin in at an offset; `previous` is what stands before it. */
function bindingHolder({ text, root }: NixDocument, offset: number, previous: number | undefined): Node | undefined {
	if (previous === undefined) return undefined;
	const opens = (token: Tok): boolean => token.end === previous + 1;
	for (const node of holders(root).toReversed()) {
		const bindings = bindingsOf(node) ?? [];
		const open = node.kind === "set" ? node.open : node.kind === "let" ? node.keyword : undefined;
		if (open === undefined) continue;
		if (opens(open) || bindings.some(({ semicolon }) => text.charAt(previous) === ";" && opens(semicolon))) return node;
		const starts = bindings.some((each) => each.kind === "assign" && firstTokenOf(each.path).start === offset);
		if (starts) return node;
	}
	return undefined;
}

function firstTokenOf({ attrs }: AttrPathNode): Tok {
	return firstToken(attrs[0] as AttrNode);
}

/** Among the names of a set pattern, or the argument's name. */
function inParameters({ scopes }: NixDocument, offset: number): boolean {
	const variable = scopes.definedAt.get(offset);
	if (variable?.kind === "argument" || variable?.kind === "formal") return true;
	for (const node of scopes.byNode.keys()) {
		if (node.kind !== "lambda") continue;
		for (const each of node.parameters) {
			if (!("open" in each) || offset <= each.open.start || offset > each.close.start) continue;
			const inFallback = each.entries.some(({ fallback, comma }) => {
				const end = comma?.start ?? each.close.start;
				return fallback !== undefined && fallback.question.end <= offset && offset <= end;
			});
			if (!inFallback) return true;
		}
	}
	return false;
}
