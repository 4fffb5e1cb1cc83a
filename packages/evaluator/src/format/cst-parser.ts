/**
 * Parses into the concrete syntax tree. Layer 1, pure.
 *
 * Any text gives a tree: it is the parser of `syntax` that tells errors. Where a token or an operand is not there, the tree has
 * an empty one ({@link isMissing}); what fits nowhere is passed over. So a text that is being typed has its scopes. The tokens
 * are those of the same lexer, the precedences those of the same table.
 */

import { Lexer } from "../syntax/lexer.ts";
import { binaryRules, NEGATE, NOT, startsOperand } from "../syntax/operators.ts";
import { Token, type TokenKind } from "../syntax/tokens.ts";
import {
	type AttrNode,
	type AttrPathNode,
	type Binding,
	type FileNode,
	type FormalNode,
	type FormalsNode,
	type InterpolationNode,
	type LambdaNode,
	type LeafNode,
	type Node,
	type ParenNode,
	type SetNode,
	type StringNode,
	type StringPart,
	isMissing,
} from "./cst.ts";
import { splitTrivia, type Tok, type Trivia } from "./trivia.ts";

/** Parses a whole file, a byte string. Throws a RangeError where it is nested too deeply for the stack. */
export function parseCst(text: string): FileNode {
	return new CstParser(text, 0, true).parseFile();
}

const LEAVES: ReadonlySet<TokenKind> = new Set<TokenKind>([
	Token.identifier,
	Token.integer,
	Token.float,
	Token.searchPath,
	Token.uri,
]);

/** Names of an attribute path that are looked through for its `=`: each of them may begin a line. */
const LONGEST_PATH = 5;

const ATTR_STARTS: ReadonlySet<TokenKind> = new Set<TokenKind>([
	Token.identifier,
	Token.orKeyword,
	Token.quote,
	Token.dollarCurly,
]);

/** A comment after these on their line is one before what follows. */
const OPENERS: ReadonlySet<TokenKind> = new Set<TokenKind>([
	Token.parenOpen,
	Token.curlyOpen,
	Token.bracketOpen,
	Token.let,
	Token.in,
	Token.dollarCurly,
	Token.question,
]);

class CstParser extends Lexer {
	#pending: Trivia[] = [];
	readonly comments: string[] = [];
	/** What between two tokens has comments. */
	readonly #gaps: { readonly start: number; readonly end: number }[] = [];
	/** Line ends before the current token. */
	#lines = 0;
	#previous: Tok | undefined;
	/** How many constructs that are open end with each token. */
	readonly #awaited = new Uint32Array(Token.invalid + 1);

	parseFile(): FileNode {
		this.seek(0);
		this.#pending = splitTrivia(this.text.slice(0, this.start), true).before;
		this.#note(this.#pending);
		if (this.start > 0) this.#gaps.push({ start: 0, end: this.start });
		let expression = this.#parseExpression();
		const rest: Node[] = [];
		while (this.token !== Token.end) {
			if (!this.#startsExpression()) this.#take();
			else rest.push(this.#parseExpression());
		}
		if (rest.length > 0) expression = { kind: "apply", fn: expression, args: rest };
		const end = this.start;
		return {
			expression,
			gaps: this.#gaps,
			end: { text: "", start: end, end, lines: this.#lines, before: this.#pending, after: undefined },
		};
	}

	/** The current token, and on to the next one. */
	#take(): Tok {
		return this.#takeUpTo(this.end);
	}

	/** As {@link #take}, where the token ends elsewhere than the lexer knows. */
	#takeUpTo(end: number): Tok {
		const kind = this.token;
		const tok = this.#openToken(end);
		this.#closeToken(tok, kind);
		return tok;
	}

	/** A token without what follows: after it a string's text is scanned. */
	#openToken(end: number): Tok {
		const tok: Tok = {
			text: this.text.slice(this.start, end),
			start: this.start,
			end,
			lines: this.#lines,
			before: this.#pending,
			after: undefined,
		};
		this.#pending = [];
		this.#lines = 0;
		this.#moveComment(tok);
		this.#previous = tok;
		return tok;
	}

