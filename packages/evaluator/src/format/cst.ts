/** The concrete syntax tree: every token as written, nothing desugared, parentheses kept. Layer 1, pure. */

import type { TokenKind } from "../syntax/tokens.ts";
import type { Tok } from "./trivia.ts";

export type Node =
	| LeafNode
	| StringNode
	| ListNode
	| SetNode
	| ParenNode
	| SelectNode
	| ApplyNode
	| PrefixNode
	| BinaryNode
	| HasAttrNode
	| LambdaNode
	| LetNode
	| WithNode
	| AssertNode
	| IfNode;

/** A name, number, path (interpolations included, as written), URI or search path. */
export interface LeafNode {
	readonly kind: "leaf";
	readonly token: Tok;
	/** A path or the like: something that no line break makes shorter. */
	readonly path: boolean;
	/** Those of a path. */
	readonly interpolations?: readonly InterpolationNode[];
}

/** A piece of a string as written, or an interpolation. */
export type StringPart =
	| { readonly kind: "text"; readonly text: string }
	| ({ readonly kind: "interpolation" } & InterpolationNode);

/** `${ value }`. */
export interface InterpolationNode {
	readonly open: Tok;
	readonly value: Node;
	readonly close: Tok;
	/** It was written on several lines. */
	readonly multiLine: boolean;
}

export interface StringNode {
	readonly kind: "string";
	readonly indented: boolean;
	readonly open: Tok;
	readonly parts: readonly StringPart[];
	readonly close: Tok;
}

export interface ListNode {
	readonly kind: "list";
	readonly open: Tok;
	readonly items: readonly Node[];
	readonly close: Tok;
}

export interface SetNode {
	readonly kind: "set";
	/** `rec`, or the `let` of `let { … }`. */
	readonly keyword: Tok | undefined;
	readonly open: Tok;
	readonly bindings: readonly Binding[];
	readonly close: Tok;
}

export interface ParenNode {
	readonly kind: "paren";
	readonly open: Tok;
	readonly inner: Node;
	readonly close: Tok;
}

export type AttrNode = LeafNode | StringNode | ({ readonly kind: "dynamic" } & InterpolationNode);

/** Attributes with the dots between them: `dots[i]` stands after `attrs[i]`. */
export interface AttrPathNode {
	readonly attrs: readonly AttrNode[];
	readonly dots: readonly Tok[];
}

export interface SelectNode {
	readonly kind: "select";
	readonly subject: Node;
	/** Undefined for `f or`, a call of a function with an odd argument. */
	readonly path: { readonly dot: Tok; readonly names: AttrPathNode } | undefined;
	readonly fallback: { readonly or: Tok; readonly value: Node | undefined } | undefined;
}

export interface ApplyNode {
	readonly kind: "apply";
	readonly fn: Node;
	readonly args: readonly Node[];
}

export interface PrefixNode {
	readonly kind: "prefix";
	readonly operator: Tok;
	readonly operand: Node;
}

export interface BinaryNode {
	readonly kind: "binary";
	readonly left: Node;
	readonly operator: Tok;
	readonly token: TokenKind;
	readonly precedence: number;
	/** Whether operands of the same operator are read as one chain. */
	readonly chains: boolean;
	readonly right: Node;
}

export interface HasAttrNode {
	readonly kind: "hasAttr";
	readonly subject: Node;
	readonly operator: Tok;
	readonly path: AttrPathNode;
}

export interface FormalNode {
	/** A name, or the ellipsis. */
	readonly name: Tok;
	readonly fallback: { readonly question: Tok; readonly value: Node } | undefined;
	readonly comma: Tok | undefined;
}

export interface FormalsNode {
	readonly open: Tok;
	readonly entries: readonly FormalNode[];
	readonly close: Tok;
}

export interface LambdaNode {
	readonly kind: "lambda";
	/** In source order: a name, a set pattern, or both with `at` between them. */
	readonly parameters: readonly (Tok | FormalsNode)[];
	readonly at: Tok | undefined;
	readonly colon: Tok;
	readonly body: Node;
}

export type Binding =
	| {
			readonly kind: "assign";
			readonly path: AttrPathNode;
			readonly equals: Tok;
			readonly value: Node;
			readonly semicolon: Tok;
	  }
	| {
			readonly kind: "inherit";
			readonly keyword: Tok;
			readonly source: ParenNode | undefined;
			readonly names: readonly AttrNode[];
			readonly semicolon: Tok;
	  };

export interface LetNode {
	readonly kind: "let";
	readonly keyword: Tok;
	readonly bindings: readonly Binding[];
	readonly in: Tok;
	readonly body: Node;
}

export interface WithNode {
	readonly kind: "with";
	readonly keyword: Tok;
	readonly scope: Node;
	readonly semicolon: Tok;
	readonly body: Node;
}

export interface AssertNode {
	readonly kind: "assert";
	readonly keyword: Tok;
	readonly condition: Node;
	readonly semicolon: Tok;
	readonly body: Node;
}

export interface IfNode {
	readonly kind: "if";
	readonly if: Tok;
	readonly condition: Node;
	readonly then: Tok;
	readonly consequence: Node;
	readonly else: Tok;
	readonly alternative: Node;
}

/** A whole file; `end` has what follows the expression. */
export interface FileNode {
	readonly expression: Node;
	/** What stands between tokens and has comments: offsets, in the order of the text. */
	readonly gaps: readonly { readonly start: number; readonly end: number }[];
	readonly end: Tok;
}

/** Whether a token is one that the text lacks. */
export function isMissing(token: Tok): boolean {
	return token.start === token.end;
}

/** The first token of a node. */
export function firstToken(node: Node | AttrNode): Tok {
	switch (node.kind) {
		case "leaf":
			return node.token;
		case "string":
		case "list":
		case "paren":
		case "dynamic":
			return node.open;
		case "set":
			return node.keyword ?? node.open;
		case "select":
		case "hasAttr":
			return firstToken(node.subject);
		case "apply":
			return firstToken(node.fn);
		case "prefix":
			return node.operator;
		case "binary":
			return firstToken(node.left);
		case "lambda": {
			const first = node.parameters[0] as Tok | FormalsNode;
			return "open" in first ? first.open : first;
		}
		case "let":
		case "with":
		case "assert":
			return node.keyword;
		case "if":
			return node.if;
	}
}
