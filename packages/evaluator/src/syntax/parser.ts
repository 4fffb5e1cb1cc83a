/**
 * The parser: recursive descent, with the binary operators' precedence as a table. Layer 1, pure.
 *
 * The grammar is Nix's, its positions and its messages too: what "expecting …" lists is what Nix's generated parser
 * would list in that state. Input may be hostile: nesting too deep for the stack is a syntax error.
 */

import { EvalError } from "../eval/error.ts";
import { parseInteger } from "../value/integer.ts";
import {
	type AttrsExpr,
	type BinaryOperator,
	type CallExpr,
	type Expr,
	type Formals,
	positionOf,
	type VariableExpr,
} from "./ast.ts";
import { BindingsParser, emptyAttrs } from "./bindings-parser.ts";
import { binaryRules, LOOSEST, NEGATE, NOT, startsOperand } from "./operators.ts";
import { NO_POSITION, type Position } from "./position.ts";
import type { Lints, PathContext } from "./string-parser.ts";
import { Token, type TokenKind } from "./tokens.ts";

export interface ParseOptions {
	/** Position of the first byte (see PositionTable). */
	readonly base: Position;
	readonly paths: PathContext;
	readonly pipeOperators?: boolean;
	/** A position as messages show it: `file:line:column`. */
	readonly describe: (position: Position) => string;
	/** Told of what is allowed but should be changed; the position is 0 where the message names the place itself. */
	readonly warn?: (message: string, position: Position) => void;
	/** By default nothing is said about literals. */
	readonly lints?: Lints;
}

/** Parses a whole text, a byte string. Throws an EvalError of kind `syntax`. */
export function parseExpr(text: string, options: ParseOptions): Expr {
	try {
		return new Parser(text, options).parseFile();
	} catch (error) {
		if (!(error instanceof RangeError)) throw error;
		throw new EvalError("syntax", "expression is nested too deeply", { position: options.base });
	}
}

const lintSettings: Readonly<Record<keyof Lints, string>> = {
	urlLiterals: "lint-url-literals",
	absolutePathLiterals: "lint-absolute-path-literals",
	shortPathLiterals: "lint-short-path-literals",
};

class Parser extends BindingsParser {
	readonly #options: ParseOptions;

	constructor(text: string, options: ParseOptions) {
		super(text, options.base, { pipeOperators: options.pipeOperators ?? false, paths: options.paths });
		this.#options = options;
	}

	parseFile(): Expr {
		this.seek(0);
		const expr = this.parseExpression();
		if (this.token !== Token.end) this.unexpected([Token.end]);
		return expr;
	}

	protected override describe(position: Position): string {
		return this.#options.describe(position);
	}

	protected override lint(name: keyof Lints, message: (fatal: boolean) => string): void {
		const level = this.#options.lints?.[name] ?? "ignore";
		if (level === "ignore") return;
		const text = `${message(level === "fatal")} (${lintSettings[name]})`;
		if (level === "fatal") this.fail(text, this.position);
		this.#options.warn?.(text, this.position);
	}

	protected override parseExpression(): Expr {
		const position = this.position;
		switch (this.token) {
			case Token.identifier: {
				const name = this.identifier();
				this.advance();
				const next = this.token as TokenKind;
				if (next === Token.colon) return this.#lambda(name, undefined, position);
				if (next === Token.at) return this.#parsePattern(name, position);
				return this.#parsePipes(variable(name, position), position);
			}
			case Token.curlyOpen:
				if (this.atPattern()) return this.#parsePattern(undefined, position);
				return this.#parsePipes(undefined, position);
			case Token.assert: {
				this.advance();
				const condition = this.parseExpression();
				this.expect(Token.semicolon);
				return { kind: "assert", condition, body: this.parseExpression(), position };
			}
			case Token.with: {
				this.advance();
				const scope = this.parseExpression();
				this.expect(Token.semicolon);
				return { kind: "with", scope, body: this.parseExpression(), position };
			}
			case Token.if: {
				this.advance();
				const condition = this.parseExpression();
				this.expect(Token.then);
				const then = this.parseExpression();
				this.expect(Token.else);
				return { kind: "if", condition, then, else: this.parseExpression(), position };
			}
			case Token.let: {
				this.advance();
				if ((this.token as TokenKind) === Token.curlyOpen) {
					return this.#parsePipes(this.#parseOldLet(position), position);
				}
				const bindings = this.parseBindings(Token.in, [Token.in, Token.inherit]);
				this.advance();
				const body = this.parseExpression();
				if (bindings.dynamic.length > 0) this.fail("dynamic attributes not allowed in let", position);
				return { kind: "let", bindings, body };
			}
			default:
				return this.#parsePipes(undefined, position);
		}
	}

