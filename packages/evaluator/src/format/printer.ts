/** From the concrete syntax tree to a document, in the layout of RFC 166. Layer 1, pure. */

import {
	isAbsorbable,
	isAbsorbableLambda,
	isSimple,
	isSimpleCall,
	MOST_NAMES,
	isAbsorbableTerm,
	isSetOff,
	unrollLambda,
} from "./absorb.ts";
import { BESIDE_LIST, LAST, MIDDLE, PLAIN, type Printer, type Style, WIDE } from "./layout.ts";
import { printAttrPath, printBindings } from "./print-bindings.ts";
import { printOperation, printOperationValue } from "./print-operation.ts";
import { printString } from "./print-string.ts";
import { closing, tokenDoc } from "./print-token.ts";
import {
	type ApplyNode,
	type AttrNode,
	type FileNode,
	firstToken,
	type FormalsNode,
	type IfNode,
	type LambdaNode,
	type ListNode,
	type Node,
	type ParenNode,
	type PrefixNode,
	type SelectNode,
	type SetNode,
	type WithNode,
} from "./cst.ts";
import {
	base,
	type Doc,
	group,
	hard,
	join,
	line,
	measure,
	nest,
	nothing,
	priority,
	sequence,
	soft,
	space,
	text,
	transparent,
	WIDTH,
} from "./doc.ts";
import type { Tok } from "./trivia.ts";

export function printFile({ expression, end }: FileNode): Doc {
	try {
		return sequence(printNode(expression), hard, tokenDoc(end));
	} finally {
		printed.clear();
	}
}

const printer: Printer = { node: printNode, value: printValue, call: printApply };

/**
 * What was printed of the file at hand, by style: a node is looked at several times before its layout is decided. It is
 * emptied with each file; a weak map of that many nodes would cost more than all the rest.
 */
const printed = new Map<Style, Map<Node, Doc>>();

function printNode(node: Node, style: Style = PLAIN): Doc {
	if (node.kind === "leaf") return tokenDoc(node.token);
	let docs = printed.get(style);
	if (docs === undefined) {
		docs = new Map();
		printed.set(style, docs);
	}
	let doc = docs.get(node);
	if (doc === undefined) {
		doc = makeDoc(node, style);
		docs.set(node, doc);
	}
	return doc;
}

function makeDoc(node: Node, style: Style): Doc {
	switch (node.kind) {
		case "leaf":
			return tokenDoc(node.token);
		case "string":
			return printString(node, printer);
		case "list":
			return printList(node, style);
		case "set":
			return printSet(node, style);
		case "paren":
			return printParen(node, style);
		case "select":
			return printSelect(node);
		case "apply":
			return isSimpleCall(node) ? printSimpleCall(node) : group(base(printApply(node.fn, node.args)));
		case "prefix":
			return printPrefix(node);
		case "binary":
			return base(group(printOperation(node, printer)));
		case "hasAttr":
			return sequence(
				printNode(node.subject),
				space,
				tokenDoc(node.operator),
				space,
				printAttrPath(node.path, printer),
			);
		case "lambda":
			return printLambda(node);
		case "let":
			return printLet(node);
		case "with":
			return isAbsorbable(node) && style.wide ? group(printWith(node, space)) : base(group(printWith(node, hard)));
		case "assert":
			return base(
				tokenDoc(node.keyword),
				printAsserted(node.condition),
				tokenDoc(node.semicolon),
				hard,
				printNode(node.body),
			);
		case "if":
			return printIf(node);
	}
}

function printWith(node: WithNode, separator: Doc): Doc {
	return base(
		sequence(tokenDoc(node.keyword), space, printNode(node.scope), tokenDoc(node.semicolon)),
		separator,
		group(printNode(node.body, separator === space ? WIDE : PLAIN)),
	);
}

