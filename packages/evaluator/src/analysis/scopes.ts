/**
 * Which name means what: the scopes of a text, its variables, and each place that names one. Layer 1, pure.
 *
 * The rules are those of the binder, for a tree that may have gaps: nothing is refused here.
 */

import {
	type AttrNode,
	type Binding,
	firstToken,
	isMissing,
	type LambdaNode,
	type LeafNode,
	type Node,
	type SetNode,
	type StringNode,
} from "../format/cst.ts";
import type { Tok } from "../format/trivia.ts";
import { type Span, spanOfBinding } from "./span.ts";

/** A part of the text that sees further names. */
export interface Scope {
	readonly kind: "file" | "let" | "rec" | "lambda" | "with";
	/** What sees the names: for a `let` from the keyword to the end of the body. */
	readonly span: Span;
	readonly parent: Scope | undefined;
	readonly children: Scope[];
	/** None for `with`, whose names are known by evaluation only. */
	readonly variables: Map<string, Variable>;
	/** Undefined for the file's. */
	readonly node: Node | undefined;
}

export type VariableKind = "let" | "rec" | "formal" | "argument";

export interface Variable {
	readonly name: string;
	readonly kind: VariableKind;
	readonly scope: Scope;
	/** Where it is defined; several for `a.b = 1; a.c = 2;`. */
	readonly sites: Site[];
	readonly references: Occurrence[];
}

/** How a name comes to be defined at a place. */
export type Site =
	| { readonly kind: "assign"; readonly token: Tok; readonly binding: AssignBinding }
	| { readonly kind: "inherit"; readonly token: Tok; readonly binding: InheritBinding }
	| { readonly kind: "parameter"; readonly token: Tok; readonly lambda: LambdaNode; readonly fallback?: Node };

export type AssignBinding = Extract<Binding, { readonly kind: "assign" }>;
export type InheritBinding = Extract<Binding, { readonly kind: "inherit" }>;

export type Target =
	| { readonly kind: "variable"; readonly variable: Variable }
	| { readonly kind: "global" }
	/** An attribute of what one of these gives, innermost first. */
	| { readonly kind: "with"; readonly scopes: readonly Scope[] }
	| { readonly kind: "undefined" };

/** A place that names a variable to use it. */
export interface Occurrence {
	readonly name: string;
	readonly token: Tok;
	readonly scope: Scope;
	readonly target: Target;
	/** It is one of the names of an `inherit` without a source. */
	readonly inherit?: InheritBinding;
}

export interface Scopes {
	readonly root: Scope;
	/** In the order of the text. */
	readonly occurrences: readonly Occurrence[];
	readonly variables: readonly Variable[];
	/** By where its token begins. */
	readonly usedAt: ReadonlyMap<number, Occurrence>;
	/** By where a token begins that it is defined with. */
	readonly definedAt: ReadonlyMap<number, Variable>;
	/** The scopes of `let`, `rec`, functions and `with`. */
	readonly byNode: ReadonlyMap<Node, Scope>;
}

/** Finds all names. `globals` are those that are visible everywhere; names are byte strings. */
export function findScopes(root: Node, length: number, globals: ReadonlySet<string>): Scopes {
	const finder = new ScopeFinder(length, globals);
	finder.walk(root, finder.root, length);
	return finder.finish();
}

/** What an attribute is called, where the text says it: `a`, `"a"`, `${"a"}`. */
export function staticName(attr: AttrNode): string | undefined {
	switch (attr.kind) {
		case "leaf":
			return attr.token.text === "" ? undefined : attr.token.text;
		case "string": {
			const [first, second] = attr.parts;
			if (attr.indented || second !== undefined) return undefined;
			if (first === undefined) return "";
			return first.kind === "text" && !/[\\$\r]/.test(first.text) ? first.text : undefined;
		}
		case "dynamic":
			return attr.value.kind === "string" ? staticName(attr.value) : undefined;
	}
}

/** The token that stands for an attribute's name. */
export function nameToken(attr: AttrNode): Tok {
	if (attr.kind === "leaf") return attr.token;
	if (attr.kind === "string") return { ...attr.open, end: attr.close.end };
	return attr.open;
}

/** The scope that is innermost at an offset. */
export function scopeAt({ root }: Scopes, offset: number): Scope {
	let scope = root;
	for (;;) {
		const inner = scope.children.findLast(({ span }) => span.start <= offset && offset <= span.end);
		if (inner === undefined) return scope;
		scope = inner;
	}
}

