/** Precedences of the operators, and what operands begin with. Layer 1, pure. */

import { Token, type TokenKind } from "./tokens.ts";

export interface BinaryRule {
	readonly precedence: number;
	readonly associates: "left" | "right" | "none";
}

/** Precedences of the prefix operators, and of the loosest binary one. */
export const NEGATE = 12;
export const NOT = 7;
export const LOOSEST = 1;

/** By token; undefined for tokens that are no binary operator. */
export const binaryRules: readonly (BinaryRule | undefined)[] = listRules();

function listRules(): (BinaryRule | undefined)[] {
	const rules: (BinaryRule | undefined)[] = Array.from({ length: Token.invalid + 1 }, () => undefined);
	const levels: readonly (readonly [number, BinaryRule["associates"], readonly TokenKind[]])[] = [
		[1, "right", [Token.implies]],
		[2, "left", [Token.or]],
		[3, "left", [Token.and]],
		[4, "none", [Token.equal, Token.notEqual]],
		[5, "none", [Token.less, Token.greater, Token.lessOrEqual, Token.greaterOrEqual]],
		[6, "right", [Token.update]],
		[8, "left", [Token.plus, Token.minus]],
		[9, "left", [Token.times, Token.divide]],
		[10, "right", [Token.concat]],
		[11, "none", [Token.question]],
	];
	for (const [precedence, associates, tokens] of levels) {
		for (const token of tokens) rules[token] = { precedence, associates };
	}
	return rules;
}

/** Tokens that an operand of an application, or an element of a list, can begin with. */
export const startsOperand: readonly boolean[] = listOperandStarts();

function listOperandStarts(): boolean[] {
	const starts = Array.from({ length: Token.invalid + 1 }, () => false);
	const tokens: readonly TokenKind[] = [
		Token.identifier,
		Token.integer,
		Token.float,
		Token.quote,
		Token.indentedOpen,
		Token.path,
		Token.homePath,
		Token.searchPath,
		Token.uri,
		Token.parenOpen,
		Token.let,
		Token.rec,
		Token.curlyOpen,
		Token.bracketOpen,
	];
	for (const token of tokens) starts[token] = true;
	return starts;
}
