/** Prints syntax trees as `nix-instantiate --parse` does. Layer 1, pure. */

import { unreachable } from "@devenv/diagnostics";
import type { AttrName, AttrsExpr, Expr, Formals, LambdaExpr } from "./ast.ts";
import { formatFloat } from "../value/format-float.ts";

const RESERVED: ReadonlySet<string> = new Set(["if", "then", "else", "assert", "with", "let", "in", "rec", "inherit"]);

/** The expression on one line, fully parenthesised, names sorted. */
export function printExpr(expr: Expr): string {
	const out: string[] = [];
	print(expr, out);
	return out.join("");
}

/** A string literal with Nix's escapes. */
export function printString(text: string): string {
	if (!/["\\\n\r\t$]/.test(text)) return `"${text}"`;
	const escaped = text.replace(/["\\\n\r\t]|\$(?=\{)/g, (c) =>
		c === "\n" ? "\\n" : c === "\r" ? "\\r" : c === "\t" ? "\\t" : `\\${c}`,
	);
	return `"${escaped}"`;
}

/** A name, quoted where it is no identifier. */
export function printIdentifier(name: string): string {
	return /^[a-zA-Z_][a-zA-Z0-9_'-]*$/.test(name) && !RESERVED.has(name) ? name : printString(name);
}

/** An attribute path as messages show it. */
export function printAttrPath(path: readonly AttrName[]): string {
	return path.map((name) => (typeof name === "string" ? printIdentifier(name) : `"\${${printExpr(name)}}"`)).join(".");
}

function print(expr: Expr, out: string[]): void {
	switch (expr.kind) {
		case "int":
			out.push(String(expr.value));
			break;
		case "float":
			out.push(formatFloat(expr.value));
			break;
		case "string":
			out.push(printString(expr.value));
			break;
		case "path":
			out.push(expr.path);
			break;
		case "variable":
			out.push(printIdentifier(expr.name));
			break;
		case "curPos":
			out.push("__curPos");
			break;
		case "select":
			wrap("(", expr.subject, `).${printAttrPath(expr.path)}`, out);
			if (expr.fallback !== undefined) wrap(" or (", expr.fallback, ")", out);
			break;
		case "hasAttr":
			wrap("((", expr.subject, `) ? ${printAttrPath(expr.path)})`, out);
			break;
		case "attrs":
			out.push(expr.recursive ? "rec { " : "{ ");
			printBindings(expr, out);
			out.push("}");
			break;
		case "list":
			out.push("[ ");
			for (const element of expr.elements) wrap("(", element, ") ", out);
			out.push("]");
			break;
		case "lambda":
			printLambda(expr, out);
			break;
		case "call":
			wrap("(", expr.fn, "", out);
			for (const arg of expr.args) wrap(" ", arg, "", out);
			out.push(")");
			break;
		case "let":
			out.push("(let ");
			printBindings(expr.bindings, out);
			wrap("in ", expr.body, ")", out);
			break;
		case "with":
			wrap("(with ", expr.scope, "; ", out);
			wrap("", expr.body, ")", out);
			break;
		case "if":
			wrap("(if ", expr.condition, " then ", out);
			wrap("", expr.then, " else ", out);
			wrap("", expr.else, ")", out);
			break;
		case "assert":
			wrap("assert ", expr.condition, "; ", out);
			print(expr.body, out);
			break;
		case "not":
			wrap("(! ", expr.operand, ")", out);
			break;
		case "binary":
			wrap("(", expr.left, ` ${expr.operator} `, out);
			wrap("", expr.right, ")", out);
			break;
		case "concat":
			for (const [index, part] of expr.parts.entries()) wrap(index === 0 ? "(" : " + ", part.value, "", out);
			out.push(")");
			break;
		default:
			return unreachable(expr);
	}
}

function wrap(before: string, expr: Expr, after: string, out: string[]): void {
	out.push(before);
	print(expr, out);
	out.push(after);
}

function printLambda(expr: LambdaExpr, out: string[]): void {
	out.push("(");
	if (expr.formals !== undefined) {
		printFormals(expr.formals, out);
		if (expr.parameter !== undefined) out.push(" @ ");
	}
	if (expr.parameter !== undefined) out.push(printIdentifier(expr.parameter));
	wrap(": ", expr.body, ")", out);
}

function printFormals(formals: Formals, out: string[]): void {
	out.push("{ ");
	const sorted = formals.entries.toSorted((a, b) => (a.name < b.name ? -1 : 1));
	for (const [index, formal] of sorted.entries()) {
		out.push(index === 0 ? "" : ", ", printIdentifier(formal.name));
		if (formal.fallback !== undefined) wrap(" ? ", formal.fallback, "", out);
	}
	if (formals.ellipsis) out.push(sorted.length === 0 ? "..." : ", ...");
	out.push(" }");
}

function printBindings(attrs: AttrsExpr, out: string[]): void {
	const sorted = [...attrs.definitions.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
	const inherited = sorted.filter((each) => each.kind === "inherited").map((each) => printIdentifier(each.name));
	if (inherited.length > 0) out.push(`inherit ${inherited.join(" ")}; `);
	for (const source of attrs.sources) {
		const names = sorted.filter((each) => each.kind === "inheritedFrom" && each.source === source);
		if (names.length === 0) continue;
		wrap("inherit (", source.expression, `) ${names.map((each) => printIdentifier(each.name)).join(" ")}; `, out);
	}
	for (const each of sorted) {
		if (each.kind === "plain") wrap(`${printIdentifier(each.name)} = `, each.value, "; ", out);
	}
	for (const each of attrs.dynamic) {
		wrap('"${', each.name, '}" = ', out);
		wrap("", each.value, "; ", out);
	}
}