/** What a name means when it is seen from a scope. */
function resolveName(name: string, from: Scope, globals: ReadonlySet<string>): Target {
	const withs: Scope[] = [];
	for (let scope: Scope | undefined = from; scope !== undefined; scope = scope.parent) {
		const variable = scope.variables.get(name);
		if (variable !== undefined) return { kind: "variable", variable };
		if (scope.kind === "with") withs.push(scope);
	}
	if (globals.has(name)) return { kind: "global" };
	return withs.length > 0 ? { kind: "with", scopes: withs } : { kind: "undefined" };
}

class ScopeFinder {
	readonly root: Scope;
	readonly #globals: ReadonlySet<string>;
	readonly #occurrences: Occurrence[] = [];
	readonly #variables: Variable[] = [];
	readonly #usedAt = new Map<number, Occurrence>();
	readonly #definedAt = new Map<number, Variable>();
	readonly #byNode = new Map<Node, Scope>();

	constructor(length: number, globals: ReadonlySet<string>) {
		this.#globals = globals;
		this.root = {
			kind: "file",
			span: { start: 0, end: length },
			parent: undefined,
			children: [],
			variables: new Map(),
			node: undefined,
		};
	}

	finish(): Scopes {
		this.#occurrences.sort((a, b) => a.token.start - b.token.start);
		return {
			root: this.root,
			occurrences: this.#occurrences,
			variables: this.#variables,
			usedAt: this.#usedAt,
			definedAt: this.#definedAt,
			byNode: this.#byNode,
		};
	}

