/**
 * Sets that Nix puts together of pieces, one of them `rec`: `a = rec { b = 1; }; a.c = b;`. The first piece decides whether all
 * of them see each other's names, which no scope of the text shows. Layer 1, pure.
 */

import type { Binding, Node } from "../format/cst.ts";
import { nodePart, type Part, partsOf } from "./children.ts";
import { staticName } from "./scopes.ts";

/** Whether a text has any: what a name means there is not known. */
export function mergesRecursiveSets(root: Node): boolean {
	const visit = (part: Part): boolean => {
		if (part.kind === "node" && (part.node.kind === "set" || part.node.kind === "let")) {
			if (hasMerged(part.node.bindings)) return true;
		}
		return partsOf(part).some(visit);
	};
	return visit(nodePart(root));
}

function hasMerged(bindings: readonly Binding[]): boolean {
	const seen = new Map<string, boolean>();
	for (const binding of bindings) {
		if (binding.kind !== "assign") continue;
		const [first] = binding.path.attrs;
		const name = first === undefined ? undefined : staticName(first);
		if (name === undefined) continue;
		const earlier = seen.get(name);
		const recursive = isRecursive(binding.value);
		if (earlier === true || (earlier === false && recursive)) return true;
		seen.set(name, recursive);
	}
	return false;
}

function isRecursive(node: Node): boolean {
	if (node.kind === "paren") return isRecursive(node.inner);
	return node.kind === "set" && node.keyword?.text === "rec";
}
