/** The outline of a text: what it defines, and what can be folded. Layer 1, pure. */

import type { Binding, Node } from "../format/cst.ts";
import { nodePart, type Part, partsOf } from "./children.ts";
import { staticName } from "./scopes.ts";
import { type Span, spanOfBinding, spanOfPath } from "./span.ts";

export interface OutlineEntry {
	/** Dotted, as written. */
	readonly name: string;
	readonly kind: ValueKind | "unknown";
	readonly span: Span;
	readonly nameSpan: Span;
	readonly children: readonly OutlineEntry[];
}

export type ValueKind = "string" | "number" | "path" | "list" | "set" | "function" | "boolean" | "null";

/** What a value is, as far as its text says it. */
export function valueKind(node: Node): ValueKind | undefined {
	switch (node.kind) {
		case "string":
			return "string";
		case "list":
			return "list";
		case "set":
			return node.keyword?.text === "let" ? undefined : "set";
		case "lambda":
			return "function";
		case "paren":
			return valueKind(node.inner);
		case "let":
		case "with":
		case "assert":
			return valueKind(node.body);
		case "hasAttr":
			return "boolean";
		case "prefix":
			return node.operator.text === "!" ? "boolean" : "number";
		case "binary":
			return binaryKind(node.operator.text);
		case "leaf":
			return leafKind(node.token.text, node.path);
		default:
			return undefined;
	}
}

function binaryKind(operator: string): ValueKind | undefined {
	if (operator === "//") return "set";
	if (operator === "++") return "list";
	if (["==", "!=", "<", ">", "<=", ">=", "&&", "||", "->"].includes(operator)) return "boolean";
	return ["-", "*", "/"].includes(operator) ? "number" : undefined;
}

function leafKind(text: string, path: boolean): ValueKind | undefined {
	if (path) return text.startsWith('"') ? "string" : "path";
	if (/^[0-9.]/.test(text)) return "number";
	if (text === "true" || text === "false") return "boolean";
	return text === "null" ? "null" : undefined;
}

/** Bindings, with those inside of their values. */
export function outline(root: Node): readonly OutlineEntry[] {
	return entriesOf(nodePart(root));
}

function entriesOf(part: Part): OutlineEntry[] {
	if (part.kind !== "binding") return partsOf(part).flatMap(entriesOf);
	const { binding } = part;
	const children = partsOf(part).flatMap(entriesOf);
	if (binding.kind === "inherit") return [...inheritedEntries(binding), ...children];
	const nameSpan = spanOfPath(binding.path);
	const kind = valueKind(binding.value) ?? "unknown";
	const name = binding.path.attrs.map((attr) => staticName(attr) ?? "…").join(".");
	return [{ name, kind, span: spanOfBinding(binding), nameSpan, children }];
}

function inheritedEntries({ names }: Extract<Binding, { kind: "inherit" }>): OutlineEntry[] {
	return names.flatMap((attr) => {
		const name = staticName(attr);
		if (name === undefined) return [];
		const span = spanOfPath({ attrs: [attr], dots: [] });
		return [{ name, kind: "unknown" as const, span, nameSpan: span, children: [] }];
	});
}

/** What has brackets of its own, or is a comment: folded where it is on several lines. */
export function foldings(root: Node, text: string): readonly (Span & { readonly comment: boolean })[] {
	const found: (Span & { readonly comment: boolean })[] = [];
	const visit = (part: Part): void => {
		if (part.kind === "node" && ["set", "list", "let", "string", "paren"].includes(part.node.kind)) {
			const span = part.node.kind === "let" ? letSpan(part.node) : part.span;
			found.push({ ...span, comment: false });
		}
		for (const each of partsOf(part)) visit(each);
	};
	visit(nodePart(root));
	for (const { index, 0: comment } of text.matchAll(/^[ \t]*(?:#[^\n]*(?:\n[ \t]*#[^\n]*)+|\/\*[\s\S]*?\*\/)/gm)) {
		found.push({ start: index, end: index + comment.length, comment: true });
	}
	return found;
}

function letSpan(node: Extract<Node, { kind: "let" }>): Span {
	return { start: node.keyword.start, end: node.in.end };
}
