/**
 * The lexer: one token of lookahead over a byte string. Layer 1, pure.
 *
 * It follows the longest-match rules of Nix's grammar for everything outside of strings; what is inside strings, paths
 * with interpolation and their nesting is scanned by the parser's string methods, which know where they are. So the lexer
 * has no modes, and {@link Lexer.mark} and {@link Lexer.reset} allow to look ahead.
 */

import { EvalError } from "../eval/error.ts";
import { internName } from "../value/shape.ts";
import type { Position } from "./position.ts";
import {
	charClass,
	DIGIT,
	IDENTIFIER_PART,
	IDENTIFIER_START,
	KEYWORD_START,
	keywords,
	PATH_PART,
	punctuation,
	SCHEME_PART,
	SPACE,
	Token,
	type TokenKind,
	tokenNames,
	URI_PART,
} from "./tokens.ts";

/** The bytes that begin something longer than one character; the rest is in the punctuation table. */
const HASH = 0x23;
const SLASH = 0x2f;
const STAR = 0x2a;
const DOLLAR = 0x24;
const CURLY = 0x7b;
const TILDE = 0x7e;
const LESS = 0x3c;
const GREATER = 0x3e;
const QUOTE = 0x27;
const EQUALS = 0x3d;
const BAR = 0x7c;
const AMPERSAND = 0x26;
const BANG = 0x21;
const MINUS = 0x2d;
const PLUS = 0x2b;
const DOT = 0x2e;
const COLON = 0x3a;

export class Lexer {
	protected readonly text: string;
	/** Position of offset 0. */
	protected readonly base: Position;
	protected readonly pipeOperators: boolean;

	/** The current token: kind, where it begins and ends. */
	protected token: TokenKind = Token.end;
	protected start = 0;
	protected end = 0;
	/** No path, and no URI, begins before these offsets: what was looked through once is not looked through again. */
	#noPathBefore = 0;
	#noUriBefore = 0;
	/** Where the token before the current one ended. */
	protected previousEnd = 0;

	constructor(text: string, base: Position, pipeOperators: boolean) {
		// A zero byte ends the text, as in Nix; so no read is ever out of bounds.
		this.text = `${text}\0`;
		this.base = base;
		this.pipeOperators = pipeOperators;
	}

	/** The text of the current token. */
	protected get lexeme(): string {
		return this.text.slice(this.start, this.end);
	}

	/** The position of the current token. */
	protected get position(): Position {
		return this.base + this.start;
	}

	/** At `{`: whether it begins a set pattern and not a set. */
	protected atPattern(): boolean {
		const mark = this.mark();
		this.advance();
		let pattern = false;
		if (this.token === Token.ellipsis) pattern = true;
		else if (this.token === Token.curlyClose) {
			this.advance();
			pattern = (this.token as TokenKind) === Token.colon || (this.token as TokenKind) === Token.at;
		} else if (this.token === Token.identifier) {
			this.advance();
			const next = this.token as TokenKind;
			pattern = next === Token.comma || next === Token.question || next === Token.curlyClose;
		}
		this.reset(mark);
		return pattern;
	}

	/** What {@link reset} needs to come back to the current token. */
	protected mark(): number {
		return this.start;
	}

	protected reset(mark: number): void {
		this.#noPathBefore = 0;
		this.#noUriBefore = 0;
		this.seek(mark);
	}

	/** Reads the token that begins at or after an offset. */
	protected seek(offset: number): void {
		this.end = offset;
		this.advance();
	}

	/** Goes on to the next token. */
	protected advance(): void {
		this.previousEnd = this.end;
		const text = this.text;
		let at = this.end;
		for (;;) {
			const c = text.charCodeAt(at);
			if (((charClass[c] as number) & SPACE) !== 0) at++;
			else if (c === HASH) at = this.#endOfLine(at);
			else if (c === SLASH && text.charCodeAt(at + 1) === STAR) {
				const close = text.indexOf("*/", at + 2);
				if (close < 0) break;
				at = close + 2;
			} else break;
		}
		this.start = at;
		this.token = this.#scan(at);
	}

	/** Checks the current token, then goes on; `expecting` lists what error messages name. */
	protected expect(kind: TokenKind, expecting: readonly TokenKind[] = [kind]): void {
		if (this.token !== kind) this.unexpected(expecting);
		this.advance();
	}

