/**
 * The syntax tree, as the parser makes it. Layer 1, pure.
 *
 * It keeps what Nix's own tree keeps, with the same sugar removed: `a.b.c = 1` is nested sets, `-a` and `a < b` are calls
 * of `__sub` and `__lessThan`, `<x>` is a call of `__findFile`. Positions are those Nix reports. Strings are byte strings.
 */

import type { Position } from "./position.ts";

export type Expr =
	| IntExpr
	| FloatExpr
	| StringExpr
	| PathExpr
	| VariableExpr
	| CurPosExpr
	| SelectExpr
	| HasAttrExpr
	| AttrsExpr
	| ListExpr
	| LambdaExpr
	| CallExpr
	| LetExpr
	| WithExpr
	| IfExpr
	| AssertExpr
	| NotExpr
	| BinaryExpr
	| ConcatExpr;

export interface IntExpr {
	readonly kind: "int";
	readonly value: number | bigint;
}

export interface FloatExpr {
	readonly kind: "float";
	readonly value: number;
}

export interface StringExpr {
	readonly kind: "string";
	readonly value: string;
}

/** A path without interpolation, made absolute; in a {@link ConcatExpr} it may end in a slash. */
export interface PathExpr {
	readonly kind: "path";
	readonly path: string;
}

export interface VariableExpr {
	readonly kind: "variable";
	readonly name: string;
	readonly position: Position;
}

/** `__curPos`. */
export interface CurPosExpr {
	readonly kind: "curPos";
	readonly position: Position;
}

/** One step of an attribute path: a name, or an expression that gives it. */
export type AttrName = string | Expr;

export interface SelectExpr {
	readonly kind: "select";
	readonly subject: Expr;
	readonly path: readonly AttrName[];
	/** What follows `or`. */
	readonly fallback: Expr | undefined;
	readonly position: Position;
}

export interface HasAttrExpr {
	readonly kind: "hasAttr";
	readonly subject: Expr;
	readonly path: readonly AttrName[];
}

/** How an attribute came into its set: `a = e`, `inherit a`, or `inherit (e) a`. */
export type Definition =
	| { readonly kind: "plain"; readonly name: string; readonly position: Position; readonly value: Expr }
	| { readonly kind: "inherited"; readonly name: string; readonly position: Position }
	| {
			readonly kind: "inheritedFrom";
			readonly name: string;
			readonly position: Position;
			readonly source: InheritSource;
	  };

/** The `e` of an `inherit (e) a b c;`, shared by its attributes. */
export interface InheritSource {
	readonly expression: Expr;
	/** Where the expression begins. */
	readonly position: Position;
}

export interface DynamicAttr {
	readonly name: Expr;
	readonly value: Expr;
	readonly position: Position;
}

export interface AttrsExpr {
	readonly kind: "attrs";
	recursive: boolean;
	position: Position;
	/** In source order, names unique. */
	definitions: Map<string, Definition>;
	dynamic: DynamicAttr[];
	/** In source order. */
	sources: InheritSource[];
}

export interface ListExpr {
	readonly kind: "list";
	readonly elements: readonly Expr[];
	/** The first element's. Kept, since lists may be nested deeply. */
	readonly position: Position;
}

export interface Formal {
	readonly name: string;
	readonly position: Position;
	readonly fallback: Expr | undefined;
}

/** The set pattern of a lambda; formals in source order, names unique. */
export interface Formals {
	readonly entries: readonly Formal[];
	readonly ellipsis: boolean;
}

export interface LambdaExpr {
	readonly kind: "lambda";
	/** `x` of `x: …`, `x@{ … }: …` or `{ … }@x: …`. */
	readonly parameter: string | undefined;
	readonly formals: Formals | undefined;
	readonly body: Expr;
	readonly position: Position;
	/** The attribute or variable that the function is bound to. */
	name: string | undefined;
}

export interface CallExpr {
	readonly kind: "call";
	readonly fn: Expr;
	readonly args: Expr[];
	readonly position: Position;
	/** End of an `f or`, which newer versions will read differently. */
	cursedOrEnd: Position | undefined;
}

export interface LetExpr {
	readonly kind: "let";
	readonly bindings: AttrsExpr;
	readonly body: Expr;
}

export interface WithExpr {
	readonly kind: "with";
	readonly scope: Expr;
	readonly body: Expr;
	readonly position: Position;
}

export interface IfExpr {
	readonly kind: "if";
	readonly condition: Expr;
	readonly then: Expr;
	readonly else: Expr;
	readonly position: Position;
}

export interface AssertExpr {
	readonly kind: "assert";
	readonly condition: Expr;
	readonly body: Expr;
	readonly position: Position;
}

export interface NotExpr {
	readonly kind: "not";
	readonly operand: Expr;
}

export type BinaryOperator = "==" | "!=" | "&&" | "||" | "->" | "//" | "++";

export interface BinaryExpr {
	readonly kind: "binary";
	readonly operator: BinaryOperator;
	readonly left: Expr;
	readonly right: Expr;
	/** Of the operator. */
	readonly position: Position;
}

/** An interpolated string or path, or `a + b` (where `string` is false). */
export interface ConcatExpr {
	readonly kind: "concat";
	/** Whether the result is a string whatever the first part is. */
	readonly string: boolean;
	readonly parts: readonly { readonly position: Position; readonly value: Expr }[];
	readonly position: Position;
}

/** The position that Nix gives to an expression; 0 where it gives none. */
export function positionOf(expr: Expr): Position {
	switch (expr.kind) {
		case "int":
		case "float":
		case "string":
		case "path":
		case "let":
			return 0;
		case "hasAttr":
			return positionOf(expr.subject);
		case "not":
			return positionOf(expr.operand);
		default:
			return expr.position;
	}
}
