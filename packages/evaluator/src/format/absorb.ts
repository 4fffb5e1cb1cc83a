/** What may begin on the line before it instead of on one of its own. Layer 1, pure. */

import { type AttrNode, firstToken, type LambdaNode, type Node } from "./cst.ts";
import type { Tok } from "./trivia.ts";

/** Whether a comment stands before a token, other than within its line. */
function hasComment(tok: Tok): boolean {
	return tok.before.some((each) => each.kind === "comment" && !each.inline);
}

/** Whether a comment or a blank line stands before a node. */
export function isSetOff(node: Node | AttrNode): boolean {
	return firstToken(node).before.some((each) => each.kind === "blank" || !each.inline);
}

/** A set, list or string on several lines, or one in parentheses. */
export function isAbsorbableTerm(node: Node): boolean {
	if (isSetOff(node)) return false;
	switch (node.kind) {
		case "string":
			return node.indented && node.parts.some((part) => part.kind === "text" && part.text.includes("\n"));
		case "list":
			return node.items.length > 0 || hasComment(node.close) || node.close.lines > 0;
		case "set":
			return node.bindings.length > 0 || hasComment(node.close) || node.close.lines > 0;
		case "paren":
			return isAbsorbableTerm(node.inner) && !hasComment(node.close) && node.open.after === undefined;
		default:
			return false;
	}
}

/** A term that can be absorbed, or one behind `with x;` or a few names of parameters. */
export function isAbsorbable(node: Node): boolean {
	if (isAbsorbableTerm(node)) return true;
	if (hasComment(firstToken(node))) return false;
	if (node.kind === "with") return isAbsorbableTerm(node.body) && node.semicolon.after === undefined;
	return node.kind === "lambda" && isAbsorbableLambda(node);
}

/** Whether only names of parameters stand before a body that can be absorbed. */
export function isAbsorbableLambda(node: LambdaNode): boolean {
	const { names, body } = unrollLambda(node);
	return names.length === countParameters(node) && isAbsorbableTerm(body);
}

/** A name, number, path or plain string, also with attributes selected or as a call of such. */
export function isSimple(node: Node): boolean {
	if (isSetOff(node)) return false;
	switch (node.kind) {
		case "leaf":
			return true;
		case "string":
			return node.parts.every((part) => (part.kind === "text" ? !part.text.includes("\n") : isSimple(part.value)));
		case "set":
			return node.bindings.length === 0;
		case "list":
			return node.items.length === 0;
		case "select":
			return (
				node.fallback === undefined &&
				isSimple(node.subject) &&
				node.path !== undefined &&
				node.path.names.attrs.every(({ kind }) => kind === "leaf")
			);
		default:
			return false;
	}
}

/** A call of one or two simple arguments, which stays on its line, as a text would. */
export function isSimpleCall(node: Node): boolean {
	if (node.kind !== "apply" || node.args.length > 2 || !isSimple(node.fn)) return false;
	return node.args.every((arg, i) => isSimple(arg) || (i === 0 && node.args.length === 2 && isSimpleInside(arg)));
}

function isSimpleInside(node: Node): boolean {
	return node.kind === "paren" && !isSetOff(node) && !isSetOff(node.inner) && isSimpleCall(node.inner);
}

/** Names of parameters on the line of a body that is not absorbed. */
export const MOST_NAMES = 2;

/** The names of `x: y: body`, as the tokens of names and colons, up to a set pattern; and what follows. */
export function unrollLambda(node: LambdaNode): { names: { name: Tok; colon: Tok }[]; body: Node } {
	const names: { name: Tok; colon: Tok }[] = [];
	let body: Node = node;
	while (body.kind === "lambda") {
		const [name] = body.parameters;
		if (body.parameters.length > 1 || name === undefined || "open" in name) break;
		if (names.length > 0 && isSetOff(body)) break;
		names.push({ name, colon: body.colon });
		body = body.body;
	}
	return { names, body };
}

function countParameters(node: Node): number {
	let count = 0;
	for (let at = node; at.kind === "lambda"; at = at.body) count++;
	return count;
}
