/**
 * Strings, indented strings and paths, with their interpolations. Layer 1, pure.
 *
 * Each method begins at the opening token, scans the text itself and calls back for `${ … }`; it ends with the token
 * after the closing one as the current token.
 */

import { bytesFromText } from "@devenv/nix-formats";
import type { ConcatExpr, Expr, StringExpr } from "./ast.ts";
import { stripIndentation, type IndentedPart } from "./indentation.ts";
import { Lexer } from "./lexer.ts";
import { canonicalPath } from "./path.ts";
import type { Position } from "./position.ts";
import { Token } from "./tokens.ts";

export type ConcatPart = ConcatExpr["parts"][number];

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const DOLLAR = 0x24;
const CURLY = 0x7b;
const RETURN = 0x0d;
const NEWLINE = 0x0a;
const APOSTROPHE = 0x27;
const SPACE = 0x20;
const SLASH = 0x2f;

export interface PathContext {
	/** The folder that relative paths start from. */
	readonly baseDir: string;
	readonly homeDir: string;
	readonly pureEval: boolean;
	/** Told of each path that is written: what it starts from, and the whole, not yet canonical. */
	readonly onPath?: (from: string, text: string) => void;
}

/** What is done about literals that are allowed but discouraged. */
export type LintLevel = "ignore" | "warn" | "fatal";

/** Named as Nix's settings `lint-url-literals` and so on. */
export interface Lints {
	readonly urlLiterals: LintLevel;
	readonly absolutePathLiterals: LintLevel;
	readonly shortPathLiterals: LintLevel;
}

export abstract class StringParser extends Lexer {
	protected readonly paths: PathContext;

	constructor(text: string, base: Position, options: { pipeOperators: boolean; paths: PathContext }) {
		super(text, base, options.pipeOperators);
		this.paths = options.paths;
	}

	protected abstract parseExpression(): Expr;
	/** Reports a discouraged literal at the current token, as its level wants it. */
	protected abstract lint(name: keyof Lints, message: (fatal: boolean) => string): void;

	/** `${ expression }` at the current token; leaves the offset after `}` in `end`, without reading on. */
	protected parseInterpolation(): Expr {
		this.advance();
		const value = this.parseExpression();
		if (this.token !== Token.curlyClose) this.unexpected([Token.curlyClose]);
		return value;
	}

	/** `"…"`. */
	protected parseString(): Expr {
		const parts: ConcatPart[] = [];
		let interpolated = false;
		let at = this.end;
		for (;;) {
			const from = at;
			const { value, end } = this.#scanString(from);
			if (end > from) parts.push({ position: this.base + from, value: { kind: "string", value } });
			const c = this.text.charCodeAt(end);
			if (c === QUOTE) {
				this.seek(end + 1);
				break;
			}
			interpolated = true;
			at = this.#interpolate(end, parts);
		}
		const first = parts[0];
		if (first === undefined) return EMPTY;
		if (!interpolated) return first.value;
		return { kind: "concat", string: true, parts, position: first.position };
	}

