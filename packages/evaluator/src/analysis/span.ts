/** Where the nodes of the concrete syntax tree stand. Layer 1, pure. */

import { type AttrNode, type AttrPathNode, type Binding, firstToken, isMissing, type Node } from "../format/cst.ts";
import type { Tok } from "../format/trivia.ts";

/** Byte offsets: from `start` up to `end`, which is not part of it. */
export interface Span {
	readonly start: number;
	readonly end: number;
}

export function spanOf(node: Node | AttrNode): Span {
	return { start: firstToken(node).start, end: endOf(node) };
}

export function spanOfToken({ start, end }: Tok): Span {
	return { start, end };
}

export function spanOfPath(path: AttrPathNode): Span {
	const first = path.attrs[0] as AttrNode;
	const last = path.attrs.at(-1) as AttrNode;
	return { start: firstToken(first).start, end: Math.max(endOf(last), path.dots.at(-1)?.end ?? 0) };
}

export function spanOfBinding(binding: Binding): Span {
	if (binding.kind === "inherit") {
		const { keyword, source, names, semicolon } = binding;
		const last = names.at(-1);
		const end = last === undefined ? (source?.close.end ?? keyword.end) : endOf(last);
		return { start: keyword.start, end: isMissing(semicolon) ? end : semicolon.end };
	}
	const { path, value, semicolon } = binding;
	const { start, end } = spanOfPath(path);
	return { start, end: isMissing(semicolon) ? Math.max(end, endOf(value)) : semicolon.end };
}

export function contains({ start, end }: Span, offset: number): boolean {
	return start <= offset && offset <= end;
}

function endOf(node: Node | AttrNode): number {
	switch (node.kind) {
		case "leaf":
			return node.token.end;
		case "string":
		case "list":
		case "paren":
		case "dynamic":
		case "set":
			return Math.max(node.close.end, node.open.end);
		case "select": {
			const { path, fallback, subject } = node;
			if (fallback?.value !== undefined) return endOf(fallback.value);
			if (fallback !== undefined) return fallback.or.end;
			if (path === undefined) return endOf(subject);
			return Math.max(path.dot.end, spanOfPath(path.names).end);
		}
		case "hasAttr":
			return Math.max(node.operator.end, spanOfPath(node.path).end);
		case "apply":
			return endOf(node.args.at(-1) ?? node.fn);
		case "prefix":
			return Math.max(node.operator.end, endOf(node.operand));
		case "binary":
			return Math.max(node.operator.end, endOf(node.right));
		case "lambda":
		case "let":
		case "with":
		case "assert":
			return endOf(node.body);
		case "if":
			return endOf(node.alternative);
	}
}
