/** Parsing for tests: text in, the printed tree or the error with its place out. */

import { bytesFromText, textFromBytes } from "@devenv/nix-formats";
import { EvalError } from "../../src/index.ts";
import type { Expr } from "../../src/syntax/ast.ts";
import { parseExpr } from "../../src/syntax/parser.ts";
import { PositionTable } from "../../src/syntax/position.ts";
import { printExpr } from "../../src/syntax/print-expr.ts";

export interface ParseSettings {
	readonly pipeOperators?: boolean;
	readonly pureEval?: boolean;
	readonly warn?: (message: string) => void;
}

/** Parses a byte string as a file in `/base`, home `/home/user`; `describe` gives `line:column`. */
export function parseBytes(bytes: string, settings: ParseSettings = {}): Expr {
	const positions = new PositionTable();
	const at = (position: number): string => {
		const resolved = positions.resolve(position);
		return resolved === undefined ? "nowhere" : `${resolved.line}:${resolved.column}`;
	};
	try {
		return parseExpr(bytes, {
			base: positions.add({ kind: "string" }, bytes),
			paths: { baseDir: "/base", homeDir: "/home/user", pureEval: settings.pureEval ?? false },
			pipeOperators: settings.pipeOperators ?? false,
			describe: at,
			...(settings.warn === undefined ? {} : { warn: settings.warn }),
		});
	} catch (error) {
		if (!(error instanceof EvalError)) throw error;
		throw new SyntaxError(`${at(error.position)}: ${textFromBytes(error.message)}`, { cause: error });
	}
}

/** The printed tree of a text, or `line:column: message`. */
export function parseText(text: string, settings: ParseSettings = {}): string {
	try {
		return textFromBytes(printExpr(parseBytes(bytesFromText(text), settings)));
	} catch (error) {
		if (error instanceof SyntaxError) return error.message;
		throw error;
	}
}
