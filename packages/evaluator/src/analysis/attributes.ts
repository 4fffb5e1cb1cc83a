/**
 * What a text itself says about attributes: sets that are written out, followed through variables, selections and updates.
 * Layer 1, pure: nothing is evaluated.
 */

import { type AttrNode, type Binding, isMissing, type Node } from "../format/cst.ts";
import type { Tok } from "../format/trivia.ts";
import { nameToken, type Scopes, staticName, type Variable } from "./scopes.ts";

/** Attributes by name. More may be there than the text says, where `open`. */
export interface KnownSet {
	readonly attributes: ReadonlyMap<string, KnownAttribute>;
	readonly open: boolean;
}

export interface KnownAttribute {
	readonly name: string;
	/** Where it is written; several for `a.b = 1; a.c = 2;`. */
	readonly tokens: readonly Tok[];
	readonly sources: readonly AttributeSource[];
}

/** Where an attribute's value comes from. */
type AttributeSource =
	| { readonly kind: "value"; readonly node: Node }
	/** The rest of an attribute path, and what it is given. */
	| { readonly kind: "path"; readonly attrs: readonly AttrNode[]; readonly value: Node }
	| { readonly kind: "variable"; readonly token: Tok }
	| { readonly kind: "inherit"; readonly source: Node; readonly name: string };

/** Steps that are followed at most: definitions may go in a circle. */
const MOST_STEPS = 100;

export class Attributes {
	readonly #scopes: Scopes;
	#steps = 0;

	constructor(scopes: Scopes) {
		this.#scopes = scopes;
	}

	/** The set that an expression is, as far as the text says it. */
	setOf(node: Node): KnownSet | undefined {
		this.#steps = 0;
		return this.#setOf(node);
	}

	/** The attribute that is at the end of a path from an expression. */
	select(subject: Node, path: readonly AttrNode[]): KnownAttribute | undefined {
		this.#steps = 0;
		let set = this.#setOf(subject);
		for (const [index, attr] of path.entries()) {
			const name = staticName(attr);
			const found = name === undefined ? undefined : set?.attributes.get(name);
			if (found === undefined || index === path.length - 1) return found;
			set = this.#setOfAttribute(found);
		}
		return undefined;
	}

	/** The set that an attribute of a path is in. */
	setAt(subject: Node, path: readonly AttrNode[]): KnownSet | undefined {
		this.#steps = 0;
		if (path.length === 0) return this.#setOf(subject);
		const found = this.select(subject, path);
		return found === undefined ? undefined : this.#setOfAttribute(found);
	}

	/** The expression that an attribute or variable has as its value, where there is one. */
	valueOf(attribute: KnownAttribute): Node | undefined {
		const [source, second] = attribute.sources;
		return second === undefined && source?.kind === "value" ? source.node : undefined;
	}

	/** What is written of a variable, as an attribute. */
	variable(variable: Variable): KnownAttribute | undefined {
		const sources: AttributeSource[] = [];
		for (const site of variable.sites) {
			if (site.kind === "parameter") return undefined;
			const source = sourceOf(site.binding, variable.name);
			if (source === undefined) return undefined;
			sources.push(source);
		}
		return { name: variable.name, tokens: variable.sites.map(({ token }) => token), sources };
	}

