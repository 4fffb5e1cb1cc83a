/** Strings: their text as written, indented ones shifted as a whole. Layer 1, pure. */

import { isAbsorbable, isAbsorbableTerm, isSetOff } from "./absorb.ts";
import { firstToken, type InterpolationNode, type Node, type StringNode, type StringPart } from "./cst.ts";
import {
	base,
	type Doc,
	flatText,
	group,
	measure,
	nest,
	sequence,
	soft,
	space,
	text,
	transparent,
	WIDTH,
} from "./doc.ts";
import { MIDDLE, type Printer } from "./layout.ts";
import { tokenDoc } from "./print-token.ts";

export function printString(node: StringNode, printer: Printer): Doc {
	if (node.indented && canShift(node.parts)) return printIndented(node, printer);
	return sequence(
		tokenDoc(node.open),
		...node.parts.map((part) => (part.kind === "text" ? verbatim(part.text) : printInterpolation(part, printer))),
		tokenDoc(node.close),
	);
}

/** `${ value }`: on one line where it was written so, as a string cannot be broken elsewhere. */
export function printInterpolation(part: InterpolationNode, printer: Printer): Doc {
	const value = printer.node(part.value);
	const open = tokenDoc(part.open);
	const close = tokenDoc(part.close);
	const oneLine = measure(value);
	const short = oneLine.width < (part.multiLine ? SIMPLE : Infinity);
	if (short && !oneLine.commented) return sequence(open, text(flatText(value)), close);
	if (firstToken(part.value).lines === 0 && !isSetOff(part.value)) {
		const opened = printOpened(part.value, printer);
		if (opened !== undefined) return base(group(open, opened, close));
		if (part.value.kind === "apply") {
			const call = transparent(false, base(printer.call(part.value.fn, part.value.args)));
			return base(group(open, nest(soft, call), soft, close));
		}
	}
	return base(group(open, nest(soft, group(value)), soft, close));
}

/** An interpolation of fewer characters is on one line even if it was not. */
const SIMPLE = 30;

/** A call that is opened where it stands, however long the line is; undefined where it is none. */
function printOpened(node: Node, printer: Printer): Doc | undefined {
	if (isAbsorbableTerm(node)) return printer.node(node);
	const last = node.kind === "apply" ? node.args.at(-1) : undefined;
	if (node.kind !== "apply" || last === undefined) return undefined;
	if (!isAbsorbable(last) && (last.kind !== "paren" || !isAbsorbable(last.inner))) return undefined;
	const before = printer.call(node.fn, node.args.slice(0, -1));
	const { width, commented } = measure(before);
	if (width > WIDTH || commented || isSetOff(last)) return undefined;
	return base(text(flatText(before)), space, printer.node(last, MIDDLE));
}

function verbatim(written: string): Doc {
	const [first = "", ...rest] = written.split("\n");
	return sequence(
		text(first),
		...rest.flatMap((each): Doc[] => [{ kind: "literal", indented: false, spaces: 0 }, text(each)]),
	);
}

/** Whether the string has several lines, with nothing that makes its indentation odd. */
function canShift(parts: readonly StringPart[]): boolean {
	const texts = parts.flatMap((part) => (part.kind === "text" ? [part.text] : []));
	return texts.some((each) => each.includes("\n")) && !texts.some((each) => each.includes("\r"));
}

/** The parts of one line. */
type Line = readonly StringPart[];

function printIndented({ open, parts, close }: StringNode, printer: Printer): Doc {
	const lines = splitLines(parts);
	const first = lines[0];
	if (first !== undefined && isBlank(first)) lines.shift();
	const last = lines.at(-1);
	const closesOwnLine = last !== undefined && isBlank(last);
	if (closesOwnLine) lines.pop();
	const least = Math.min(...lines.filter((each) => !isBlank(each)).map(indentOf));
	const docs = lines.map((each) => printLine(each, least, printer));
	const end: Doc = closesOwnLine || lines.length === 0 ? { kind: "literal", indented: true, spaces: 0 } : text("");
	return base(tokenDoc(open), nest(...docs), end, tokenDoc(close));
}

function splitLines(parts: readonly StringPart[]): Line[] {
	const lines: StringPart[][] = [[]];
	for (const part of parts) {
		if (part.kind !== "text") {
			lines.at(-1)?.push(part);
			continue;
		}
		for (const [i, each] of part.text.split("\n").entries()) {
			if (i > 0) lines.push([]);
			if (each !== "") lines.at(-1)?.push({ kind: "text", text: each });
		}
	}
	return lines;
}

function isBlank(parts: Line): boolean {
	return parts.every((part) => part.kind === "text" && /^ *$/.test(part.text));
}

function indentOf([first]: Line): number {
	return first?.kind === "text" ? first.text.length - first.text.replace(/^ +/, "").length : 0;
}

function printLine(parts: Line, least: number, printer: Printer): Doc {
	const indent = indentOf(parts);
	const spaces = Math.max(0, indent - least);
	if (isBlank(parts) && spaces === 0) return { kind: "literal", indented: false, spaces: 0 };
	const docs = parts.map((part, i) => {
		if (part.kind !== "text") return printInterpolation(part, printer);
		return text(i === 0 ? part.text.replace(/^ +/, "") : part.text);
	});
	return sequence({ kind: "literal", indented: true, spaces }, ...docs);
}