	/** Parses the interpolation that begins at an offset; gives the offset after it. */
	#interpolate(start: number, parts: ConcatPart[]): number {
		this.seek(start);
		const value = this.parseInterpolation();
		parts.push({ position: this.base + start, value });
		return this.end;
	}

	/** The text from an offset on up to the closing quote or `${`, escapes resolved. */
	#scanString(from: number): { value: string; end: number } {
		const text = this.text;
		let at = from;
		let copied = from;
		let value = "";
		for (;;) {
			const c = text.charCodeAt(at);
			if (c === QUOTE) break;
			if (c === DOLLAR) {
				const next = text.charCodeAt(at + 1);
				if (next === CURLY) break;
				// A dollar and what follows belong together: `$${` is no interpolation.
				at += next === QUOTE || next === BACKSLASH || next === RETURN || next === 0 ? 1 : 2;
			} else if (c === BACKSLASH) {
				value += text.slice(copied, at) + unescape(text, at + 1);
				this.#refuseEnd(at + 1, from);
				at += 2;
				copied = at;
			} else if (c === RETURN) {
				value += `${text.slice(copied, at)}\n`;
				at += text.charCodeAt(at + 1) === NEWLINE ? 2 : 1;
				copied = at;
			} else {
				if (c === 0) this.#refuseEnd(at, from);
				at++;
			}
		}
		return { value: copied === from ? text.slice(from, at) : value + text.slice(copied, at), end: at };
	}

	/** Throws where the text ends at an offset, or where a string that begins at `from` holds a zero byte there. */
	#refuseEnd(at: number, from: number): void {
		if (this.text.charCodeAt(at) !== 0) return;
		if (at < this.text.length - 1) this.#refuseNull(from, /["$]/g);
		this.start = this.end = at;
		this.token = Token.end;
		this.unexpected([Token.quote]);
	}

	#refuseNull(from: number, closing: RegExp): never {
		closing.lastIndex = from;
		const end = closing.exec(this.text)?.index ?? this.text.length - 1;
		const shown = this.text.slice(from, end).replaceAll("\0", NULL_SIGN);
		const message = `input string '${shown}' cannot be represented as Nix string because it contains null bytes`;
		this.fail(message, this.base + from);
	}

	/** `''…''`. */
	protected parseIndentedString(): Expr {
		const opening = this.position;
		const text = this.text;
		const parts: IndentedPart[] = [];
		let at = this.end;
		let afterSpaces = at;
		while (text.charCodeAt(afterSpaces) === SPACE) afterSpaces++;
		if (text.charCodeAt(afterSpaces) === NEWLINE) at = afterSpaces + 1;
		for (;;) {
			const from = at;
			at = this.#skipIndented(from);
			if (text.charCodeAt(at) === 0) this.#refuseEndOfIndented(at, from);
			if (at > from) {
				parts.push({ position: this.base + from, text: text.slice(from, at), indented: true });
				continue;
			}
			const c = text.charCodeAt(at);
			const next = text.charCodeAt(at + 1);
			if (c === DOLLAR && next === CURLY) {
				this.seek(at);
				const value = this.parseInterpolation();
				parts.push({ position: this.base + from, value });
				at = this.end;
			} else if (c === APOSTROPHE && next === APOSTROPHE) {
				const third = text.charCodeAt(at + 2);
				if (third === DOLLAR || third === APOSTROPHE) {
					const literal = third === DOLLAR ? "$" : "''";
					parts.push({ position: this.base + from, text: literal, indented: false });
					at += 3;
				} else if (third === BACKSLASH) {
					this.#refuseEndOfIndented(at + 3, from);
					parts.push({ position: this.base + from, text: unescape(text, at + 3), indented: false });
					at += 4;
				} else {
					this.seek(at + 2);
					break;
				}
			} else if (c === DOLLAR || c === APOSTROPHE) {
				parts.push({ position: this.base + from, text: c === DOLLAR ? "$" : "'", indented: false });
				at++;
			}
		}
		return stripIndentation(parts, opening);
	}

	#refuseEndOfIndented(at: number, from: number): void {
		if (this.text.charCodeAt(at) !== 0) return;
		if (at < this.text.length - 1) this.#refuseNull(from, /''|\$\{/g);
		this.start = this.end = at;
		this.token = Token.end;
		this.unexpected([Token.indentedString, Token.dollarCurly, Token.indentedClose]);
	}

	/** The end of a run of plain text in an indented string: up to `${`, `''`, or a lone `$` or `'` before such. */
	#skipIndented(from: number): number {
		const text = this.text;
		let at = from;
		for (;;) {
			const c = text.charCodeAt(at);
			if (c === DOLLAR) {
				const next = text.charCodeAt(at + 1);
				if (next === CURLY || next === APOSTROPHE || next === 0) return at;
				at += 2;
			} else if (c === APOSTROPHE) {
				const next = text.charCodeAt(at + 1);
				if (next === APOSTROPHE || next === DOLLAR || next === 0) return at;
				at += 2;
			} else if (c === 0) return at;
			else at++;
		}
	}

	/** A path literal, `~/…` included, with or without interpolations. */
	protected parsePath(): Expr {
		const opening = this.position;
		const literal = this.lexeme;
		const home = this.token === Token.homePath;
		if (home && this.paths.pureEval) this.fail(`the path '${literal}' can not be resolved in pure mode`, opening);
		this.#lintPath(literal, home);
		const { baseDir, homeDir, onPath } = this.paths;
		const isAbsolute = home || literal.startsWith("/");
		onPath?.(
			isAbsolute ? "/" : baseDir,
			home ? homeDir + literal.slice(1) : isAbsolute ? literal : `${baseDir}/${literal}`,
		);
		const path = home ? homeDir + literal.slice(1) : absolutePath(literal, baseDir);
		const text = this.text;
		let at = this.end;
		let slash = literal.endsWith("/");
		const parts: ConcatPart[] = [{ position: opening, value: { kind: "path", path } }];
		for (;;) {
			if (text.charCodeAt(at) === DOLLAR && text.charCodeAt(at + 1) === CURLY) {
				at = this.#interpolate(at, parts);
				slash = false;
				continue;
			}
			const end = this.#pathPartEnd(at);
			if (end === at) break;
			const value = text.slice(at, end);
			parts.push({ position: this.base + at, value: { kind: "string", value } });
			slash = value.endsWith("/");
			at = end;
		}
		if (slash) this.fail("path has a trailing slash", this.base + at);
		this.seek(at);
		return parts.length === 1
			? (parts[0] as ConcatPart).value
			: { kind: "concat", string: false, parts, position: opening };
	}

	#lintPath(literal: string, home: boolean): void {
		if (home || literal.startsWith("/")) {
			this.lint("absolutePathLiterals", () => {
				const advice = `Consider replacing path literal '${literal}' by a string, relative path, or parameter`;
				return `${home ? "home" : "absolute"} path literals are not portable. ${advice}`;
			});
		} else if (!literal.startsWith(".")) {
			this.lint("shortPathLiterals", () => {
				return `relative path literal '${literal}' should be prefixed with '.' for clarity: './${literal}'`;
			});
		}
	}

	/** The end of what goes on with a path: path characters and single slashes between them. */
	#pathPartEnd(from: number): number {
		const text = this.text;
		let at = this.skipPathPart(from);
		while (text.charCodeAt(at) === SLASH) {
			const end = this.skipPathPart(at + 1);
			if (end === at + 1) return text.charCodeAt(end) === SLASH && at > from ? at : at + 1;
			at = end;
		}
		return at;
	}
}

/** U+2400 in UTF-8, which stands for a zero byte in messages. */
const NULL_SIGN = bytesFromText("\u2400");

const EMPTY: StringExpr = { kind: "string", value: "" };

/** What a backslash and the character at an offset stand for. */
function unescape(text: string, at: number): string {
	const c = text.charAt(at);
	if (c === "n") return "\n";
	if (c === "r") return "\r";
	if (c === "t") return "\t";
	return c;
}

/** A path literal made absolute; a trailing slash, which belongs to an interpolation, stays. */
function absolutePath(literal: string, baseDir: string): string {
	const path = canonicalPath(literal.startsWith("/") ? literal : `${baseDir}/${literal}`);
	return literal.length > 1 && literal.endsWith("/") ? `${path === "/" ? "" : path}/` : path;
}
