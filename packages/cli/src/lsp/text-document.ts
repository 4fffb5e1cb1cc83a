/**
 * An open text, and the ways between the three kinds of offsets: of the text (UTF-16 code units), of its UTF-8 bytes (the
 * evaluator's), and lines with columns in the units that were agreed upon with the editor. Layer 5, pure.
 */

import { lastAtMost } from "@devenv/evaluator/analysis";
import { bytesFromText } from "@devenv/nix-formats";
import type { Position, Range } from "vscode-languageserver-types";

export type PositionEncoding = "utf-8" | "utf-16" | "utf-32";

export interface TextChange {
	/** Undefined: the whole text. */
	readonly range?: Range;
	readonly text: string;
}

export class TextDocument {
	readonly uri: string;
	readonly version: number;
	readonly text: string;
	readonly #encoding: PositionEncoding;
	#lines: readonly number[] | undefined;
	#bytes: string | undefined;
	/** Byte offsets of the lines' starts; undefined where all is ASCII. */
	#byteLines: readonly number[] | undefined;

	constructor(
		of: { readonly uri: string; readonly version: number; readonly text: string },
		encoding: PositionEncoding,
	) {
		this.uri = of.uri;
		this.version = of.version;
		this.text = of.text;
		this.#encoding = encoding;
	}

	/** The text after changes, each of which is about the text after those before it. */
	changed(changes: readonly TextChange[], version: number): TextDocument {
		return changes.reduce(
			(document: TextDocument, change) => document.#changed(change, version),
			this.#with(this.text, version),
		);
	}

	#with(text: string, version: number): TextDocument {
		return new TextDocument({ uri: this.uri, version, text }, this.#encoding);
	}

	#changed({ range, text }: TextChange, version: number): TextDocument {
		if (range === undefined) return this.#with(text, version);
		const [a, b] = [this.offsetAt(range.start), this.offsetAt(range.end)];
		return this.#with(this.text.slice(0, Math.min(a, b)) + text + this.text.slice(Math.max(a, b)), version);
	}

	/** The text's UTF-8 bytes, as the evaluator has them. */
	get bytes(): string {
		this.#bytes ??= bytesFromText(this.text);
		return this.#bytes;
	}

	get lineCount(): number {
		return this.#lineStarts().length;
	}

	/** Offset of a position; what is past a line's end is its end, what is past the text's end is that. */
	offsetAt({ line, character }: Position): number {
		const starts = this.#lineStarts();
		const start = starts[line];
		if (start === undefined) return line < 0 ? 0 : this.text.length;
		const end = this.#lineEnd(line);
		if (this.#encoding === "utf-16") {
			const offset = Math.min(start + Math.max(0, character), end);
			return this.#splitsPair(offset) ? offset - 1 : offset;
		}
		let units = 0;
		let at = start;
		while (at < end) {
			const code = this.text.codePointAt(at) as number;
			units += this.#width(code);
			if (units > character) break;
			at += code > 0xffff ? 2 : 1;
		}
		return at;
	}

	positionAt(offset: number): Position {
		const starts = this.#lineStarts();
		const at = Math.max(0, Math.min(offset, this.text.length));
		const line = lastAtMost(starts, at);
		const start = starts[line] ?? 0;
		const end = Math.min(at, this.#lineEnd(line));
		return { line, character: this.characterIn(this.text.slice(start, end), end - start) };
	}

	rangeAt(start: number, end: number): Range {
		return { start: this.positionAt(start), end: this.positionAt(end) };
	}

	/** Of a byte's offset; inside of a character, the character's. */
	offsetOfByte(byte: number): number {
		const byteLines = this.#byteLineStarts();
		if (byteLines === undefined) return Math.max(0, Math.min(byte, this.text.length));
		const line = lastAtMost(byteLines, byte);
		let at = this.#lineStarts()[line] ?? 0;
		let bytes = byteLines[line] ?? 0;
		while (at < this.text.length) {
			const code = this.text.codePointAt(at) as number;
			bytes += utf8Width(code);
			if (bytes > byte) break;
			at += code > 0xffff ? 2 : 1;
		}
		return at;
	}

	byteOfOffset(offset: number): number {
		const byteLines = this.#byteLineStarts();
		if (byteLines === undefined) return offset;
		const starts = this.#lineStarts();
		const line = lastAtMost(starts, offset);
		return (byteLines[line] ?? 0) + bytesFromText(this.text.slice(starts[line] ?? 0, offset)).length;
	}

	/** A range of bytes. */
	rangeOfBytes({ start, end }: { readonly start: number; readonly end: number }): Range {
		return this.rangeAt(this.offsetOfByte(start), this.offsetOfByte(end));
	}

	byteAt(position: Position): number {
		return this.byteOfOffset(this.offsetAt(position));
	}

	/** What an offset in a line is in the editor's units, also in a line of another text. */
	characterIn(line: string, offset: number): number {
		if (this.#encoding === "utf-16") return offset;
		let character = 0;
		for (const each of line.slice(0, offset)) character += this.#width(each.codePointAt(0) as number);
		return character;
	}

	/** The whole text. */
	get range(): Range {
		return this.rangeAt(0, this.text.length);
	}

	#width(code: number): number {
		if (this.#encoding === "utf-8") return utf8Width(code);
		return this.#encoding === "utf-32" || code <= 0xffff ? 1 : 2;
	}

	/** Before the line's end characters. */
	#lineEnd(line: number): number {
		let end = this.#lineStarts()[line + 1] ?? this.text.length;
		const start = this.#lineStarts()[line] ?? 0;
		if (line + 1 < this.lineCount) {
			end--;
			if (end > start && this.text.charAt(end) === "\n" && this.text.charAt(end - 1) === "\r") end--;
		}
		return end;
	}

	#splitsPair(offset: number): boolean {
		const before = this.text.charCodeAt(offset - 1);
		const after = this.text.charCodeAt(offset);
		return before >= 0xd800 && before < 0xdc00 && after >= 0xdc00 && after < 0xe000;
	}

	#lineStarts(): readonly number[] {
		if (this.#lines !== undefined) return this.#lines;
		const starts = [0];
		for (const { index, 0: end } of this.text.matchAll(/\r\n?|\n/g)) starts.push(index + end.length);
		this.#lines = starts;
		return starts;
	}

	#byteLineStarts(): readonly number[] | undefined {
		if (this.bytes.length === this.text.length) return undefined;
		if (this.#byteLines !== undefined) return this.#byteLines;
		const starts = [0];
		for (const { index, 0: end } of this.bytes.matchAll(/\r\n?|\n/g)) starts.push(index + end.length);
		this.#byteLines = starts;
		return starts;
	}
}

/** Lone surrogates are written as U+FFFD. */
function utf8Width(code: number): number {
	if (code < 0x80) return 1;
	if (code < 0x800) return 2;
	return code <= 0xffff ? 3 : 4;
}
