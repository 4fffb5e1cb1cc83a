/**
 * Bindings (`a.b = e; inherit (s) x;`), attribute paths and set patterns. Layer 1, pure.
 *
 * Sets that are given in pieces (`a.b = 1; a.c = 2; a = { d = 3; };`) are merged here, as Nix does while parsing; what
 * cannot be merged is reported with both positions.
 */

import type { AttrName, AttrsExpr, Definition, Expr, Formal, Formals, InheritSource } from "./ast.ts";
import type { Position } from "./position.ts";
import { printAttrPath, printIdentifier } from "./print-expr.ts";
import { internName } from "../value/shape.ts";
import { StringParser } from "./string-parser.ts";
import { Token, type TokenKind } from "./tokens.ts";

const ATTR_START: readonly TokenKind[] = [Token.identifier, Token.orKeyword, Token.dollarCurly, Token.quote];

export abstract class BindingsParser extends StringParser {
	/** A position as messages show it: `file:line:column`. */
	protected abstract describe(position: Position): string;

	/** Bindings up to the token `closing`, which stays the current one. `expecting` is what a wrong first token is told. */
	protected parseBindings(closing: TokenKind, expecting: readonly TokenKind[]): AttrsExpr {
		const attrs = emptyAttrs();
		while (this.token !== closing) {
			if (this.token === Token.inherit) this.#parseInherit(attrs);
			else if (ATTR_START.includes(this.token)) this.#parseBinding(attrs);
			else this.unexpected(expecting);
		}
		return attrs;
	}