/** `!a` or `-a`; `-./a` would be a path. */
function printPrefix({ operator, operand }: PrefixNode): Doc {
	const joins = operator.text === "-" && isPath(operand);
	return sequence(tokenDoc(operator), joins ? space : nothing, printNode(operand));
}

function isPath(node: Node): boolean {
	switch (node.kind) {
		case "leaf":
			return node.path;
		case "apply":
			return isPath(node.fn);
		case "select":
		case "hasAttr":
			return isPath(node.subject);
		case "binary":
			return isPath(node.left);
		default:
			return false;
	}
}

/** A break that is a line end where a blank line or a comment follows. */
function breakBefore(node: Node): Doc {
	return isSetOff(node) ? hard : line;
}

/**
 * What follows `=`, `?` or `assert`: on the same line where it fits or can be absorbed, else indented on the next.
 */
function printValue(node: Node, style: Style = WIDE): Doc {
	if (isSetOff(node)) return nest(hard, printNode(node));
	if (isAbsorbable(node)) return group(nest(line, priority(printNode(node, style))));
	switch (node.kind) {
		case "paren":
			return sequence(space, group(printNode(node, WIDE)));
		case "string":
			return sequence(space, printNode(node));
		case "lambda":
			return group(nest(line, group(printNode(node))));
		case "with":
			return group(nest(line, printWith(node, breakBefore(node.body))));
		case "leaf":
			return node.path ? sequence(space, printNode(node)) : group(nest(line, printNode(node)));
		case "apply":
			if (isCallWithText(node) || isSimpleCall(node)) return sequence(space, printNode(node));
			return group(nest(line, transparent(false, base(printApply(node.fn, node.args)))));
		case "binary":
			return printOperationValue(node, printer);
		default:
			return group(nest(line, group(printNode(node))));
	}
}

/** A condition; a call begins on the line of the `assert`. */
function printAsserted(node: Node): Doc {
	if (node.kind !== "apply" || isSetOff(node)) return printValue(node);
	return sequence(space, group(base(printApply(node.fn, node.args))));
}

function printSimpleCall(node: ApplyNode): Doc {
	return base(printNode(node.fn), ...node.args.flatMap((arg) => [space, printNode(arg, MIDDLE)]));
}

/** A call with one text, which no other line would make shorter. */
function isCallWithText({ args }: ApplyNode): boolean {
	const [only] = args;
	return args.length === 1 && only?.kind === "string" && !isSetOff(only) && measure(printNode(only)).width < Infinity;
}

function printList({ open, items, close }: ListNode, { argument }: Style): Doc {
	const end = closing(close);
	if (items.length === 0 && !end.commented) return base(tokenDoc(open), close.lines > 0 ? hard : space, end.token);
	const simple = items.length === 1 || (argument && items.every(isSimple));
	const expanded = !simple || end.commented || startsLine(items[0], open);
	const separator = expanded ? hard : line;
	const content = join(
		separator,
		items.map((item) => group(printNode(item))),
	);
	return base(group(tokenDoc(open), nest(separator, content, end.comments), separator, end.token));
}

/** Whether a node stands on another line than the token before it. */
function startsLine(node: Node | undefined, before: Tok): boolean {
	return node !== undefined && (firstToken(node).lines > 0 || before.after !== undefined);
}

function printSet(node: SetNode, { wide }: Style): Doc {
	const { keyword, open, bindings, close } = node;
	const end = closing(close);
	const head = sequence(keyword === undefined ? nothing : sequence(tokenDoc(keyword), space), tokenDoc(open));
	if (bindings.length === 0 && !end.commented) return base(head, close.lines > 0 ? hard : space, end.token);
	const first = bindings[0];
	const moved = first !== undefined && firstOfBinding(first).lines > 0;
	const separator = (wide && first?.kind !== "inherit") || bindings.length > 1 || end.commented || moved ? hard : line;
	const content = printBindings(bindings, separator, printer);
	return base(group(head, nest(separator, content, end.comments), separator, end.token));
}

