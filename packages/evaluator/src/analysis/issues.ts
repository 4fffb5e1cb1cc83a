/** What Nix would refuse about a text before it evaluates anything. Layer 1, pure. */

import { nearestNames } from "@devenv/diagnostics";
import { EvalError } from "../eval/error.ts";
import { Lexer } from "../syntax/lexer.ts";
import { parseExpr } from "../syntax/parser.ts";
import type { NixDocument } from "./document.ts";
import type { Span } from "./span.ts";
import { spanOfToken } from "./span.ts";

export interface Issue {
	/** As diagnostics of the evaluator have it: `EVAL_SYNTAX`, `EVAL_UNDEFINED_VARIABLE`. */
	readonly code: string;
	/** A byte string. */
	readonly message: string;
	readonly span: Span;
	readonly suggestions: readonly string[];
	/** Another place that the message is about. */
	readonly related?: number;
}

/** The first syntax error, which is the only one that can be told; where there is none, the first 200 undefined variables. */
export function findIssues(document: NixDocument): readonly Issue[] {
	const syntax = findSyntaxError(document.text);
	return syntax === undefined ? undefinedVariables(document) : [syntax];
}

/** What is wrong with the syntax of a text, duplicate attributes included. */
export function findSyntaxError(text: string): Issue | undefined {
	let related: number | undefined;
	try {
		parseExpr(text, {
			base: BASE,
			paths: { baseDir: "/", homeDir: "/", pureEval: false },
			describe: (position) => {
				related = position - BASE;
				return placeOf(text, related);
			},
		});
		return undefined;
	} catch (error) {
		if (!(error instanceof EvalError)) throw error;
		const span = tokenSpan(text, Math.max(0, error.position - BASE));
		const { code, message, suggestions } = error;
		return { code, message, span, suggestions, ...(related === undefined ? {} : { related }) };
	}
}

/** Positions begin here, since 0 is none. */
const BASE = 1;

/** What comes after them says nothing new. */
const MOST_ISSUES = 200;

function undefinedVariables({ scopes, globals }: NixDocument): Issue[] {
	const undefinedOnes = scopes.occurrences.filter(({ target }) => target.kind === "undefined").slice(0, MOST_ISSUES);
	return undefinedOnes.map(({ name, token, scope }) => {
		const visible = new Set(globals);
		for (let at: typeof scope | undefined = scope; at !== undefined; at = at.parent) {
			for (const each of at.variables.keys()) visible.add(each);
		}
		return {
			code: "EVAL_UNDEFINED_VARIABLE",
			message: `undefined variable '${name}'`,
			span: spanOfToken(token),
			suggestions: nearestNames(name, visible),
		};
	});
}

function placeOf(text: string, offset: number): string {
	const lines = text.slice(0, offset).split(/\r\n?|\n/);
	return `line ${lines.length}`;
}

/** The token that begins at an offset; where there is none, the last one before. Inside of strings, one character. */
function tokenSpan(text: string, offset: number): Span {
	return new TokenFinder(text).spanAt(offset);
}

class TokenFinder extends Lexer {
	readonly #length: number;

	constructor(text: string) {
		super(text, 0, true);
		this.#length = text.length;
	}

	spanAt(offset: number): Span {
		if (offset < this.#length && !/\s/.test(this.text.charAt(offset))) {
			this.seek(offset);
			if (this.start === offset && this.end > offset) return { start: offset, end: this.end };
			return { start: offset, end: offset + 1 };
		}
		const end = this.text.slice(0, Math.min(offset, this.#length)).trimEnd().length;
		let start = Math.max(0, end - 1);
		while (start > 0 && start > end - LONGEST && /[\w'-]/.test(this.text.slice(start - 1, start + 1))) start--;
		return { start: /[\w'-]/.test(this.text.charAt(end - 1)) ? start : Math.max(0, end - 1), end };
	}
}

/** Bytes of a token that an error at the end of the text is shown at. */
const LONGEST = 100;