	#parseBinding(attrs: AttrsExpr): void {
		const position = this.position;
		const path = this.parseAttrPath();
		this.expect(Token.assign, [Token.dot, Token.assign]);
		const value = this.parseExpression();
		this.expect(Token.semicolon);
		this.#addAttr(attrs, { path, position, value });
	}

	#parseInherit(attrs: AttrsExpr): void {
		this.advance();
		let source: InheritSource | undefined;
		if (this.token === Token.parenOpen) {
			this.advance();
			const position = this.position;
			source = { expression: this.parseExpression(), position };
			this.expect(Token.parenClose);
			attrs.sources = appended(attrs.sources, [source]);
		}
		while (this.token !== Token.semicolon) {
			if (!ATTR_START.includes(this.token)) this.unexpected();
			const position = this.position;
			const name = this.#parseAttr();
			if (typeof name !== "string") this.fail("dynamic attributes not allowed in inherit", position);
			const earlier = attrs.definitions.get(name);
			if (earlier !== undefined) this.#refuseDuplicate([name], position, earlier.position);
			define(
				attrs,
				source === undefined
					? { kind: "inherited", name, position }
					: { kind: "inheritedFrom", name, position, source },
			);
		}
		this.advance();
	}

	/** `a.b."c".${d}`. */
	protected parseAttrPath(): AttrName[] {
		const path: AttrName[] = [];
		for (;;) {
			if (!ATTR_START.includes(this.token)) this.unexpected(ATTR_START);
			path.push(this.#parseAttr());
			if (this.token !== Token.dot) return path;
			this.advance();
		}
	}

	#parseAttr(): AttrName {
		if (this.token === Token.identifier || this.token === Token.orKeyword) {
			const name = this.identifier();
			this.advance();
			return name;
		}
		if (this.token === Token.quote) return staticName(this.parseString());
		const value = this.parseInterpolation();
		this.advance();
		return staticName(value);
	}

	#addAttr(set: AttrsExpr, added: { path: AttrName[]; position: Position; value: Expr }): void {
		const { path, position, value } = added;
		let attrs = set;
		for (let i = 0; i < path.length - 1; i++) {
			const name = path[i] as AttrName;
			const nested = emptyAttrs();
			if (typeof name !== "string") {
				attrs.dynamic = appended(attrs.dynamic, [{ name, value: nested, position }]);
				attrs = nested;
				continue;
			}
			const earlier = attrs.definitions.get(name);
			if (earlier === undefined) {
				define(attrs, { kind: "plain", name, position, value: nested });
				attrs = nested;
			} else if (earlier.kind === "plain" && earlier.value.kind === "attrs") attrs = earlier.value;
			else this.#refuseDuplicate(path.slice(0, i + 1), position, earlier.position);
		}
		const last = path[path.length - 1] as AttrName;
		if (typeof last === "string") this.#define(attrs, path, { kind: "plain", name: last, position, value });
		else attrs.dynamic = appended(attrs.dynamic, [{ name: last, value, position }]);
	}

	/** Adds a definition to a set; two sets under one name become one. `path` is for messages. */
	#define(attrs: AttrsExpr, path: readonly AttrName[], added: Definition): void {
		const earlier = attrs.definitions.get(added.name);
		if (earlier === undefined) {
			define(attrs, added);
			if (added.kind === "plain") nameLambda(added.value, added.name);
			return;
		}
		const into = earlier.kind === "plain" && earlier.value.kind === "attrs" ? earlier.value : undefined;
		const from = added.kind === "plain" && added.value.kind === "attrs" ? added.value : undefined;
		if (into === undefined || from === undefined) this.#refuseDuplicate(path, added.position, earlier.position);
		into.sources = appended(into.sources, from.sources);
		for (const definition of from.definitions.values()) this.#define(into, [...path, definition.name], definition);
		into.dynamic = appended(into.dynamic, from.dynamic);
	}

	#refuseDuplicate(path: readonly AttrName[], position: Position, earlier: Position): never {
		this.fail(`attribute '${printAttrPath(path)}' already defined at ${this.describe(earlier)}`, position);
	}

	/** A set pattern, from `{` to the token after `}`. */
	protected parseFormals(): Formals {
		const entries: Formal[] = [];
		let ellipsis = false;
		this.advance();
		let first = true;
		for (;;) {
			if (this.token === Token.curlyClose) break;
			if (this.token === Token.ellipsis) {
				ellipsis = true;
				this.advance();
				if ((this.token as TokenKind) !== Token.curlyClose) this.unexpected([Token.curlyClose]);
				break;
			}
			if (this.token !== Token.identifier) {
				this.unexpected(first ? [] : [Token.identifier, Token.ellipsis, Token.curlyClose]);
			}
			first = false;
			entries.push(this.#parseFormal());
			const next = this.token as TokenKind;
			if (next === Token.comma) this.advance();
			else if (next !== Token.curlyClose) this.unexpected([Token.curlyClose, Token.comma]);
		}
		this.advance();
		return { entries, ellipsis };
	}

	#parseFormal(): Formal {
		const position = this.position;
		const name = this.identifier();
		this.advance();
		if (this.token !== Token.question) return { name, position, fallback: undefined };
		this.advance();
		return { name, position, fallback: this.parseExpression() };
	}

	/** Throws where a name comes twice among formals and `@` parameter of a lambda at `position`. */
	protected checkFormals(formals: Formals, parameter: string | undefined, position: Position): void {
		const { entries } = formals;
		let duplicate: Formal | undefined;
		const seen = new Set<string>();
		for (const formal of entries) {
			if (seen.has(formal.name)) duplicate ??= formal;
			seen.add(formal.name);
		}
		if (duplicate !== undefined) this.#refuseFormal(duplicate.name, duplicate.position);
		if (parameter !== undefined && seen.has(parameter)) this.#refuseFormal(parameter, position);
	}

	#refuseFormal(name: string, position: Position): never {
		this.fail(`duplicate formal function argument '${printIdentifier(name)}'`, position);
	}
}

/** Shared by sets that have none, of which there are many. */
const NO_DEFINITIONS: Map<string, Definition> = new Map();
const NONE: never[] = [];

export function emptyAttrs(): AttrsExpr {
	return { kind: "attrs", recursive: false, position: 0, definitions: NO_DEFINITIONS, dynamic: NONE, sources: NONE };
}

function define(attrs: AttrsExpr, definition: Definition): void {
	if (attrs.definitions === NO_DEFINITIONS) attrs.definitions = new Map();
	attrs.definitions.set(definition.name, definition);
}

/** The list with more at its end: changed in place, unless it is the shared empty one. */
function appended<T>(list: T[], more: readonly T[]): T[] {
	if (more.length === 0) return list;
	const own = list === NONE ? [] : list;
	for (const each of more) own.push(each);
	return own;
}

/** `"a"` and `${"a"}` name as much as `a` does. */
function staticName(value: Expr): AttrName {
	return value.kind === "string" ? internName(value.value) : value;
}

/** Gives a function, and the functions that it returns at once, the name of what it is bound to. */
function nameLambda(value: Expr, name: string): void {
	for (let expr = value; expr.kind === "lambda"; expr = expr.body) expr.name = name;
}