function firstOfBinding(binding: SetNode["bindings"][number]): Tok {
	return binding.kind === "inherit" ? binding.keyword : firstToken(binding.path.attrs[0] as AttrNode);
}

function printParen({ open, inner, close }: ParenNode, style: Style): Doc {
	const end = closing(close);
	if (isAbsorbableInside(inner, style) && !end.commented) {
		const content = inner.kind === "with" ? printWith(inner, space) : printNode(inner, style);
		return base(group(tokenDoc(open), content, end.token));
	}
	const separator = end.commented || isSetOff(inner) ? hard : soft;
	if (opensLast(inner, style)) {
		if ((isCallWithText(inner) || isSimpleCall(inner)) && !end.commented)
			return sequence(tokenDoc(open), printNode(inner), end.token);
		const call = printApply(inner.fn, inner.args);
		return base(group(tokenDoc(open), end.commented ? nest(call, end.comments) : call, separator, end.token));
	}
	const content = inner.kind === "with" ? group(printWith(inner, breakBefore(inner.body))) : group(printNode(inner));
	return base(group(tokenDoc(open), nest(separator, content, end.comments), separator, end.token));
}

/** What may begin on the line of an opening parenthesis. */
function isAbsorbableInside(node: Node, { closed }: Style): boolean {
	if (!isAbsorbable(node)) return false;
	return !closed || (node.kind !== "with" && (node.kind !== "lambda" || unrollLambda(node).names.length === 1));
}

/** Whether a call in parentheses begins and ends on their lines, with one of its arguments opened. */
function opensLast(node: Node, { closed }: Style): node is ApplyNode {
	if (node.kind !== "apply" || isSetOff(node)) return false;
	const [first] = node.args;
	return (
		!closed || (node.fn.kind === "leaf" && node.args.length === 1 && first !== undefined && isAbsorbableTerm(first))
	);
}

function isLiteral({ kind }: Node): boolean {
	return kind === "set" || kind === "list" || kind === "string";
}

function printSelect({ subject, path, fallback }: SelectNode): Doc {
	const names = path === undefined ? nothing : sequence(tokenDoc(path.dot), printAttrPath(path.names, printer));
	const moves = path !== undefined && measure(printNode(subject)).width === Infinity && isLiteral(subject);
	if (moves) {
		const or = fallback === undefined ? [] : [space, tokenDoc(fallback.or), space, printNode(fallback.value as Node)];
		return base(group(printNode(subject), soft, names, ...or));
	}
	// `./a.b` would be a path, and `1.a` a number.
	const gap = subject.kind === "leaf" && /^[^a-zA-Z_]/.test(subject.token.text) ? space : nothing;
	const selected = sequence(printNode(subject), path === undefined ? nothing : gap, names);
	if (fallback === undefined) return selected;
	if (fallback.value === undefined) return sequence(selected, space, tokenDoc(fallback.or));
	const value = printNode(fallback.value);
	const opens = measure(value).width > WIDTH && (isAbsorbableTerm(fallback.value) || fallback.value.kind === "paren");
	return base(group(selected, nest(line, tokenDoc(fallback.or), space, opens ? priority(value) : group(value))));
}

/**
 * A call: the arguments that fit on its line, then each on a line of its own; one of them may be opened instead, but no list
 * that stands beside another. The document is no group: it is for a group around it.
 */
function printApply(fn: Node, args: readonly Node[]): Doc {
	let doc = printNode(fn);
	const lists = args.findIndex((arg, i) => arg.kind === "list" && args[i + 1]?.kind === "list");
	for (const [i, arg] of args.entries()) {
		if (i > 0 && (lists < 0 || i <= lists)) doc = transparent(false, doc);
		const last = i === args.length - 1;
		const argument = printNode(arg, !last ? MIDDLE : lists < 0 ? LAST : BESIDE_LIST);
		const isText = arg.kind === "string" && !isAbsorbableTerm(arg);
		const only = args.length === 1;
		const opens = isText ? only : (last || canOpen(arg)) && (lists < 0 || arg.kind !== "list");
		const separator = isText && only && !isSetOff(arg) ? space : line;
		doc = sequence(doc, nest(separator, opens ? priority(argument) : group(argument)));
	}
	return doc;
}

