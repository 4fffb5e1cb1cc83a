/** Binary operators: a chain with an operand a line, or a compact form where one operand can be opened. Layer 1, pure. */

import { Token, type TokenKind } from "../syntax/tokens.ts";
import { isAbsorbableTerm, isSetOff, isSimpleCall } from "./absorb.ts";
import { type BinaryNode, firstToken, type Node } from "./cst.ts";
import { base, type Doc, group, hard, line, measure, nest, priority, sequence, space, transparent } from "./doc.ts";
import type { Printer } from "./layout.ts";
import { tokenDoc } from "./print-token.ts";
import type { Tok } from "./trivia.ts";

/** Operators whose operands are opened in the compact form. */
const COMPACT: ReadonlySet<TokenKind> = new Set<TokenKind>([Token.update, Token.concat, Token.plus]);

/** An operation: on one line, or with an operand a line. */
export function printOperation(node: BinaryNode, printer: Printer): Doc {
	const { first, rest } = flatten(node);
	const [only] = rest;
	if (!node.chains && only !== undefined) {
		const joined = isAbsorbableTerm(only.operand) && endsOpened(first) ? space : line;
		const right = sequence(tokenDoc(only.operator), space, printOpened(only.operand, printer));
		return group(printOpened(first, printer), joined, right);
	}
	return group(group(printer.node(first)), ...printRest(rest, printer));
}

/** An operation behind `=`: compact where only one of two operands is opened, or the first on the line of the `=`. */
export function printOperationValue(node: BinaryNode, printer: Printer): Doc {
	const { first, rest } = flatten(node);
	if (isAbsorbableTerm(first) && node.chains)
		return base(group(space, group(printer.node(first)), ...printRest(rest, printer)));
	const last = rest.at(-1);
	const compact = rest.length === 1 ? COMPACT.has(node.token) : node.token === Token.concat;
	if (last !== undefined && compact && isAbsorbableTerm(last.operand)) {
		const opened = sequence(line, tokenDoc(last.operator), space, priority(printer.node(last.operand)));
		const chain = transparent(false, printer.node(first), ...printRest(rest.slice(0, -1), printer), opened);
		return group(nest(line, base(chain)));
	}
	return group(nest(line, base(printOperation(node, printer))));
}

/** Whether the last line of a node, where it has several, is but a closing bracket or quote. */
function endsOpened(node: Node): boolean {
	return isAbsorbableTerm(node) || (node.kind === "apply" && isAbsorbableTerm(node.args.at(-1) as Node));
}

/** An operand that the group around it may open. */
function printOpened(node: Node, printer: Printer): Doc {
	if (node.kind === "apply") return transparent(false, base(printer.call(node.fn, node.args)));
	const doc = printer.node(node);
	return isAbsorbableTerm(node) || measure(doc).width === Infinity ? priority(doc) : group(doc);
}

function printRest(rest: Chain["rest"], printer: Printer): Doc[] {
	return rest.map(({ operator, operand }) => sequence(line, tokenDoc(operator), printOperand(operand, printer)));
}

interface Chain {
	readonly first: Node;
	readonly rest: { readonly operator: Tok; readonly operand: Node }[];
}

/** Operands of the same precedence, and of falling ones from left to right, as one chain. */
function flatten(node: BinaryNode): Chain {
	const chain: Chain =
		node.chains && node.left.kind === "binary" && node.left.chains && node.left.precedence >= node.precedence
			? flatten(node.left)
			: { first: node.left, rest: [] };
	let { operator, right } = node;
	while (node.chains && right.kind === "binary" && right.precedence === node.precedence) {
		chain.rest.push({ operator, operand: right.left });
		({ operator, right } = right);
	}
	chain.rest.push({ operator, operand: right });
	return chain;
}

function printOperand(node: Node, printer: Printer): Doc {
	if (firstToken(node).before.length === 0 && (isAbsorbableTerm(node) || node.kind === "paren")) {
		return sequence(space, group(printer.node(node)));
	}
	if (isSetOff(node)) return nest(hard, printer.node(node));
	switch (node.kind) {
		case "apply":
			if (isSimpleCall(node)) return sequence(space, printer.node(node));
			return group(nest(line, transparent(false, base(printer.call(node.fn, node.args)))));
		case "prefix": {
			const { operator, operand } = node;
			if (operand.kind !== "apply" || operator.text === "-") return sequence(space, printer.node(node));
			const call = transparent(false, base(printer.call(operand.fn, operand.args)));
			return group(nest(line, tokenDoc(operator), call));
		}
		case "leaf":
		case "string":
			return sequence(space, printer.node(node));
		default:
			return group(nest(line, group(printer.node(node))));
	}
}