	#open(kind: Scope["kind"], { node, parent, span }: { node: Node; parent: Scope; span: Span }): Scope {
		const scope: Scope = { kind, span, parent, children: [], variables: new Map(), node };
		parent.children.push(scope);
		this.#byNode.set(node, scope);
		return scope;
	}

	#define(scope: Scope, { name, kind }: { name: string; kind: VariableKind }, site: Site): void {
		let variable = scope.variables.get(name);
		if (variable === undefined) {
			variable = { name, kind, scope, sites: [], references: [] };
			scope.variables.set(name, variable);
			this.#variables.push(variable);
		}
		variable.sites.push(site);
		this.#definedAt.set(site.token.start, variable);
	}

	#refer(token: Tok, scope: Scope, detail: { inherit?: InheritBinding; name?: string } = {}): void {
		const { inherit, name = token.text } = detail;
		const target = resolveName(name, scope, this.#globals);
		const occurrence: Occurrence = { name, token, scope, target, ...(inherit === undefined ? {} : { inherit }) };
		this.#occurrences.push(occurrence);
		this.#usedAt.set(token.start, occurrence);
		if (target.kind === "variable") target.variable.references.push(occurrence);
	}

	/** `until` is where what comes after the node begins: the scopes at its end reach that far. */
	walk(node: Node, scope: Scope, until: number): void {
		switch (node.kind) {
			case "leaf":
				if (isVariable(node)) this.#refer(node.token, scope);
				for (const { value, close } of node.interpolations ?? []) this.walk(value, scope, before(close, until));
				return;
			case "string":
				this.#walkString(node, scope);
				return;
			case "list":
				this.#walkSequence(node.items, scope, before(node.close, until));
				return;
			case "set":
				this.#walkSet(node, scope, until);
				return;
			case "paren":
				this.walk(node.inner, scope, before(node.close, until));
				return;
			case "select":
				this.walk(node.subject, scope, node.path?.dot.start ?? node.fallback?.or.start ?? until);
				for (const attr of node.path?.names.attrs ?? []) this.#walkAttr(attr, scope);
				if (node.path === undefined && node.fallback !== undefined) this.#refer(node.fallback.or, scope);
				if (node.fallback?.value !== undefined) this.walk(node.fallback.value, scope, until);
				return;
			case "apply":
				this.#walkSequence([node.fn, ...node.args], scope, until);
				return;
			case "prefix":
				this.walk(node.operand, scope, until);
				return;
			case "binary":
				this.walk(node.left, scope, node.operator.start);
				this.walk(node.right, scope, until);
				return;
			case "hasAttr":
				this.walk(node.subject, scope, node.operator.start);
				for (const attr of node.path.attrs) this.#walkAttr(attr, scope);
				return;
			case "lambda":
				this.#walkLambda(node, scope, until);
				return;
			case "let": {
				const inner = this.#open("let", { node, parent: scope, span: { start: node.keyword.start, end: until } });
				this.#walkBindings(node.bindings, inner, { until: before(node.in, until), plain: false });
				this.walk(node.body, inner, until);
				return;
			}
			case "with": {
				this.walk(node.scope, scope, before(node.semicolon, until));
				const span = { start: node.semicolon.end, end: until };
				this.walk(node.body, this.#open("with", { node, parent: scope, span }), until);
				return;
			}
			case "assert":
				this.walk(node.condition, scope, before(node.semicolon, until));
				this.walk(node.body, scope, until);
				return;
			case "if":
				this.walk(node.condition, scope, before(node.then, until));
				this.walk(node.consequence, scope, before(node.else, until));
				this.walk(node.alternative, scope, until);
		}
	}

	#walkSequence(nodes: readonly Node[], scope: Scope, until: number): void {
		for (const [index, node] of nodes.entries()) {
			const next = nodes[index + 1];
			this.walk(node, scope, next === undefined ? until : firstToken(next).start);
		}
	}

	#walkString(node: StringNode, scope: Scope): void {
		for (const part of node.parts) {
			if (part.kind === "interpolation") this.walk(part.value, scope, part.close.start);
		}
	}

	#walkAttr(attr: AttrNode, scope: Scope): void {
		if (attr.kind === "string") this.#walkString(attr, scope);
		if (attr.kind === "dynamic") this.walk(attr.value, scope, attr.close.start);
	}

	#walkLambda(node: LambdaNode, scope: Scope, until: number): void {
		const first = node.parameters[0];
		const start = first === undefined ? node.colon.start : "open" in first ? first.open.start : first.start;
		const inner = this.#open("lambda", { node, parent: scope, span: { start, end: until } });
		const formals = node.parameters.filter((each) => "open" in each);
		for (const each of node.parameters) {
			if ("open" in each || isMissing(each)) continue;
			this.#define(inner, { name: each.text, kind: "argument" }, { kind: "parameter", token: each, lambda: node });
		}
		for (const { name, fallback } of formals.flatMap(({ entries }) => entries)) {
			if (name.text === "...") continue;
			const value = fallback === undefined ? {} : { fallback: fallback.value };
			this.#define(
				inner,
				{ name: name.text, kind: "formal" },
				{ kind: "parameter", token: name, lambda: node, ...value },
			);
		}
		for (const { entries, close } of formals) {
			for (const [index, { fallback, comma }] of entries.entries()) {
				if (fallback === undefined) continue;
				const end = comma?.start ?? entries[index + 1]?.name.start ?? before(close, until);
				this.walk(fallback.value, inner, end);
			}
		}
		this.walk(node.body, inner, until);
	}

	#walkSet(node: SetNode, scope: Scope, until: number): void {
		const end = isMissing(node.close) ? until : node.close.end;
		const recursive = node.keyword !== undefined;
		const inner = recursive ? this.#open("rec", { node, parent: scope, span: { start: node.open.end, end } }) : scope;
		this.#walkBindings(node.bindings, inner, { until: before(node.close, until), plain: !recursive });
	}

	/** `plain`: those of a set whose names are no variables. */
	#walkBindings(bindings: readonly Binding[], scope: Scope, options: { until: number; plain: boolean }): void {
		const { until, plain } = options;
		const kind = scope.kind === "let" ? "let" : "rec";
		for (const binding of plain ? [] : bindings) {
			if (binding.kind === "assign") {
				const attr = binding.path.attrs[0] as AttrNode;
				const name = staticName(attr);
				if (name === undefined) continue;
				this.#define(scope, { name, kind }, { kind: "assign", token: nameToken(attr), binding });
			} else {
				for (const attr of binding.names) {
					const name = staticName(attr);
					if (name === undefined) continue;
					this.#define(scope, { name, kind }, { kind: "inherit", token: nameToken(attr), binding });
				}
			}
		}
		const outer = plain ? scope : (scope.parent ?? scope);
		for (const [index, binding] of bindings.entries()) {
			const next = bindings[index + 1];
			const following = next === undefined ? until : spanOfBinding(next).start;
			if (binding.kind === "assign") {
				for (const attr of binding.path.attrs) this.#walkAttr(attr, scope);
				this.walk(binding.value, scope, before(binding.semicolon, following));
				continue;
			}
			if (binding.source !== undefined) {
				this.walk(binding.source, scope, binding.source.close.end);
				continue;
			}
			for (const attr of binding.names) {
				const name = staticName(attr);
				if (name !== undefined) this.#refer(nameToken(attr), outer, { inherit: binding, name });
			}
		}
	}
}

/** Where a token begins; where it is missing, what comes after it. */
function before(token: Tok, until: number): number {
	return isMissing(token) ? Math.max(until, token.start) : token.start;
}

/** A leaf that names a variable. */
function isVariable({ token, path }: LeafNode): boolean {
	return !path && /^[a-zA-Z_]/.test(token.text) && token.text !== "__curPos";
}
