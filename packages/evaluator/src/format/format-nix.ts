/**
 * Formats texts of the Nix language in the style of RFC 166. Layer 1, pure.
 *
 * A result is given only where it means the same and has the same comments: both are compared after the fact, so that a
 * fault of the layout can cost a text its looks, and nothing else.
 */

import { diagnose, type Diagnostic, failed, ok, type Result } from "@devenv/diagnostics";
import { textFromBytes } from "@devenv/nix-formats";
import { EvalError } from "../eval/error.ts";
import { diagnoseError } from "../eval/render-error.ts";
import type { Expr } from "../syntax/ast.ts";
import { parseExpr } from "../syntax/parser.ts";
import { type Origin, PositionTable } from "../syntax/position.ts";
import { listComments, parseCst } from "./cst-parser.ts";
import { printFile } from "./printer.ts";
import { render } from "./render.ts";
import { isSameTree } from "./same-tree.ts";

/** How often a text is laid out again until it stays as it is. */
const MOST_PASSES = 4;

/** The formatted text, or why there is none; texts are byte strings. `origin` is what diagnostics name. */
export function formatNix(source: string, origin: Origin): Result<string, Diagnostic> {
	const positions = new PositionTable();
	try {
		return settle(source, parse(source, origin, positions), (reason) => refuse(origin, reason));
	} catch (error) {
		if (error instanceof RangeError) return failed(refuse(origin, "it is nested too deeply"));
		if (!(error instanceof EvalError)) throw error;
		return failed(diagnoseError(error, positions));
	}
}

/** Lays a text out until it stays as it is, and checks each result. */
function settle(source: string, tree: Expr, refused: (reason: string) => Diagnostic): Result<string, Diagnostic> {
	let formatted = source;
	for (let pass = 0; pass <= MOST_PASSES; pass++) {
		const next = render(printFile(parseCst(formatted)));
		if (next === formatted) return ok(formatted);
		if (!isSameTree(tree, parseAgain(next))) return failed(refused("it would no longer mean the same"));
		if (!haveSameComments(source, next)) return failed(refused("a comment would be lost"));
		formatted = next;
	}
	return failed(refused("its layout does not settle"));
}

/** The tree of a formatted text; undefined where it is not valid. */
function parseAgain(text: string): Expr | undefined {
	try {
		return parse(text, { kind: "internal", name: "formatted" }, new PositionTable());
	} catch (error) {
		if (!(error instanceof EvalError)) throw error;
		return undefined;
	}
}

function parse(text: string, origin: Origin, positions: PositionTable): Expr {
	return parseExpr(text, {
		base: positions.add(origin, text),
		// Any folders do, as long as they are the same for both texts.
		paths: { baseDir: "/base", homeDir: "/home", pureEval: false },
		pipeOperators: true,
		describe: (position) => {
			const at = positions.resolve(position);
			return at === undefined ? "nowhere" : `${at.line}:${at.column}`;
		},
	});
}

function refuse(origin: Origin, reason: string): Diagnostic {
	const name = origin.kind === "file" ? textFromBytes(origin.path) : "the text";
	return diagnose("FMT_REFUSED", `${name} was not formatted: ${reason}`, {
		hint: "it was left as it is; please report what it looks like",
	});
}

function haveSameComments(left: string, right: string): boolean {
	return commentsOf(left) === commentsOf(right);
}

/** Comments without their indentation, sorted: some move past a `;` or an opening bracket. */
function commentsOf(text: string): string {
	return listComments(text)
		.map((comment) => comment.replace(/\s+/g, " ").trim())
		.sort()
		.join("\n");
}
