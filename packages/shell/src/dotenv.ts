/**
 * Files of variables (`dotenv` of env.yaml). Layer 2 (this module is pure).
 *
 * A line is `NAME=value`, perhaps with `export` before it; blank lines and those that begin with `#` say nothing. A value
 * without quotes goes to the end of the line, or to a `#` after a blank. In `'…'` and `` `…` `` everything stands for itself, line
 * ends too; in `"…"` so do all but `\n`, `\r`, `\t`, `\"`, `\\` and `\$`. A `$` is a `$`. What is no such line is passed
 * over. native/dotenv.c reads them the same way, when a program is started.
 */

/** In bytes; a larger file has no variables. */
export const DOTENV_LIMIT: number = 256 * 1024;

export interface DotenvFile {
	/** In the order of the text; a name may come twice, and then the last one counts. */
	readonly variables: readonly (readonly [name: string, value: string])[];
	/** Lines that are no variable, counted from 1. */
	readonly faults: readonly number[];
}

const escapes: ReadonlyMap<string, string> = new Map([
	["n", "\n"],
	["r", "\r"],
	["t", "\t"],
	['"', '"'],
	["\\", "\\"],
	["$", "$"],
]);

/** A line up to its value: blanks, `export`, the name. */
const start = /[ \t\r]*(?!export[ \t\r]+=)(?:export[ \t\r]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t\r]*=/y;
const nothing = /[ \t\r]*(?:#[^\n]*)?(?=\n|$)/y;
const rest = /[^\n]*/y;

/** Reads the text of such a file; one with a NUL character has no variables. */
export function parseDotenv(text: string): DotenvFile {
	const variables: [string, string][] = [];
	const faults: number[] = [];
	if (text.includes("\0")) return { variables, faults: [text.slice(0, text.indexOf("\0")).split("\n").length] };
	const take = (pattern: RegExp, at: number): RegExpExecArray | null => {
		pattern.lastIndex = at;
		return pattern.exec(text);
	};
	const endOfLine = (at: number): number => at + (take(rest, at)?.[0].length ?? 0);
	let line = 1;
	let from = 0;
	for (let at = text.startsWith("\uFEFF") ? 1 : 0; at < text.length; at++) {
		line += text.slice(from, at).split("\n").length - 1;
		from = at;
		const name = take(start, at);
		if (name?.[1] !== undefined) {
			const found = valueAt(text, at + name[0].length, endOfLine);
			if (found.value === undefined) faults.push(line);
			else variables.push([name[1], found.value]);
			at = found.end;
		} else {
			if (take(nothing, at) === null) faults.push(line);
			at = endOfLine(at);
		}
	}
	return { variables, faults };
}

/** The value that stands behind the `=`, if it is one, and the end of its line. */
function valueAt(
	text: string,
	at: number,
	endOfLine: (at: number) => number,
): { readonly value?: string; readonly end: number } {
	const end = endOfLine(at);
	const opening = /[^ \t\r]/.exec(text.slice(at, end))?.[0];
	if (opening !== '"' && opening !== "'" && opening !== "`") {
		const whole = text.slice(at, end).replace(/[ \t\r]#[^]*$/, "");
		return { value: whole.replace(/^[ \t\r]+|[ \t\r]+$/g, ""), end };
	}
	let value = "";
	for (let index = text.indexOf(opening, at) + 1; index < text.length; index++) {
		const character = text[index] ?? "";
		const escaped = opening === '"' && character === "\\" ? escapes.get(text[index + 1] ?? "") : undefined;
		if (escaped !== undefined) {
			value += escaped;
			index++;
		} else if (character === opening) {
			const after = endOfLine(index);
			return /^[ \t\r]*(?:#|$)/.test(text.slice(index + 1, after)) ? { value, end: after } : { end: after };
		} else value += character;
	}
	return { end };
}
