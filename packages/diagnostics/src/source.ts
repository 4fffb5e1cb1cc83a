/** A named text and the way from offsets to lines and columns. Layer 0. */

import type { Location } from "./diagnostic.ts";

/** A text with a name, whose line starts are computed once, when first asked for. */
export class Source {
	readonly file: string;
	readonly text: string;
	#lineStarts: number[] | undefined;

	constructor(file: string, text: string) {
		this.file = file;
		this.text = text;
	}

	/** Line and column (from 1) of an offset in UTF-16 code units; offsets past the end give the end. */
	position(offset: number): { line: number; column: number } {
		const starts = this.#starts();
		const at = Math.max(0, Math.min(offset, this.text.length));
		let low = 0;
		let high = starts.length - 1;
		while (low < high) {
			const middle = (low + high + 1) >> 1;
			if ((starts[middle] ?? 0) <= at) low = middle;
			else high = middle - 1;
		}
		return { line: low + 1, column: at - (starts[low] ?? 0) + 1 };
	}

	/** The location of `[start, end)`; what lies past the first line's end is not underlined. */
	locate(start: number, end: number = start + 1): Location {
		const { line, column } = this.position(start);
		const lineText = this.lineText(line);
		const length = Math.max(1, Math.min(end - start, lineText.length - column + 1));
		return { file: this.file, line, column, length, lineText };
	}

	/** The text of a line (from 1) without its line end; empty for a line that does not exist. */
	lineText(line: number): string {
		const starts = this.#starts();
		const start = starts[line - 1];
		if (start === undefined) return "";
		return this.text.slice(start, starts[line] ?? this.text.length).replace(/\r?\n$/, "");
	}

	#starts(): number[] {
		if (this.#lineStarts !== undefined) return this.#lineStarts;
		const starts = [0];
		for (let at = this.text.indexOf("\n"); at >= 0; at = this.text.indexOf("\n", at + 1)) starts.push(at + 1);
		this.#lineStarts = starts;
		return starts;
	}
}
