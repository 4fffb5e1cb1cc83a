/** What is inside of a node of the concrete syntax tree, in the order of the text. Layer 1, pure. */

import type { AttrNode, AttrPathNode, Binding, Node } from "../format/cst.ts";
import { contains, type Span, spanOf, spanOfBinding, spanOfPath } from "./span.ts";

/** A part of the tree: a node, the attribute path of a binding or a selection, or a binding. */
export type Part =
	| { readonly kind: "node"; readonly node: Node; readonly span: Span }
	| { readonly kind: "attr"; readonly node: AttrNode; readonly index: number; readonly span: Span }
	| { readonly kind: "path"; readonly path: AttrPathNode; readonly span: Span }
	| { readonly kind: "binding"; readonly binding: Binding; readonly span: Span };

export function nodePart(node: Node): Part {
	return { kind: "node", node, span: spanOf(node) };
}

function pathPart(path: AttrPathNode): Part {
	return { kind: "path", path, span: spanOfPath(path) };
}

function attrPart(node: AttrNode, index: number): Part {
	return { kind: "attr", node, index, span: spanOf(node) };
}

function bindingPart(binding: Binding): Part {
	return { kind: "binding", binding, span: spanOfBinding(binding) };
}

export function partsOf(part: Part): readonly Part[] {
	switch (part.kind) {
		case "node":
			return partsOfNode(part.node);
		case "attr":
			return partsOfAttr(part.node);
		case "path":
			return part.path.attrs.map(attrPart);
		case "binding": {
			const { binding } = part;
			if (binding.kind === "assign") return [pathPart(binding.path), nodePart(binding.value)];
			return [...(binding.source === undefined ? [] : [nodePart(binding.source)]), ...binding.names.map(attrPart)];
		}
	}
}

function partsOfAttr(node: AttrNode): readonly Part[] {
	return node.kind === "dynamic" ? [nodePart(node.value)] : partsOfNode(node);
}

function partsOfNode(node: Node): readonly Part[] {
	switch (node.kind) {
		case "leaf":
			return (node.interpolations ?? []).map((each) => nodePart(each.value));
		case "string":
			return node.parts.flatMap((each) => (each.kind === "interpolation" ? [nodePart(each.value)] : []));
		case "list":
			return node.items.map(nodePart);
		case "set":
			return node.bindings.map(bindingPart);
		case "paren":
			return [nodePart(node.inner)];
		case "select": {
			const fallback = node.fallback?.value;
			return [
				nodePart(node.subject),
				...(node.path === undefined ? [] : [pathPart(node.path.names)]),
				...(fallback === undefined ? [] : [nodePart(fallback)]),
			];
		}
		case "apply":
			return [nodePart(node.fn), ...node.args.map(nodePart)];
		case "prefix":
			return [nodePart(node.operand)];
		case "binary":
			return [nodePart(node.left), nodePart(node.right)];
		case "hasAttr":
			return [nodePart(node.subject), pathPart(node.path)];
		case "lambda":
			return [
				...node.parameters.flatMap((each) => {
					if (!("entries" in each)) return [];
					return each.entries.flatMap(({ fallback }) => (fallback === undefined ? [] : [nodePart(fallback.value)]));
				}),
				nodePart(node.body),
			];
		case "let":
			return [...node.bindings.map(bindingPart), nodePart(node.body)];
		case "with":
			return [nodePart(node.scope), nodePart(node.body)];
		case "assert":
			return [nodePart(node.condition), nodePart(node.body)];
		case "if":
			return [nodePart(node.condition), nodePart(node.consequence), nodePart(node.alternative)];
	}
}

/** The parts around an offset, outermost first. Where two meet at it, the one that begins there counts. */
export function partsAround(root: Node, offset: number): readonly Part[] {
	const found: Part[] = [];
	for (let part: Part | undefined = nodePart(root); part !== undefined; ) {
		found.push(part);
		part = partsOf(part).findLast(({ span }) => contains(span, offset) && span.start < span.end);
	}
	return found;
}
