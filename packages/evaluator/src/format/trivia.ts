/** What stands between tokens: comments and blank lines. Layer 1, pure. */

/** A comment; `text` is as written, delimiters included. */
export interface Comment {
	readonly kind: "comment";
	readonly text: string;
	/** It stands between two tokens of one line: `a /* b *\/ c`. */
	readonly inline: boolean;
}

/** One blank line, or several. */
export interface Blank {
	readonly kind: "blank";
}

export type Trivia = Comment | Blank;

/** A token as written, with what belongs to it: what stands before it, and the comment after it on its line. */
export interface Tok {
	text: string;
	/** Offsets in the text. */
	readonly start: number;
	end: number;
	/** Line ends between the token before and this one. */
	lines: number;
	before: Trivia[];
	after: Comment | undefined;
}

const BLANK: Blank = { kind: "blank" };

/**
 * Splits the text between two tokens. `after` belongs to the token before, where there is one (not `atStart`): a comment
 * that begins on its line and ends with it.
 */
export function splitTrivia(text: string, atStart: boolean): { after: Comment | undefined; before: Trivia[] } {
	let after: Comment | undefined;
	const before: Trivia[] = [];
	let lineEnds = 0;
	let ownLine = atStart;
	let at = 0;
	while (at < text.length) {
		const c = text.charAt(at);
		if (c === "\n" || (c === "\r" && text.charAt(at + 1) !== "\n")) {
			lineEnds++;
			ownLine = true;
			at++;
			continue;
		}
		if (c !== "#" && c !== "/") {
			at++;
			continue;
		}
		const end = c === "#" ? endOfLine(text, at) : text.indexOf("*/", at + 2) + 2;
		const written = text.slice(at, end).trimEnd();
		at = end;
		if (lineEnds > 1 && before.length + (after === undefined ? 0 : 1) + (atStart ? 0 : 1) > 0) before.push(BLANK);
		lineEnds = 0;
		const multiLine = /[\r\n]/.test(written);
		const endsLine = c === "#" || /^[ \t]*(?:\r|\n)/.test(text.slice(at));
		if (!ownLine && endsLine && !multiLine && before.length === 0) after = comment(written);
		else if (endsLine || multiLine || text.slice(at).includes("\n")) before.push(comment(written));
		else before.push({ ...comment(written), inline: true });
	}
	if (lineEnds > 1 && !(atStart && before.length === 0)) before.push(BLANK);
	return { after, before };
}

function comment(text: string): Comment {
	return { kind: "comment", text, inline: false };
}

function endOfLine(text: string, from: number): number {
	const rest = /[\r\n]/.exec(text.slice(from));
	return rest === null ? text.length : from + rest.index;
}
