/** Removal of the common indentation from `''…''` strings. Layer 1, pure. */

import type { ConcatExpr, Expr } from "./ast.ts";
import type { Position } from "./position.ts";

/** A piece of an indented string: text as written (`indented`), an escape's text, or an interpolation. */
export type IndentedPart =
	| { readonly position: Position; readonly text: string; readonly indented: boolean }
	| { readonly position: Position; readonly value: Expr };

const NO_INDENT = 1_000_000;

/** The expression of an indented string that begins at `position`. */
export function stripIndentation(parts: readonly IndentedPart[], position: Position): Expr {
	const indent = commonIndent(parts);
	const stripped: ConcatExpr["parts"][number][] = [];
	const state: LineState = { atStart: true, dropped: 0 };
	for (const [index, part] of parts.entries()) {
		if ("value" in part) {
			state.atStart = false;
			state.dropped = 0;
			stripped.push({ position: part.position, value: part.value });
			continue;
		}
		let text = dropIndent(part.text, indent, state);
		if (index === parts.length - 1) text = dropLastLine(text);
		if (text !== "") stripped.push({ position: part.position, value: { kind: "string", value: text } });
	}
	const first = stripped[0];
	if (first === undefined) return { kind: "string", value: "" };
	if (stripped.length === 1 && first.value.kind === "string") return first.value;
	return { kind: "concat", string: true, parts: stripped, position };
}

interface LineState {
	/** Only spaces were seen in the current line. */
	atStart: boolean;
	/** Spaces dropped from the current line. */
	dropped: number;
}

/** The least indentation of all lines that are not blank; a last line of spaces only does not count. */
function commonIndent(parts: readonly IndentedPart[]): number {
	let atStart = true;
	let least = NO_INDENT;
	let current = 0;
	for (const part of parts) {
		if ("value" in part || !part.indented) {
			if (atStart) {
				atStart = false;
				least = Math.min(least, current);
			}
			continue;
		}
		for (let i = 0; i < part.text.length; i++) {
			const c = part.text.charCodeAt(i);
			if (c === 0x0a) {
				atStart = true;
				current = 0;
			} else if (atStart) {
				if (c === 0x20) current++;
				else {
					atStart = false;
					least = Math.min(least, current);
				}
			}
		}
	}
	return least;
}

function dropIndent(text: string, indent: number, state: LineState): string {
	let result = "";
	let at = 0;
	while (at < text.length) {
		if (state.atStart) {
			let spaces = at;
			while (text.charCodeAt(spaces) === 0x20) spaces++;
			const drop = Math.min(spaces - at, Math.max(0, indent - state.dropped));
			state.dropped += spaces - at;
			result += text.slice(at + drop, spaces);
			at = spaces;
			if (at === text.length) break;
			state.dropped = 0;
			state.atStart = false;
		}
		const newline = text.indexOf("\n", at);
		if (newline < 0) return result + text.slice(at);
		result += text.slice(at, newline + 1);
		at = newline + 1;
		state.atStart = true;
	}
	return result;
}

/** Removes a last line that holds spaces only; the line end before it stays. */
function dropLastLine(text: string): string {
	const newline = text.lastIndexOf("\n");
	if (newline < 0) return text;
	for (let i = newline + 1; i < text.length; i++) if (text.charCodeAt(i) !== 0x20) return text;
	return text.slice(0, newline + 1);
}