	/** A lambda with a set pattern: at `@` after its name, or at the pattern's `{`. */
	#parsePattern(before: string | undefined, position: Position): Expr {
		let parameter = before;
		if (before !== undefined) {
			this.advance();
			if (this.token !== Token.curlyOpen) this.unexpected([Token.curlyOpen]);
		}
		const formals = this.parseFormals();
		if (before === undefined && this.token === Token.at) {
			this.advance();
			if ((this.token as TokenKind) !== Token.identifier) this.unexpected([Token.identifier]);
			parameter = this.identifier();
			this.advance();
			if ((this.token as TokenKind) !== Token.colon) this.unexpected([Token.colon]);
		} else if (this.token !== Token.colon) {
			this.unexpected(before === undefined ? [Token.colon, Token.at] : [Token.colon]);
		}
		return this.#lambda(parameter, formals, position);
	}

	/** At the `:` of a lambda. */
	#lambda(parameter: string | undefined, formals: Formals | undefined, position: Position): Expr {
		this.advance();
		const body = this.parseExpression();
		if (formals !== undefined) this.checkFormals(formals, parameter, position);
		return { kind: "lambda", parameter, formals, body, position, name: undefined };
	}

	/** `a |> f |> g`, `f <| g <| a`, or an expression of tighter operators. `first` is an operand read already. */
	#parsePipes(first: Expr | undefined, start: Position): Expr {
		let left = this.#parseBinary(LOOSEST, first, start);
		if (this.token === Token.pipeFrom) {
			const position = this.position;
			this.advance();
			const right = this.#parsePipesFrom();
			return makeCall(left, right, position);
		}
		while (this.token === Token.pipeInto) {
			const position = this.position;
			this.advance();
			left = makeCall(this.#parseBinary(LOOSEST, undefined, this.position), left, position);
		}
		return left;
	}

	#parsePipesFrom(): Expr {
		const left = this.#parseBinary(LOOSEST, undefined, this.position);
		if (this.token !== Token.pipeFrom) return left;
		const position = this.position;
		this.advance();
		return makeCall(left, this.#parsePipesFrom(), position);
	}

	/** Operators that bind at least as tight as `least`. */
	#parseBinary(least: number, first: Expr | undefined, start: Position): Expr {
		let left = first === undefined ? this.#parsePrefix() : this.#parseApplication(first, start);
		for (;;) {
			const operator = this.token;
			const rule = binaryRules[operator];
			if (rule === undefined || rule.precedence < least) return left;
			const position = this.position;
			this.advance();
			if (operator === Token.question) {
				left = { kind: "hasAttr", subject: left, path: this.parseAttrPath() };
			} else {
				const rightStart = this.position;
				const right = this.#parseBinary(
					rule.associates === "right" ? rule.precedence : rule.precedence + 1,
					undefined,
					rightStart,
				);
				left = combine(operator, { left, right, start, position, rightStart });
			}
			if (rule.associates === "none" && binaryRules[this.token]?.precedence === rule.precedence) this.unexpected();
		}
	}

	#parsePrefix(): Expr {
		const position = this.position;
		if (this.token === Token.not) {
			this.advance();
			return { kind: "not", operand: this.#parseBinary(NOT, undefined, this.position) };
		}
		if (this.token === Token.minus) {
			this.advance();
			const operand = this.#parseBinary(NEGATE, undefined, this.position);
			return call(variable("__sub", 0), [{ kind: "int", value: 0 }, operand], position);
		}
		return this.#parseApplication(undefined, position);
	}

	/** `f a b`; `first` is a simple expression read already. */
	#parseApplication(first: Expr | undefined, start: Position): Expr {
		let fn = this.#parseSelect(first, start);
		if (fn.kind === "call") fn.cursedOrEnd = undefined;
		while (startsOperand[this.token] === true) {
			const arg = this.#parseSelect(undefined, this.position);
			fn = makeCall(fn, arg, start);
			this.#warnOfCursedOr(arg);
		}
		return fn;
	}

	/** `a.b.c or d`, or the application of a simple expression to a function named `or`. */
	#parseSelect(first: Expr | undefined, position: Position): Expr {
		const subject = first ?? this.#parseSimple();
		if (this.token === Token.dot) {
			this.advance();
			const path = this.parseAttrPath();
			if ((this.token as TokenKind) !== Token.orKeyword) {
				return { kind: "select", subject, path, fallback: undefined, position };
			}
			this.advance();
			const fallback = this.#parseSelect(undefined, this.position);
			this.#warnOfCursedOr(fallback);
			return { kind: "select", subject, path, fallback, position };
		}
		if (this.token !== Token.orKeyword) return subject;
		const name = variable("or", position);
		this.advance();
		const application = call(subject, [name], position);
		application.cursedOrEnd = this.base + this.previousEnd;
		return application;
	}

	#warnOfCursedOr(expr: Expr): void {
		if (expr.kind !== "call" || expr.cursedOrEnd === undefined || this.#options.warn === undefined) return;
		const snippet = this.text.slice(expr.position - this.base, expr.cursedOrEnd - this.base);
		this.#options.warn(
			`at ${this.describe(expr.position)}: This expression uses \`or\` as an identifier in a way that will change in a future Nix release.\n` +
				"Wrap this entire expression in parentheses to preserve its current meaning:\n" +
				`    (${snippet})\n` +
				"Give feedback at https://github.com/NixOS/nix/pull/11121",
			0,
		);
	}

	#parseSimple(): Expr {
		const position = this.position;
		switch (this.token) {
			case Token.identifier: {
				const name = this.identifier();
				this.advance();
				return variable(name, position);
			}
			case Token.integer: {
				const value = parseInteger(this.lexeme);
				if (value === undefined) this.fail(`invalid integer '${this.lexeme}'`, position);
				this.advance();
				return { kind: "int", value };
			}
			case Token.float: {
				const value = Number(this.lexeme);
				if (!Number.isFinite(value)) this.fail(`invalid float '${this.lexeme}'`, position);
				this.advance();
				return { kind: "float", value };
			}
			case Token.quote:
				return this.parseString();
			case Token.indentedOpen:
				return this.parseIndentedString();
			case Token.path:
			case Token.homePath:
				return this.parsePath();
			case Token.searchPath: {
				const path = this.lexeme.slice(1, -1);
				this.advance();
				return call(variable("__findFile", 0), [variable("__nixPath", 0), { kind: "string", value: path }], position);
			}
			case Token.uri: {
				const value = this.lexeme;
				this.lint("urlLiterals", (fatal) => {
					const verdict = fatal ? "disallowed" : "discouraged";
					return `URL literals are ${verdict}. Consider using a string literal "${value}" instead`;
				});
				this.advance();
				return { kind: "string", value };
			}
			case Token.parenOpen: {
				this.advance();
				const inner = this.parseExpression();
				this.expect(Token.parenClose);
				return inner;
			}
			case Token.let:
				this.advance();
				if ((this.token as TokenKind) !== Token.curlyOpen) this.unexpected([Token.curlyOpen]);
				return this.#parseOldLet(position);
			case Token.rec:
				this.advance();
				if ((this.token as TokenKind) !== Token.curlyOpen) this.unexpected([Token.curlyOpen]);
				return this.#parseSet(position, true);
			case Token.curlyOpen:
				return this.#parseSet(position, false);
			case Token.bracketOpen:
				return this.#parseList();
			default:
				return this.unexpected();
		}
	}

	/** At `{`. */
	#parseSet(position: Position, recursive: boolean): AttrsExpr {
		this.advance();
		if (this.token === Token.curlyClose) {
			this.advance();
			return { ...emptyAttrs(), recursive, position };
		}
		const attrs = this.parseBindings(Token.curlyClose, recursive ? [Token.inherit, Token.curlyClose] : [Token.inherit]);
		this.advance();
		attrs.recursive = recursive;
		attrs.position = position;
		return attrs;
	}

	/** `let { … body = e; }`, at `{`. */
	#parseOldLet(position: Position): Expr {
		const subject = this.#parseSet(position, true);
		return { kind: "select", subject, path: ["body"], fallback: undefined, position };
	}

	#parseList(): Expr {
		this.advance();
		const elements: Expr[] = [];
		while (startsOperand[this.token] === true) {
			const element = this.#parseSelect(undefined, this.position);
			this.#warnOfCursedOr(element);
			elements.push(element);
		}
		if (this.token !== Token.bracketClose) this.unexpected();
		this.advance();
		const position = elements[0] === undefined ? NO_POSITION : positionOf(elements[0]);
		return { kind: "list", elements, position };
	}
}