	/** Reads on after a token that was opened, and gives it the comment that follows. */
	#closeToken(tok: Tok, kind: TokenKind): void {
		this.seek(tok.end);
		const between = this.text.slice(tok.end, this.start);
		this.#lines = between.split("\n").length - 1;
		if (/[#/]/.test(between)) this.#gaps.push({ start: tok.end, end: this.start });
		const { after, before } = splitTrivia(between, false);
		this.#note(after === undefined ? before : [after, ...before]);
		if (after !== undefined && OPENERS.has(kind)) before.unshift(after);
		else if (after !== undefined && tok.after !== undefined) before.unshift(after);
		else if (after !== undefined) tok.after = after;
		this.#pending = before;
	}

	#note(trivia: readonly Trivia[]): void {
		for (const each of trivia) if (each.kind === "comment") this.comments.push(each.text);
	}

	/** A comment between a value and its `;` or `,` stands after that. */
	#moveComment(tok: Tok): void {
		const previous = this.#previous;
		if (previous?.after === undefined || (tok.text !== ";" && tok.text !== ",")) return;
		tok.after = previous.after;
		previous.after = undefined;
	}

	#expect(kind: TokenKind): Tok {
		return this.token === kind ? this.#take() : this.#missing();
	}

	/** A token that is not there. */
	#missing(): Tok {
		const at = Math.min(this.previousEnd, this.start);
		return { text: "", start: at, end: at, lines: 0, before: [], after: undefined };
	}

	/** Parses with a closing token awaited. */
	#awaiting<T>(closing: TokenKind, parse: () => T): T {
		const before = this.#awaited[closing] ?? 0;
		this.#awaited[closing] = before + 1;
		const result = parse();
		this.#awaited[closing] = before;
		return result;
	}

	#at(kind: TokenKind): boolean {
		return this.token === kind;
	}

	/** Whether something around what is parsed goes on here: what is open inside of it is not closed. */
	#endsHere(): boolean {
		return this.token === Token.end || (this.#awaited[this.token] ?? 0) > 0;
	}

	/** Whether an expression can be read here, so that something of the text is taken. */
	#startsExpression(): boolean {
		switch (this.token) {
			case Token.identifier:
				return !this.#atBinding();
			case Token.not:
			case Token.minus:
			case Token.assert:
			case Token.with:
			case Token.if:
				return true;
			default:
				return startsOperand[this.token] === true;
		}
	}

	/** At a name that begins a line: whether it is the attribute path of a binding, so that what is before it was not ended. */
	#atBinding(): boolean {
		if (this.token !== Token.identifier || this.#lines === 0) return false;
		const mark = this.mark();
		let assigned = false;
		for (let names = 0; names < LONGEST_PATH; names++) {
			this.advance();
			if (!this.#at(Token.dot)) {
				assigned = this.#at(Token.assign);
				break;
			}
			this.advance();
			if (!this.#at(Token.identifier)) break;
		}
		this.reset(mark);
		return assigned;
	}

	#parseExpression(): Node {
		switch (this.token) {
			case Token.identifier: {
				const mark = this.mark();
				const pending = this.#pending;
				this.advance();
				const lambda = this.token === (Token.colon as TokenKind) || this.token === (Token.at as TokenKind);
				this.reset(mark);
				this.#pending = pending;
				return lambda ? this.#parseLambda() : this.#parsePipes();
			}
			case Token.curlyOpen:
				return this.atPattern() ? this.#parseLambda() : this.#parsePipes();
			case Token.assert: {
				const keyword = this.#take();
				const condition = this.#parseExpression();
				const semicolon = this.#expect(Token.semicolon);
				return { kind: "assert", keyword, condition, semicolon, body: this.#parseExpression() };
			}
			case Token.with: {
				const keyword = this.#take();
				const scope = this.#parseExpression();
				const semicolon = this.#expect(Token.semicolon);
				return { kind: "with", keyword, scope, semicolon, body: this.#parseExpression() };
			}
			case Token.if: {
				const first = this.#take();
				const condition = this.#awaiting(Token.then, () => this.#parseExpression());
				const then = this.#expect(Token.then);
				const consequence = this.#awaiting(Token.else, () => this.#parseExpression());
				const otherwise = this.#expect(Token.else);
				return {
					kind: "if",
					if: first,
					condition,
					then,
					consequence,
					else: otherwise,
					alternative: this.#parseExpression(),
				};
			}
			case Token.let: {
				const mark = this.mark();
				this.advance();
				const old = this.token === (Token.curlyOpen as TokenKind);
				this.reset(mark);
				if (old) return this.#parsePipes();
				const keyword = this.#take();
				const bindings = this.#parseBindings(Token.in);
				const end = this.#expect(Token.in);
				return { kind: "let", keyword, bindings, in: end, body: this.#parseExpression() };
			}
			default:
				return this.#parsePipes();
		}
	}

	#parseLambda(): LambdaNode {
		const parameters: (Tok | FormalsNode)[] = [this.#parseParameter()];
		let at: Tok | undefined;
		if (this.token === Token.at) {
			at = this.#take();
			parameters.push(this.#parseParameter());
		}
		const colon = this.#expect(Token.colon);
		return { kind: "lambda", parameters, at, colon, body: this.#parseExpression() };
	}

	#parseParameter(): Tok | FormalsNode {
		if (this.token !== Token.curlyOpen) return this.#expect(Token.identifier);
		const open = this.#take();
		const entries: FormalNode[] = [];
		while (this.token !== (Token.curlyClose as TokenKind)) {
			if (this.token !== (Token.ellipsis as TokenKind) && this.token !== (Token.identifier as TokenKind)) {
				if (this.#endsHere()) break;
				this.#take();
				continue;
			}
			const name = this.#take();
			let fallback: FormalNode["fallback"];
			if (this.token === (Token.question as TokenKind)) {
				const question = this.#take();
				fallback = { question, value: this.#awaiting(Token.curlyClose, () => this.#parseExpression()) };
			}
			const comma = this.token === (Token.comma as TokenKind) ? this.#take() : undefined;
			entries.push({ name, fallback, comma: comma ?? this.#missingComma(name) });
		}
		return { open, entries, close: this.#expect(Token.curlyClose) };
	}

	/** A comma for the last parameter, where a comment stands after it: the comment stands after the comma then. */
	#missingComma(name: Tok): Tok | undefined {
		const previous = this.#previous;
		if (name.text === "..." || previous?.after === undefined) return undefined;
		const comma: Tok = { ...previous, text: ",", before: [], lines: 0 };
		previous.after = undefined;
		return comma;
	}

	#parsePipes(): Node {
		let left = this.#parseBinary(1);
		if (this.token === Token.pipeFrom) {
			const token = this.token;
			const operator = this.#take();
			const right = this.#parsePipes();
			return { kind: "binary", left, operator, token, precedence: 0, chains: true, right };
		}
		while (this.token === Token.pipeInto) {
			const token = this.token;
			const operator = this.#take();
			const right = this.#parseBinary(1);
			left = { kind: "binary", left, operator, token, precedence: 0, chains: true, right };
		}
		return left;
	}

	#parseBinary(least: number): Node {
		let left = this.#parsePrefix();
		for (;;) {
			const token = this.token;
			const rule = binaryRules[token];
			if (rule === undefined || rule.precedence < least) return left;
			const operator = this.#take();
			if (token === Token.question) {
				left = { kind: "hasAttr", subject: left, operator, path: this.#parseAttrPath() };
				continue;
			}
			const right = this.#parseBinary(rule.associates === "right" ? rule.precedence : rule.precedence + 1);
			const chains = rule.associates !== "none";
			left = { kind: "binary", left, operator, token, precedence: rule.precedence, chains, right };
		}
	}

	#parsePrefix(): Node {
		if (this.token !== Token.not && this.token !== Token.minus) return this.#parseApplication();
		const least = this.token === Token.not ? NOT : NEGATE;
		const operator = this.#take();
		return { kind: "prefix", operator, operand: this.#parseBinary(least) };
	}

	#parseApplication(): Node {
		const fn = this.#parseSelect();
		const args: Node[] = [];
		while (startsOperand[this.token] === true && !this.#atBinding()) args.push(this.#parseSelect());
		return args.length === 0 ? fn : { kind: "apply", fn, args };
	}

	#parseSelect(): Node {
		const subject = this.#parseSimple();
		if (this.token === Token.dot) {
			const dot = this.#take();
			const names = this.#parseAttrPath();
			if (this.token !== (Token.orKeyword as TokenKind)) {
				return { kind: "select", subject, path: { dot, names }, fallback: undefined };
			}
			const or = this.#take();
			return { kind: "select", subject, path: { dot, names }, fallback: { or, value: this.#parseSelect() } };
		}
		if (this.token !== Token.orKeyword) return subject;
		return { kind: "select", subject, path: undefined, fallback: { or: this.#take(), value: undefined } };
	}

	/** `binding`: it is that of a binding, and not what is selected. */
	#parseAttrPath(binding = false): AttrPathNode {
		const attrs = [this.#parseAttr(binding)];
		const dots: Tok[] = [];
		while (this.token === Token.dot) {
			dots.push(this.#take());
			attrs.push(this.#parseAttr());
		}
		return { attrs, dots };
	}

	#parseAttr(binding = false): AttrNode {
		if (this.token === Token.quote) return this.#parseString();
		if (this.token === Token.dollarCurly) {
			const open = this.#take();
			const value = this.#awaiting(Token.curlyClose, () => this.#parseExpression());
			const close = this.#expect(Token.curlyClose);
			const multiLine = this.text.slice(open.end, close.start).includes("\n");
			return { kind: "dynamic", open, value, close, multiLine };
		}
		const name = (this.token === Token.identifier && (binding || !this.#atBinding())) || this.token === Token.orKeyword;
		return { kind: "leaf", token: name ? this.#take() : this.#missing(), path: false };
	}

	#parseSimple(): Node {
		const token = this.token;
		if (LEAVES.has(token) && !this.#atBinding()) {
			const taken = this.#take();
			// A URI without quotes would swallow what comes after it without a space; in quotes it means the same.
			if (token === Token.uri) taken.text = `"${taken.text}"`;
			return { kind: "leaf", token: taken, path: token === Token.uri || token === Token.searchPath };
		}
		switch (token) {
			case Token.quote:
			case Token.indentedOpen:
				return this.#parseString();
			case Token.path:
			case Token.homePath:
				return this.#parsePath();
			case Token.parenOpen:
				return this.#parseParen();
			case Token.let:
			case Token.rec:
				return this.#parseSet(this.#take());
			case Token.curlyOpen:
				return this.#parseSet(undefined);
			case Token.bracketOpen: {
				const open = this.#take();
				const items = this.#awaiting(Token.bracketClose, () => this.#parseItems());
				return { kind: "list", open, items, close: this.#expect(Token.bracketClose) };
			}
			default:
				return { kind: "leaf", token: this.#missing(), path: false };
		}
	}

	#parseItems(): Node[] {
		const items: Node[] = [];
		while (!this.#endsHere() && !this.#atBinding()) {
			if (startsOperand[this.token] === true) items.push(this.#parseSelect());
			else if (this.token === Token.semicolon) break;
			else this.#take();
		}
		return items;
	}

	#parseParen(): ParenNode {
		const open = this.#take();
		const inner = this.#awaiting(Token.parenClose, () => this.#parseExpression());
		return { kind: "paren", open, inner, close: this.#expect(Token.parenClose) };
	}

	#parseSet(keyword: Tok | undefined): SetNode {
		const open = this.#expect(Token.curlyOpen);
		const bindings = isMissing(open) ? [] : this.#parseBindings(Token.curlyClose);
		const close = isMissing(open) ? this.#missing() : this.#expect(Token.curlyClose);
		return { kind: "set", keyword, open, bindings, close };
	}

	#parseBindings(closing: TokenKind): Binding[] {
		return this.#awaiting(closing, () => {
			const bindings: Binding[] = [];
			while (!this.#endsHere()) {
				if (this.token === Token.inherit) bindings.push(this.#parseInherit());
				else if (ATTR_STARTS.has(this.token)) bindings.push(this.#parseAssignment());
				else if (this.token === Token.indentedOpen) this.#parseString();
				else this.#take();
			}
			return bindings;
		});
	}

	#parseAssignment(): Binding {
		const path = this.#parseAttrPath(true);
		const equals = this.#expect(Token.assign);
		const value: Node = isMissing(equals)
			? { kind: "leaf", token: this.#missing(), path: false }
			: this.#parseExpression();
		return { kind: "assign", path, equals, value, semicolon: this.#expect(Token.semicolon) };
	}

	#parseInherit(): Binding {
		const keyword = this.#take();
		const source = this.token === Token.parenOpen ? this.#parseParen() : undefined;
		const names: AttrNode[] = [];
		while (ATTR_STARTS.has(this.token) && !this.#atBinding()) names.push(this.#parseAttr());
		return { kind: "inherit", keyword, source, names, semicolon: this.#expect(Token.semicolon) };
	}

	#parseString(): StringNode {
		const kind = this.token;
		const indented = kind === Token.indentedOpen;
		const open = this.#openToken(this.end);
		const parts: StringPart[] = [];
		let at = open.end;
		for (;;) {
			const end = indented ? this.#indentedTextEnd(at) : this.#textEnd(at);
			if (end > at) parts.push({ kind: "text", text: this.text.slice(at, end) });
			if (this.text.charAt(end) !== "$") {
				this.start = end;
				const width = this.text.charAt(end) === "\0" ? 0 : indented ? 2 : 1;
				const close = this.#openToken(end + width);
				this.#closeToken(close, kind);
				return { kind: "string", indented, open, parts, close };
			}
			this.seek(end);
			const opening = this.#take();
			const value = this.#awaiting(Token.curlyClose, () => this.#parseExpression());
			// What follows the brace is text again.
			const closing = this.token === Token.curlyClose ? this.#openToken(this.end) : this.#missing();
			const multiLine = this.text.slice(opening.end, closing.start).includes("\n");
			parts.push({ kind: "interpolation", open: opening, value, close: closing, multiLine });
			at = closing.end;
		}
	}

	/** Where the text of a `"…"` string ends: at the quote or `${`. */
	#textEnd(from: number): number {
		const text = this.text;
		const last = text.length - 1;
		let at = from;
		for (;;) {
			if (at >= last) return last;
			const c = text.charAt(at);
			if (c === '"' || c === "\0") return at;
			if (c === "\\") at += 2;
			else if (c === "$" && text.charAt(at + 1) === "{") return at;
			else if (c === "$" && text.charAt(at + 1) === "$") at += 2;
			else at++;
		}
	}

	/** Where the text of an indented string ends: at the closing `''` or `${`. */
	#indentedTextEnd(from: number): number {
		const text = this.text;
		const last = text.length - 1;
		let at = from;
		for (;;) {
			if (at >= last) return last;
			const c = text.charAt(at);
			const next = text.charAt(at + 1);
			if (c === "\0") return at;
			if (c === "$") {
				if (next === "{") return at;
				at += next === "'" || next === "\0" ? 1 : 2;
			} else if (c === "'" && next === "'") {
				const third = text.charAt(at + 2);
				if (third === "$" || third === "'") at += 3;
				else if (third === "\\") at += 4;
				else return at;
			} else if (c === "'") at += next === "$" || next === "\0" ? 1 : 2;
			else at++;
		}
	}

	/** A path, as written; its interpolations are there beside. */
	#parsePath(): LeafNode {
		const start = this.start;
		const interpolations: InterpolationNode[] = [];
		let at = this.end;
		for (;;) {
			if (this.text.startsWith("${", at)) {
				const interpolation = this.#parsePathInterpolation(at);
				interpolations.push(interpolation);
				at = interpolation.close.end;
			} else {
				const end = this.#skipPath(at);
				if (end === at) break;
				at = end;
			}
		}
		this.start = start;
		return { kind: "leaf", token: this.#takeUpTo(at), path: true, interpolations };
	}

	/** The interpolation at an offset; its comments are part of the path. */
	#parsePathInterpolation(from: number): InterpolationNode {
		const [pending, lines, previous, comments] = [this.#pending, this.#lines, this.#previous, this.comments.length];
		this.seek(from);
		const open = this.#take();
		const value = this.#awaiting(Token.curlyClose, () => this.#parseExpression());
		const close = this.token === Token.curlyClose ? this.#openToken(this.end) : this.#missing();
		[this.#pending, this.#lines, this.#previous] = [pending, lines, previous];
		this.comments.length = comments;
		return { open, value, close, multiLine: false };
	}

	#skipPath(from: number): number {
		let at = this.skipPathPart(from);
		while (this.text.charAt(at) === "/") {
			const end = this.skipPathPart(at + 1);
			if (end === at + 1) return this.text.startsWith("${", end) ? end : at;
			at = end;
		}
		return at;
	}
}

/** The comments of a text, as written. */
export function listComments(text: string): string[] {
	const parser = new CstParser(text, 0, true);
	parser.parseFile();
	return parser.comments;
}
