/**
 * Renaming a variable: what has to be written where, or why it cannot be done. Layer 1, pure.
 *
 * A renamed text means what it meant: names that would be captured, and attributes that others may select, are refused.
 */

import { type AttrNode, type Binding, firstToken, type LambdaNode, type Node, type ParenNode } from "../format/cst.ts";
import type { Tok } from "../format/trivia.ts";
import { keywords } from "../syntax/tokens.ts";
import { nodePart, type Part, partsOf } from "./children.ts";
import type { NixDocument } from "./document.ts";
import { mergesRecursiveSets } from "./merged-sets.ts";
import {
	type InheritBinding,
	nameToken,
	type Occurrence,
	type Scope,
	type Site,
	staticName,
	type Variable,
} from "./scopes.ts";
import { type Span, spanOf, spanOfBinding, spanOfToken } from "./span.ts";

export interface Edit {
	readonly span: Span;
	readonly text: string;
}

export type RenamePlan =
	| { readonly kind: "edits"; readonly edits: readonly Edit[] }
	| { readonly kind: "refused"; readonly reason: string };

const IDENTIFIER = /^[a-zA-Z_][\w'-]*$/;

/** Where a formal is passed by name. */
interface Passed {
	readonly arguments: readonly { readonly binding: Binding; readonly attr: AttrNode }[];
	readonly reason?: string;
}

/** Operators are calls of these. */
const OPERATORS: ReadonlySet<string> = new Set([
	"__sub",
	"__mul",
	"__div",
	"__lessThan",
	"__findFile",
	"__nixPath",
	"__curPos",
	"__overrides",
]);

/** The name at an offset, where it can be renamed; else why not. */
export function renameable(
	document: NixDocument,
	offset: number,
): { readonly span: Span; readonly variable: Variable } | { readonly reason: string } {
	const named = document.named(offset);
	switch (named?.kind) {
		case "variable": {
			const reason = new Renamer(document, named.variable, "").reasonAgainst();
			return reason === undefined ? { span: named.span, variable: named.variable } : { reason };
		}
		case "builtin":
			return { reason: `'${named.name}' is built in` };
		case "with":
			return { reason: `'${named.occurrence.name}' comes from a 'with', and is defined elsewhere` };
		case "undefined":
			return { reason: `'${named.name}' is not defined here` };
		case "attribute":
		case "attributeDefinition":
			return { reason: "attributes may be selected from elsewhere; only variables can be renamed" };
		default:
			return { reason: "there is no variable here" };
	}
}

export function planRename(document: NixDocument, offset: number, newName: string): RenamePlan {
	const found = renameable(document, offset);
	if ("reason" in found) return { kind: "refused", reason: found.reason };
	return new Renamer(document, found.variable, newName).plan();
}

class Renamer {
	readonly #document: NixDocument;
	readonly #variable: Variable;
	readonly #newName: string;
	readonly #parents: ReadonlyMap<Node, Part>;
	readonly #edits: Edit[] = [];
	/** By where they begin. */
	#leaves: ReadonlyMap<number, Node> | undefined;

	constructor(document: NixDocument, variable: Variable, newName: string) {
		this.#document = document;
		this.#variable = variable;
		this.#newName = newName;
		this.#parents = parentsOf(document.root);
	}

	plan(): RenamePlan {
		const reason = this.#refuseName() ?? this.#refuseCapture();
		if (reason !== undefined) return { kind: "refused", reason };
		if (this.#newName === this.#variable.name) return { kind: "edits", edits: [] };
		for (const each of this.#variable.references) this.#renameReference(each);
		for (const attr of this.#selected().attrs) this.#replace(nameToken(attr), this.#newName);
		// These come last: they copy sources of `inherit`, with what was renamed in them.
		for (const { binding, attr } of this.#passed().arguments) this.#renameArgument(binding, attr);
		for (const site of this.#variable.sites) this.#renameSite(site);
		return { kind: "edits", edits: this.#edits.sort((a, b) => a.span.start - b.span.start) };
	}

	/** Why the variable cannot be renamed, whatever the new name is. */
	reasonAgainst(): string | undefined {
		const { name, kind, sites } = this.#variable;
		if (OPERATORS.has(name)) return `'${name}' has a meaning of its own in the language`;
		if (!IDENTIFIER.test(name)) return `'${name}' is not a plain name`;
		if (sites.some(({ token }) => /\$/.test(this.#document.text.slice(token.start, token.end)))) {
			return `'${name}' is written as an interpolation; write it as a plain name first`;
		}
		if (mergesRecursiveSets(this.#document.root))
			return "a 'rec' set is written in several pieces; write it as one first";
		if (kind === "rec") return this.#selected().reason;
		if (kind === "formal") return this.#passed().reason ?? this.#selected().reason;
		return undefined;
	}

	#refuseName(): string | undefined {
		const name = this.#newName;
		if (!IDENTIFIER.test(name)) return `'${name}' is not a name of a variable`;
		if (keywords.has(name)) return `'${name}' is a keyword`;
		if (OPERATORS.has(name)) return `'${name}' has a meaning of its own in the language`;
		return undefined;
	}

	#refuseCapture(): string | undefined {
		const { scope, references, name } = this.#variable;
		const newName = this.#newName;
		if (newName === name) return undefined;
		if (scope.variables.has(newName)) return `'${newName}' is defined beside '${name}' already`;
		if (this.#selected(newName).attrs.length > 0 || this.#passed(newName).arguments.length > 0) {
			return `an attribute '${newName}' is used where '${name}' is an attribute too`;
		}
		for (const { scope: from, token, inherit } of references) {
			const inner = inherit === undefined ? undefined : this.#document.scopes.definedAt.get(token.start)?.scope;
			for (let at: Scope | undefined = inner ?? from; at !== undefined && at !== scope; at = at.parent) {
				if (!at.variables.has(newName)) continue;
				return `on line ${this.#line(token.start)} '${newName}' means another variable`;
			}
		}
		for (const each of this.#document.scopes.occurrences) {
			if (each.name !== newName || !isAround(scope, each.scope)) continue;
			const { target, token } = each;
			if (target.kind === "variable" && isAround(scope, target.variable.scope)) continue;
			return `'${newName}' on line ${this.#line(token.start)} would then mean this variable`;
		}
		return undefined;
	}

	#line(offset: number): number {
		return this.#document.text.slice(0, offset).split("\n").length;
	}

	#renameSite(site: Site): void {
		if (site.kind !== "inherit") {
			this.#replace(site.token, this.#newName);
			return;
		}
		this.#renameInherited(site.binding, site.token);
	}

	/** `inherit x;` becomes `new = x;`, and `inherit (s) x;` becomes `new = s.x;`. */
	#renameInherited(binding: InheritBinding, token: Tok): void {
		const { source, keyword, names } = binding;
		if (source === undefined) {
			this.#takeOut(binding, token, `${this.#newName} = ${this.#variable.name};`);
			return;
		}
		const attr = this.#text(token);
		if (names.length > 1) {
			this.#takeOut(binding, token, `${this.#newName} = ${this.#copied(source)}.${attr};`);
			return;
		}
		const { end } = spanOfBinding(binding);
		const [open, close] = isPlain(source.inner)
			? [source.open.end, source.close.start]
			: [source.open.start, source.close.end];
		this.#edits.push({ span: { start: keyword.start, end: open }, text: `${this.#newName} = ` });
		this.#edits.push({ span: { start: close, end }, text: `.${attr};` });
	}

	/** The text of a source, with what is renamed in it. */
	#copied(source: ParenNode): string {
		const { start, end } = spanOf(isPlain(source.inner) ? source.inner : source);
		const inside = this.#edits.filter(({ span }) => span.start >= start && span.end <= end);
		let text = "";
		let at = start;
		for (const edit of inside.sort((a, b) => a.span.start - b.span.start)) {
			text += this.#document.text.slice(at, edit.span.start) + edit.text;
			at = edit.span.end;
		}
		return text + this.#document.text.slice(at, end);
	}

	#renameReference({ token, inherit }: Occurrence): void {
		if (inherit === undefined) this.#replace(token, this.#newName);
		else this.#takeOut(inherit, token, `${this.#text(token)} = ${this.#newName};`);
	}

	#renameArgument(binding: Binding, attr: AttrNode): void {
		const token = nameToken(attr);
		if (binding.kind === "assign") this.#replace(token, this.#newName);
		else this.#renameInherited(binding, token);
	}

	#text({ start, end }: Tok): string {
		return this.#document.text.slice(start, end);
	}

	#replace(token: Tok, text: string): void {
		const after = this.#document.text.slice(token.end, token.end + 200);
		// Characters that the old name could not share with a path or URI, and the new one could.
		const merges = /^(?::[\w%/?:@&=+$,.!~*'-]|[\w.+-]*\/[\w.+$-])/.test(after);
		this.#edits.push({ span: spanOfToken(token), text: merges ? `${text} ` : text });
	}

	/** Takes a name out of an `inherit`, and writes a binding after it. */
	#takeOut(binding: InheritBinding, token: Tok, assignment: string): void {
		const span = spanOfBinding(binding);
		const index = binding.names.findIndex((attr) => nameToken(attr).start === token.start);
		if (binding.names.length === 1) {
			this.#edits.push({ span, text: assignment });
			return;
		}
		const previous = binding.names[index - 1];
		const next = binding.names[index + 1];
		if (previous !== undefined) {
			this.#edits.push({ span: { start: nameToken(previous).end, end: token.end }, text: "" });
		} else if (next !== undefined) {
			this.#edits.push({ span: { start: token.start, end: firstToken(next).start }, text: "" });
		}
		const lineStart = this.#document.text.lastIndexOf("\n", span.start - 1) + 1;
		const indent = this.#document.text.slice(lineStart, span.start);
		const separator = /^[ \t]*$/.test(indent) && lineStart > 0 ? `\n${indent}` : " ";
		this.#edits.push({ span: { start: span.end, end: span.end }, text: `${separator}${assignment}` });
	}

	/** Where the attribute that the variable also is gets selected; `reason` where others may select it. */
	#selected(name = this.#variable.name): { readonly attrs: readonly AttrNode[]; readonly reason?: string } {
		const { kind, scope } = this.#variable;
		if (kind === "formal") return this.#selectedFromArgument(scope, name);
		if (kind !== "rec" || scope.node === undefined) return { attrs: [] };
		const reason = `the attribute '${name}' may be selected from elsewhere`;
		const node = this.#outermost(scope.node);
		const parent = this.#parents.get(node);
		if (scope.node.kind === "set" && scope.node.keyword?.text === "let") {
			return name === "body" ? { attrs: [], reason: "'body' is what this 'let' gives" } : { attrs: [] };
		}
		if (parent?.kind === "node" && parent.node.kind === "select" && parent.node.subject === node) {
			return { attrs: this.#pathStart(parent.node, name) };
		}
		if (parent?.kind !== "binding" || parent.binding.kind !== "assign" || parent.binding.path.attrs.length > 1) {
			return { attrs: [], reason };
		}
		const variable = this.#document.scopes.definedAt.get(nameToken(parent.binding.path.attrs[0] as AttrNode).start);
		if (variable?.kind !== "let" || variable.sites.length > 1) return { attrs: [], reason };
		return this.#selections(variable, name) ?? { attrs: [], reason };
	}

	#selectedFromArgument(scope: Scope, name: string): { readonly attrs: readonly AttrNode[]; readonly reason?: string } {
		const whole = [...scope.variables.values()].find((each) => each.kind === "argument");
		if (whole === undefined) return { attrs: [] };
		const reason = `'${whole.name}' has the attribute '${name}' too, and is used as a whole`;
		return this.#selections(whole, name) ?? { attrs: [], reason };
	}

	/** Each selection of an attribute of a variable; undefined where the variable is used in another way. */
	#selections(variable: Variable, name: string): { readonly attrs: readonly AttrNode[] } | undefined {
		const attrs: AttrNode[] = [];
		for (const { token, inherit } of variable.references) {
			const node = inherit === undefined ? this.#leafAt(token) : undefined;
			const parent = node === undefined ? undefined : this.#parents.get(node);
			if (parent?.kind !== "node" || node === undefined) return undefined;
			const { node: above } = parent;
			if ((above.kind !== "select" && above.kind !== "hasAttr") || above.subject !== node) return undefined;
			const path = above.kind === "select" ? above.path?.names : above.path;
			const first = path?.attrs[0];
			if (first === undefined || staticName(first) === undefined) return undefined;
			if (staticName(first) === name) attrs.push(first);
		}
		return { attrs };
	}

	#pathStart({ path }: Extract<Node, { kind: "select" }>, name: string): readonly AttrNode[] {
		const first = path?.names.attrs[0];
		return first !== undefined && staticName(first) === name ? [first] : [];
	}

	/** Where calls that can be seen pass the formal; `reason` where one passes something that is not written out. */
	#passed(name = this.#variable.name): Passed {
		const { kind, scope } = this.#variable;
		if (kind !== "formal" || scope.node?.kind !== "lambda") return { arguments: [] };
		const lambda: LambdaNode = scope.node;
		const node = this.#outermost(lambda);
		const parent = this.#parents.get(node);
		if (parent?.kind === "node" && parent.node.kind === "apply" && parent.node.fn === node) {
			return this.#argumentsOf([parent.node.args[0]], name);
		}
		if (parent?.kind !== "binding" || parent.binding.kind !== "assign") return { arguments: [] };
		const variable = this.#document.scopes.definedAt.get(nameToken(parent.binding.path.attrs[0] as AttrNode).start);
		if (variable === undefined || parent.binding.path.attrs.length > 1) return { arguments: [] };
		return this.#argumentsOf(
			variable.references.map(({ token }) => {
				const leaf = this.#leafAt(token);
				const above = leaf === undefined ? undefined : this.#parents.get(leaf);
				if (above?.kind !== "node" || above.node.kind !== "apply" || above.node.fn !== leaf) return undefined;
				return above.node.args[0];
			}),
			name,
		);
	}

	#argumentsOf(given: readonly (Node | undefined)[], name: string): Passed {
		const found: { binding: Binding; attr: AttrNode }[] = [];
		for (const each of given) {
			let node = each;
			while (node?.kind === "paren") node = node.inner;
			if (node?.kind !== "set" || node.keyword !== undefined) {
				const reason = `the function is used where its arguments are not written out, so that '${name}' may be passed unseen`;
				return { arguments: [], reason };
			}
			for (const binding of node.bindings) {
				const attrs = binding.kind === "assign" ? binding.path.attrs.slice(0, 1) : binding.names;
				for (const attr of attrs) if (staticName(attr) === name) found.push({ binding, attr });
			}
		}
		return { arguments: found };
	}

	/** The node, with the parentheses around it. */
	#outermost(node: Node): Node {
		const parent = this.#parents.get(node);
		return parent?.kind === "node" && parent.node.kind === "paren" ? this.#outermost(parent.node) : node;
	}

	#leafAt({ start }: Tok): Node | undefined {
		this.#leaves ??= new Map(
			[...this.#parents.keys()].flatMap((node) => (node.kind === "leaf" ? [[node.token.start, node]] : [])),
		);
		return this.#leaves.get(start);
	}
}

/** Whether something can be selected of it without parentheses. */
function isPlain(node: Node): boolean {
	if (node.kind === "select") return node.fallback === undefined;
	return ["leaf", "set", "paren", "list", "string"].includes(node.kind);
}

/** Whether a scope is another one, or around it. */
function isAround(outer: Scope, inner: Scope): boolean {
	for (let at: Scope | undefined = inner; at !== undefined; at = at.parent) if (at === outer) return true;
	return false;
}

/** What each node is a part of: a node or a binding. */
function parentsOf(root: Node): ReadonlyMap<Node, Part> {
	const parents = new Map<Node, Part>();
	const visit = (part: Part, above: Part): void => {
		if (part.kind === "node") parents.set(part.node, above);
		const holder = part.kind === "node" || part.kind === "binding" ? part : above;
		for (const each of partsOf(part)) visit(each, holder);
	};
	for (const each of partsOf(nodePart(root))) visit(each, nodePart(root));
	return parents;
}