	#setOfAttribute({ sources }: KnownAttribute): KnownSet | undefined {
		const sets: KnownSet[] = [];
		for (const source of sources) {
			const set = this.#setOfSource(source);
			if (set === undefined) return undefined;
			sets.push(set);
		}
		return sets.reduce((left, right) => joined(left, right), EMPTY);
	}

	#setOfSource(source: AttributeSource): KnownSet | undefined {
		switch (source.kind) {
			case "value":
				return this.#setOf(source.node);
			case "path": {
				const attributes = new Map<string, KnownAttribute>();
				const [first, ...rest] = source.attrs as readonly [AttrNode, ...AttrNode[]];
				add(attributes, first, rest.length === 0 ? value(source.value) : { ...source, attrs: rest });
				return { attributes, open: false };
			}
			case "variable":
				return this.#setOfToken(source.token);
			case "inherit": {
				const found = this.#setOf(source.source)?.attributes.get(source.name);
				return found === undefined ? undefined : this.#setOfAttribute(found);
			}
		}
	}

	#setOfToken(token: Tok): KnownSet | undefined {
		const target = this.#scopes.usedAt.get(token.start)?.target;
		if (target?.kind !== "variable") return undefined;
		const known = this.variable(target.variable);
		return known === undefined ? undefined : this.#setOfAttribute(known);
	}

	#setOf(node: Node): KnownSet | undefined {
		if (++this.#steps > MOST_STEPS) return undefined;
		switch (node.kind) {
			case "set":
				return this.#setOfBindings(node.bindings);
			case "paren":
				return this.#setOf(node.inner);
			case "leaf":
				return this.#setOfToken(node.token);
			case "select": {
				if (node.path === undefined || node.fallback !== undefined) return undefined;
				let set = this.#setOf(node.subject);
				for (const attr of node.path.names.attrs) {
					const name = staticName(attr);
					const found = name === undefined ? undefined : set?.attributes.get(name);
					set = found === undefined ? undefined : this.#setOfAttribute(found);
				}
				return set;
			}
			case "let":
			case "with":
			case "assert":
				return this.#setOf(node.body);
			case "binary": {
				if (node.operator.text !== "//") return undefined;
				const left = this.#setOf(node.left);
				const right = this.#setOf(node.right);
				if (left === undefined || right === undefined) {
					const one = left ?? right;
					return one === undefined ? undefined : { ...one, open: true };
				}
				const attributes = new Map([...left.attributes, ...right.attributes]);
				return { attributes, open: left.open || right.open };
			}
			default:
				return undefined;
		}
	}

	#setOfBindings(bindings: readonly Binding[]): KnownSet {
		const attributes = new Map<string, KnownAttribute>();
		let open = false;
		for (const binding of bindings) {
			for (const attr of binding.kind === "assign" ? binding.path.attrs.slice(0, 1) : binding.names) {
				const name = staticName(attr);
				const source = name === undefined ? undefined : sourceOf(binding, name);
				if (source === undefined) open = true;
				else add(attributes, attr, source);
			}
		}
		return { attributes, open };
	}
}

const EMPTY: KnownSet = { attributes: new Map(), open: false };

function value(node: Node): AttributeSource {
	return { kind: "value", node };
}

function sourceOf(binding: Binding, name: string): AttributeSource | undefined {
	if (binding.kind === "assign") {
		const rest = binding.path.attrs.slice(1);
		return rest.length === 0 ? value(binding.value) : { kind: "path", attrs: rest, value: binding.value };
	}
	if (binding.source !== undefined) return { kind: "inherit", source: binding.source.inner, name };
	const attr = binding.names.find((each) => staticName(each) === name);
	return attr?.kind === "leaf" ? { kind: "variable", token: attr.token } : undefined;
}

function add(attributes: Map<string, KnownAttribute>, attr: AttrNode, source: AttributeSource): void {
	const name = staticName(attr);
	const token = nameToken(attr);
	if (name === undefined || isMissing(token)) return;
	const earlier = attributes.get(name);
	attributes.set(name, {
		name,
		tokens: [...(earlier?.tokens ?? []), token],
		sources: [...(earlier?.sources ?? []), source],
	});
}

function joined(left: KnownSet, right: KnownSet): KnownSet {
	const attributes = new Map(left.attributes);
	for (const [name, each] of right.attributes) {
		const earlier = attributes.get(name);
		const tokens = [...(earlier?.tokens ?? []), ...each.tokens];
		attributes.set(name, { name, tokens, sources: [...(earlier?.sources ?? []), ...each.sources] });
	}
	return { attributes, open: left.open || right.open };
}