	/** Throws "syntax error, unexpected X, expecting Y". */
	protected unexpected(expecting: readonly TokenKind[] = []): never {
		const names = expecting.map((kind) => tokenNames[kind]).join(" or ");
		const position = this.token === Token.end ? this.base + this.end : this.position;
		const tail = names === "" ? "" : `, expecting ${names}`;
		this.fail(`syntax error, unexpected ${tokenNames[this.token] ?? ""}${tail}`, position);
	}

	/** Throws a syntax error. */
	protected fail(message: string, position: Position): never {
		throw new EvalError("syntax", message, { position });
	}

	#endOfLine(from: number): number {
		const text = this.text;
		let at = from;
		for (;;) {
			const c = text.charCodeAt(at);
			if (c === 0x0a || c === 0x0d || at >= text.length - 1) return at;
			at++;
		}
	}

	/** Finds the kind and the end of the token at `start`. */
	#scan(start: number): TokenKind {
		const text = this.text;
		const c = text.charCodeAt(start);
		if (c === 0) {
			this.end = Math.min(start + 1, text.length - 1);
			return Token.end;
		}
		const classes = charClass[c] as number;
		if ((classes & (IDENTIFIER_START | PATH_PART)) !== 0 || c === SLASH) {
			if ((classes & IDENTIFIER_START) !== 0) return this.#scanWord(start);
			const path = this.#pathEnd(start);
			if (path > 0) return this.#take(Token.path, path);
			if ((classes & DIGIT) !== 0 || (c === DOT && isDigit(text.charCodeAt(start + 1)))) return this.#scanNumber(start);
		}
		const next = text.charCodeAt(start + 1);
		switch (c) {
			case DOLLAR:
				return next === CURLY ? this.#take(Token.dollarCurly, start + 2) : this.#take(Token.invalid, start + 1);
			case QUOTE:
				if (next !== QUOTE) return this.#take(Token.invalid, start + 1);
				return this.#take(Token.indentedOpen, start + 2);
			case TILDE: {
				if (next !== SLASH) return this.#take(Token.invalid, start + 1);
				const path = this.#pathEnd(start + 1);
				return path > 0 ? this.#take(Token.homePath, path) : this.#take(Token.invalid, start + 1);
			}
			case LESS: {
				const path = this.#searchPathEnd(start);
				if (path > 0) return this.#take(Token.searchPath, path);
				if (next === EQUALS) return this.#take(Token.lessOrEqual, start + 2);
				if (next === BAR) return this.#pipe(Token.pipeFrom, start);
				return this.#take(Token.less, start + 1);
			}
			case DOT:
				if (next === DOT && text.charCodeAt(start + 2) === DOT) return this.#take(Token.ellipsis, start + 3);
				return this.#take(Token.dot, start + 1);
			case EQUALS:
				return next === EQUALS ? this.#take(Token.equal, start + 2) : this.#take(Token.assign, start + 1);
			case BANG:
				return next === EQUALS ? this.#take(Token.notEqual, start + 2) : this.#take(Token.not, start + 1);
			case GREATER:
				return next === EQUALS ? this.#take(Token.greaterOrEqual, start + 2) : this.#take(Token.greater, start + 1);
			case AMPERSAND:
				return next === AMPERSAND ? this.#take(Token.and, start + 2) : this.#take(Token.invalid, start + 1);
			case BAR:
				if (next === BAR) return this.#take(Token.or, start + 2);
				return next === GREATER ? this.#pipe(Token.pipeInto, start) : this.#take(Token.invalid, start + 1);
			case MINUS:
				return next === GREATER ? this.#take(Token.implies, start + 2) : this.#take(Token.minus, start + 1);
			case PLUS:
				return next === PLUS ? this.#take(Token.concat, start + 2) : this.#take(Token.plus, start + 1);
			case SLASH:
				return next === SLASH ? this.#take(Token.update, start + 2) : this.#take(Token.divide, start + 1);
			default:
				return this.#take((punctuation[c] ?? Token.invalid) as TokenKind, start + 1);
		}
	}

	#take(kind: TokenKind, end: number): TokenKind {
		this.end = end;
		return kind;
	}

	#pipe(kind: TokenKind, start: number): TokenKind {
		if (!this.pipeOperators) {
			this.fail(
				"experimental Nix feature 'pipe-operators' is disabled; add '--extra-experimental-features pipe-operators' to enable it",
				this.base + start,
			);
		}
		return this.#take(kind, start + 2);
	}

	/** An identifier or keyword, or a path or URI that begins like one. */
	#scanWord(start: number): TokenKind {
		const text = this.text;
		let end = start + 1;
		while (((charClass[text.charCodeAt(end)] as number) & IDENTIFIER_PART) !== 0) end++;
		const c = text.charCodeAt(end);
		if (c === SLASH || c === DOT || c === PLUS || c === COLON) {
			const path = this.#pathEnd(start);
			if (path > end) return this.#take(Token.path, path);
			const uri = this.#uriEnd(start);
			if (uri > end) return this.#take(Token.uri, uri);
		}
		this.end = end;
		if (end - start > 7 || ((charClass[text.charCodeAt(start)] as number) & KEYWORD_START) === 0)
			return Token.identifier;
		return keywords.get(text.slice(start, end)) ?? Token.identifier;
	}

	/** The current identifier, as the one string object of that content. */
	protected identifier(): string {
		return internName(this.text.slice(this.start, this.end));
	}

	#scanNumber(start: number): TokenKind {
		const text = this.text;
		let end = start;
		while (isDigit(text.charCodeAt(end))) end++;
		const digits = end - start;
		if (text.charCodeAt(end) === DOT) {
			const first = text.charCodeAt(start);
			const leadingZero = digits > 0 && first === 0x30;
			const fraction = isDigit(text.charCodeAt(end + 1));
			if (digits > 0 && !leadingZero ? true : fraction && digits <= 1) {
				end++;
				while (isDigit(text.charCodeAt(end))) end++;
				return this.#take(Token.float, this.#exponentEnd(end));
			}
		}
		return this.#take(Token.integer, end);
	}

	#exponentEnd(end: number): number {
		const text = this.text;
		if ((text.charCodeAt(end) | 0x20) !== 0x65) return end;
		let at = end + 1;
		const sign = text.charCodeAt(at);
		if (sign === PLUS || sign === MINUS) at++;
		if (!isDigit(text.charCodeAt(at))) return end;
		while (isDigit(text.charCodeAt(at))) at++;
		return at;
	}

	/**
	 * The end of a path that begins at an offset (`a/b`, `./a`, `/a`, with a trailing slash where it has one), 0 where
	 * there is none. A path that goes on with an interpolation ends before the `${`.
	 */
	#pathEnd(start: number): number {
		if (start < this.#noPathBefore) return 0;
		const text = this.text;
		let at = this.skipPathPart(start);
		const slash = text.charCodeAt(at) === SLASH;
		if (!slash || !isPathPart(text.charCodeAt(at + 1))) {
			if (slash && text.charCodeAt(at + 1) === DOLLAR && text.charCodeAt(at + 2) === CURLY) return at + 1;
			this.#noPathBefore = at;
			return 0;
		}
		do at = this.skipPathPart(at + 1);
		while (text.charCodeAt(at) === SLASH && isPathPart(text.charCodeAt(at + 1)));
		return text.charCodeAt(at) === SLASH ? at + 1 : at;
	}

	/** The offset after the path characters (no slashes) from an offset on. */
	protected skipPathPart(from: number): number {
		const text = this.text;
		let at = from;
		while (isPathPart(text.charCodeAt(at))) at++;
		return at;
	}

	#searchPathEnd(start: number): number {
		const text = this.text;
		let at = start;
		do {
			const from = at + 1;
			at = this.skipPathPart(from);
			if (at === from) return 0;
		} while (text.charCodeAt(at) === SLASH);
		return text.charCodeAt(at) === GREATER ? at + 1 : 0;
	}

	#uriEnd(start: number): number {
		const text = this.text;
		if (text.charCodeAt(start) === 0x5f || start < this.#noUriBefore) return 0;
		let at = start + 1;
		while (((charClass[text.charCodeAt(at)] as number) & SCHEME_PART) !== 0) at++;
		const scheme = at;
		if (text.charCodeAt(at) === COLON) {
			do at++;
			while (((charClass[text.charCodeAt(at)] as number) & URI_PART) !== 0);
			if (at > scheme + 1) return at;
		}
		this.#noUriBefore = scheme;
		return 0;
	}
}

function isDigit(c: number): boolean {
	return c >= 0x30 && c <= 0x39;
}

function isPathPart(c: number): boolean {
	return ((charClass[c] as number) & PATH_PART) !== 0;
}
