/** Bindings of sets and of `let`. Layer 1, pure. */

import { isAbsorbable, isSetOff, isSimpleCall } from "./absorb.ts";
import type { AttrNode, AttrPathNode, Binding, Node } from "./cst.ts";
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
	sequence,
	soft,
	space,
	transparent,
	WIDTH,
} from "./doc.ts";
import type { Printer } from "./layout.ts";
import { printInterpolation } from "./print-string.ts";
import { tokenDoc } from "./print-token.ts";

export function printBindings(bindings: readonly Binding[], separator: Doc, printer: Printer): Doc {
	return join(
		separator,
		bindings.map((each) => printBinding(each, printer)),
	);
}

function printBinding(binding: Binding, printer: Printer): Doc {
	if (binding.kind === "inherit") return printInherit(binding, printer);
	const { path, equals, value, semicolon } = binding;
	const bound = equals.after === undefined ? printBound(path, value, printer) : nest(hard, printer.node(value));
	return base(group(printAttrPath(path, printer), space, tokenDoc(equals), bound, tokenDoc(semicolon)));
}

/** A value; a text or a simple call goes to the next line only where its name is in quotes. */
function printBound(path: AttrPathNode, value: Node, printer: Printer): Doc {
	const isText = value.kind === "string" || (value.kind === "leaf" && value.path) || isSimpleCall(value);
	if (!isText || isAbsorbable(value) || isSetOff(value) || path.attrs.every(({ kind }) => kind !== "string")) {
		return printer.value(value);
	}
	return group(
		nest(
			line,
			value.kind === "apply" ? transparent(false, base(printer.call(value.fn, value.args))) : printer.node(value),
		),
	);
}

function printInherit(binding: Extract<Binding, { kind: "inherit" }>, printer: Printer): Doc {
	const { keyword, source, names, semicolon } = binding;
	const from = source === undefined ? nothing : printer.node(source);
	// Beside a long source names would not fit.
	const wide = measure(from).width > WIDTH - 10;
	const moved = names.some((name) => printedOnOwnLine(name));
	const separator = wide || moved ? hard : line;
	const head = source === undefined ? nothing : wide ? nest(hard, from) : sequence(space, from);
	const end = separator === hard && names.length > 0 ? hard : soft;
	return base(
		group(
			tokenDoc(keyword),
			head,
			nest(...names.flatMap((name) => [separator, printAttr(name, printer)]), end, tokenDoc(semicolon)),
		),
	);
}

function printedOnOwnLine(name: AttrNode): boolean {
	const first = name.kind === "leaf" ? name.token : name.open;
	return first.lines > 0;
}

export function printAttrPath({ attrs, dots }: AttrPathNode, printer: Printer): Doc {
	return sequence(
		...attrs.flatMap((attr, i) => {
			const dot = dots[i];
			return dot === undefined ? [printAttr(attr, printer)] : [printAttr(attr, printer), tokenDoc(dot)];
		}),
	);
}

function printAttr(attr: AttrNode, printer: Printer): Doc {
	return attr.kind === "dynamic" ? printInterpolation(attr, printer) : printer.node(attr);
}