/** Whether an argument that is not the last one may be opened: a call in parentheses only where it can be itself. */
function canOpen(arg: Node): boolean {
	if (arg.kind !== "paren" || arg.inner.kind !== "apply") return true;
	return !arg.inner.args.every(isSimple);
}

function printLambda(node: LambdaNode): Doc {
	const { names, body } = unrollLambda(node);
	if (names.length > 0) {
		const absorbed = isAbsorbableLambda(node) || (body.kind === "with" && isAbsorbable(body));
		const heads = names.map(({ name, colon }) => sequence(tokenDoc(name), tokenDoc(colon)));
		if (absorbed) return base(join(space, heads), space, printNode(body, body.kind === "with" ? WIDE : PLAIN));
		const separator = names.length > MOST_NAMES ? hard : breakBefore(body);
		const doc = sequence(group(join(line, heads)), separator, group(printNode(body)));
		return base(group(doc));
	}
	const parameters = node.parameters.map((each) => ("open" in each ? printFormals(each) : tokenDoc(each)));
	const head = node.at === undefined ? parameters : [parameters[0] as Doc, tokenDoc(node.at), parameters[1] as Doc];
	const doc = sequence(...head, tokenDoc(node.colon), breakBefore(node.body), group(printNode(node.body)));
	return base(group(doc));
}

function printFormals({ open, entries, close }: FormalsNode): Doc {
	const end = closing(close);
	const [first] = entries;
	if (first === undefined && !end.commented) return sequence(tokenDoc(open), space, end.token);
	const separator = end.commented || (first?.name.lines ?? 0) > 0 ? hard : line;
	const docs = entries.map(({ name, fallback, comma }, i) => {
		const value =
			fallback === undefined ? nothing : sequence(space, tokenDoc(fallback.question), printValue(fallback.value));
		const last = i === entries.length - 1;
		const mark: Doc =
			comma !== undefined && (comma.after !== undefined || comma.before.length > 0)
				? tokenDoc(comma)
				: name.text === "..."
					? nothing
					: last
						? { kind: "choice", flat: "", broken: "," }
						: text(",");
		return sequence(tokenDoc(name), value, mark);
	});
	return base(group(tokenDoc(open), nest(separator, join(separator, docs), end.comments), separator, end.token));
}

function printLet(node: Extract<Node, { kind: "let" }>): Doc {
	const end = closing(node.in);
	const bindings =
		node.bindings.length === 0 && !end.commented
			? nothing
			: nest(hard, printBindings(node.bindings, hard, printer), end.comments);
	return base(tokenDoc(node.keyword), bindings, hard, end.token, hard, printNode(node.body));
}

/** Whether a branch is itself an `if`, on a line of its own. */
function isMovedIf(node: Node): boolean {
	return node.kind === "if" && firstToken(node).lines > 0;
}

function printIf(node: IfNode): Doc {
	const separator = node.alternative.kind === "if" || isMovedIf(node.consequence) ? hard : line;
	const parts: Doc[] = [];
	let branch: Node = node;
	for (;;) {
		parts.push(
			group(tokenDoc(branch.if), nest(line, group(printNode(branch.condition))), line, tokenDoc(branch.then)),
			nest(separator, group(printNode(branch.consequence))),
			separator,
			tokenDoc(branch.else),
		);
		const next: Node = branch.alternative;
		if (next.kind !== "if") {
			parts.push(nest(separator, group(printNode(next))));
			return base(group(...parts));
		}
		parts.push(isSetOff(next) ? hard : space);
		branch = next;
	}
}