function variable(name: string, position: Position): Expr & (VariableExpr | { kind: "curPos" }) {
	return name === "__curPos" ? { kind: "curPos", position } : { kind: "variable", name, position };
}

function call(fn: Expr, args: Expr[], position: Position): CallExpr {
	return { kind: "call", fn, args, position, cursedOrEnd: undefined };
}

/** `fn arg`; calls of a call become one call with more arguments. */
function makeCall(fn: Expr, arg: Expr, position: Position): Expr {
	if (fn.kind !== "call") return call(fn, [arg], position);
	fn.args.push(arg);
	return fn;
}

const plainOperators: ReadonlyMap<TokenKind, BinaryOperator> = new Map<TokenKind, BinaryOperator>([
	[Token.equal, "=="],
	[Token.notEqual, "!="],
	[Token.and, "&&"],
	[Token.or, "||"],
	[Token.implies, "->"],
	[Token.update, "//"],
	[Token.concat, "++"],
]);

interface Operands {
	readonly left: Expr;
	readonly right: Expr;
	/** Where the left operand begins. */
	readonly start: Position;
	/** Of the operator. */
	readonly position: Position;
	readonly rightStart: Position;
}

function combine(operator: TokenKind, operands: Operands): Expr {
	const { left, right, position } = operands;
	const plain = plainOperators.get(operator);
	if (plain !== undefined) return { kind: "binary", operator: plain, left, right, position };
	switch (operator) {
		case Token.plus: {
			const parts = [
				{ position: operands.start, value: left },
				{ position: operands.rightStart, value: right },
			];
			return { kind: "concat", string: false, parts, position };
		}
		case Token.minus:
			return call(variable("__sub", 0), [left, right], position);
		case Token.times:
			return call(variable("__mul", 0), [left, right], position);
		case Token.divide:
			return call(variable("__div", 0), [left, right], position);
		case Token.less:
			return call(variable("__lessThan", 0), [left, right], position);
		case Token.greater:
			return call(variable("__lessThan", 0), [right, left], position);
		case Token.lessOrEqual:
			return { kind: "not", operand: call(variable("__lessThan", 0), [right, left], position) };
		case Token.greaterOrEqual:
			return { kind: "not", operand: call(variable("__lessThan", 0), [left, right], position) };
		default:
			throw new Error(`no operator: ${operator}`);
	}
}
