/** Names that nothing uses. Layer 1, pure. */

import type { NixDocument } from "./document.ts";
import type { Scope, Site, Variable } from "./scopes.ts";
import { type Span, spanOfBinding, spanOfToken } from "./span.ts";

export interface Unused {
	readonly kind: "let" | "formal" | "argument" | "with";
	/** Undefined for `with`. */
	readonly name: string | undefined;
	readonly span: Span;
}

/**
 * Bindings of `let`, formals, `@` names, and `with`s that give no name. What begins with `_` is meant to be unused, and so is
 * the argument of `x: …`. Formals say what may be passed: where an `@` name has them all, they are not unused.
 */
export function findUnused({ scopes }: NixDocument): readonly Unused[] {
	const found: Unused[] = [];
	for (const variable of scopes.variables) {
		if (!isUnused(variable)) continue;
		const kind = variable.kind as Exclude<Unused["kind"], "with">;
		for (const { token } of variable.sites) found.push({ kind, name: variable.name, span: spanOfToken(token) });
	}
	const giving = new Set<Scope>();
	for (const { target } of scopes.occurrences) {
		// Any of them may have the name.
		if (target.kind === "with") for (const scope of target.scopes) giving.add(scope);
	}
	for (const [node, scope] of scopes.byNode) {
		if (node.kind !== "with" || giving.has(scope)) continue;
		found.push({ kind: "with", name: undefined, span: spanOfToken(node.keyword) });
	}
	return found.sort((a, b) => a.span.start - b.span.start);
}

function isUnused({ name, kind, references, sites, scope }: Variable): boolean {
	if (name.startsWith("_") || kind === "rec") return false;
	// What is used in its own definition alone is not used.
	if (kind === "let") return references.every(({ token }) => sites.some((site) => isInside(token.start, site)));
	if (references.length > 0) return false;
	if (kind === "argument") return sites.some((site) => site.kind === "parameter" && site.lambda.at !== undefined);
	return ![...scope.variables.values()].some((each) => each.kind === "argument" && each.references.length > 0);
}

function isInside(offset: number, site: Site): boolean {
	if (site.kind !== "assign") return false;
	const { start, end } = spanOfBinding(site.binding);
	return start <= offset && offset < end;
}
