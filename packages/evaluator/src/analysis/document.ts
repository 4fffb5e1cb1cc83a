/** One text and all that is known of it without evaluating. Layer 1, pure: texts are byte strings, offsets count bytes. */

import { type AttrNode, firstToken, isMissing, type Node } from "../format/cst.ts";
import { parseCst } from "../format/cst-parser.ts";
import { Attributes, type KnownAttribute } from "./attributes.ts";
import { type Part, partsAround } from "./children.ts";
import { findScopes, nameToken, type Occurrence, type Scopes, staticName, type Variable } from "./scopes.ts";
import { contains, type Span, spanOf, spanOfToken } from "./span.ts";

/** What an offset is on. `span` is the name or literal itself. */
export type Named =
	| {
			readonly kind: "variable";
			readonly variable: Variable;
			readonly span: Span;
			/** Undefined where the place defines the variable. */
			readonly occurrence: Occurrence | undefined;
	  }
	/** Visible everywhere, or `builtins.name`; `name` is what the built-in operation is called. */
	| { readonly kind: "builtin"; readonly name: string; readonly span: Span }
	| { readonly kind: "with"; readonly occurrence: Occurrence; readonly span: Span }
	| { readonly kind: "undefined"; readonly name: string; readonly span: Span }
	/** Something selected, or inherited from an expression. */
	| {
			readonly kind: "attribute";
			readonly subject: Node;
			/** Up to the attribute and with it. */
			readonly path: readonly AttrNode[];
			readonly name: string | undefined;
			readonly known: KnownAttribute | undefined;
			readonly span: Span;
	  }
	/** The name of an attribute where a set is written. */
	| {
			readonly kind: "attributeDefinition";
			readonly name: string;
			readonly value: Node | undefined;
			readonly span: Span;
	  }
	/** A path or `<path>`, without interpolations. */
	| { readonly kind: "path"; readonly text: string; readonly span: Span };

export class NixDocument {
	readonly text: string;
	readonly root: Node;
	readonly scopes: Scopes;
	readonly attributes: Attributes;
	readonly globals: ReadonlySet<string>;
	readonly #gaps: readonly Span[];

	/** Throws a RangeError where the text is nested too deeply. */
	constructor(text: string, globals: ReadonlySet<string>) {
		this.text = text;
		this.globals = globals;
		const { expression, gaps } = parseCst(text);
		this.root = expression;
		this.#gaps = gaps;
		this.scopes = findScopes(this.root, text.length, globals);
		this.attributes = new Attributes(this.scopes);
	}

	/** What an offset is on; where two touch, the name. Undefined on blanks, operators and keywords. */
	named(offset: number): Named | undefined {
		const variable = this.#variableAt(offset);
		if (variable !== undefined) return variable;
		const parts = partsAround(this.root, offset);
		return this.#attributeAt(parts, offset) ?? pathAt(parts);
	}

	#variableAt(offset: number): Named | undefined {
		const used = this.#tokenStart(offset, (start) => this.scopes.usedAt.get(start)?.token.end);
		if (used !== undefined) {
			const occurrence = this.scopes.usedAt.get(used) as Occurrence;
			const { target, name, token } = occurrence;
			const span = spanOfToken(token);
			switch (target.kind) {
				case "variable":
					return { kind: "variable", variable: target.variable, span, occurrence };
				case "global":
					return { kind: "builtin", name: name.replace(/^__/, ""), span };
				case "with":
					return { kind: "with", occurrence, span };
				case "undefined":
					return { kind: "undefined", name, span };
			}
		}
		const siteEnd = (start: number): number | undefined =>
			this.scopes.definedAt.get(start)?.sites.find(({ token }) => token.start === start)?.token.end;
		const start = this.#tokenStart(offset, siteEnd);
		if (start === undefined) return undefined;
		const variable = this.scopes.definedAt.get(start) as Variable;
		return { kind: "variable", variable, span: { start, end: siteEnd(start) ?? start }, occurrence: undefined };
	}

	/** Where a token begins that reaches an offset; names are looked for backwards from it. */
	#tokenStart(offset: number, endOf: (start: number) => number | undefined): number | undefined {
		for (let start = offset; start >= 0 && start > offset - LONGEST_NAME; start--) {
			const end = endOf(start);
			if (end !== undefined) return end >= offset ? start : undefined;
			if (start < offset && !/[\w'"$.{} +-]/.test(this.text.charAt(start))) return undefined;
		}
		return undefined;
	}

	#attributeAt(parts: readonly Part[], offset: number): Named | undefined {
		const at = parts.findLastIndex((part) => part.kind === "attr");
		const attr = parts[at];
		if (attr?.kind !== "attr" || parts.slice(at + 1).some(({ kind }) => kind === "node")) return undefined;
		const span = spanOfToken(nameToken(attr.node));
		if (!contains(span, offset)) return undefined;
		const holder = parts[at - 1];
		const above = parts[at - 2];
		const name = staticName(attr.node);
		if (holder?.kind === "path" && above?.kind === "node") {
			const { node } = above;
			const subject = node.kind === "select" || node.kind === "hasAttr" ? node.subject : undefined;
			if (subject === undefined) return undefined;
			return this.#attribute(subject, holder.path.attrs.slice(0, attr.index + 1), span);
		}
		if (holder?.kind === "path" && above?.kind === "binding" && above.binding.kind === "assign" && name !== undefined) {
			const last = attr.index === above.binding.path.attrs.length - 1;
			return { kind: "attributeDefinition", name, value: last ? above.binding.value : undefined, span };
		}
		if (holder?.kind === "binding" && holder.binding.kind === "inherit" && holder.binding.source !== undefined) {
			return this.#attribute(holder.binding.source.inner, [attr.node], span);
		}
		return undefined;
	}

	#attribute(subject: Node, path: readonly AttrNode[], span: Span): Named {
		const name = staticName(path.at(-1) as AttrNode);
		if (path.length === 1 && name !== undefined && this.isBuiltins(subject)) return { kind: "builtin", name, span };
		return { kind: "attribute", subject, path, name, known: this.attributes.select(subject, path), span };
	}

	/** Whether an expression is the set of built-in operations. */
	isBuiltins(node: Node): boolean {
		if (node.kind === "paren") return this.isBuiltins(node.inner);
		if (node.kind !== "leaf" || node.token.text !== "builtins") return false;
		return this.scopes.usedAt.get(node.token.start)?.target.kind === "global";
	}

	/** The names of the attributes that a node is the value of, or is inside of the value of, from the outermost set. */
	attributePath(node: Node): readonly string[] {
		const { start } = spanOf(node);
		const names: string[] = [];
		for (const part of partsAround(this.root, start + 1)) {
			if (part.kind === "node" && part.node === node) break;
			if (part.kind !== "binding" || part.binding.kind !== "assign") continue;
			names.push(...part.binding.path.attrs.map((attr) => staticName(attr) ?? ""));
		}
		return names;
	}

	/** What lies between the tokens around an offset, where it has comments. */
	commentsAround(offset: number): Span | undefined {
		return this.#gaps.find(({ start, end }) => start < offset && offset <= end);
	}

	/** Whether an offset is inside of a comment, or at the end of one that goes up to the line's end. */
	inComment(offset: number): boolean {
		const gap = this.commentsAround(offset);
		if (gap === undefined) return false;
		for (const { index, 0: comment } of this.text.slice(gap.start, gap.end).matchAll(/#[^\r\n]*|\/\*[\s\S]*?\*\//g)) {
			const start = gap.start + index;
			const end = start + comment.length;
			if (start < offset && (offset < end || (offset === end && comment.startsWith("#")))) return true;
		}
		return false;
	}

	/** What is around an offset, innermost first, each larger than the one before. */
	spansAround(offset: number): readonly Span[] {
		const spans: Span[] = [];
		for (const { span } of partsAround(this.root, offset).toReversed()) {
			const last = spans.at(-1);
			if (last === undefined || span.start < last.start || span.end > last.end) spans.push(span);
		}
		return spans;
	}
}

/** Bytes of the longest name that is found at an offset. */
const LONGEST_NAME = 300;

function pathAt(parts: readonly Part[]): Named | undefined {
	const last = parts.at(-1);
	if (last?.kind !== "node" || last.node.kind !== "leaf" || !last.node.path) return undefined;
	if ((last.node.interpolations ?? []).length > 0 || isMissing(firstToken(last.node))) return undefined;
	return { kind: "path", text: last.node.token.text, span: spanOf(last.node) };
}
