/** Lays documents out. Layer 1, pure. */

import { type BreakDoc, type Doc, type GroupDoc, measure, measureAll, WIDTH, widthOf } from "./doc.ts";

const STEP = 2;
/** Nesting can make attempts of attempts: no more are made after so many texts in vain. */
const MOST_WASTED = 5_000_000;

/** The text of a document, with a line end. */
export function render(doc: Doc): string {
	const renderer = new Renderer();
	renderer.render(doc);
	return renderer.finish();
}

interface State {
	readonly length: number;
	readonly column: number;
	readonly indent: number;
	readonly newline: boolean;
	readonly blank: boolean;
	readonly commented: boolean;
}

class Renderer {
	readonly #out: string[] = [];
	/** Characters of the current line after its indentation. */
	#column = 0;
	/** Indentation of the current line, or of the one that is to come. */
	#indent = 0;
	/** A line end is due before the next text. */
	#newline = true;
	#blank = false;
	/** Texts that were laid out and thrown away, as the rest did not fit behind them. */
	#wasted = 0;
	/** Line ends so far. */
	#lines = 0;
	/** A comment reaches to the end of the current line. */
	#commented = false;

	render(doc: Doc): void {
		this.#doc(doc, 0, { expanded: true, tail: 0 });
	}

	finish(): string {
		return this.#out.length === 0 ? "" : `${this.#out.join("")}\n`;
	}

	/** `base` is the indentation of breaks; `tail` the width of what follows on the same line. */
	#doc(doc: Doc, base: number, context: { readonly expanded: boolean; readonly tail: number }): void {
		switch (doc.kind) {
			case "text":
				this.#text(doc.text, base);
				return;
			case "choice":
				this.#text(context.expanded ? doc.broken : doc.flat, base);
				return;
			case "comment":
				this.#comment(doc.text, doc.trailing, base);
				return;
			case "blank":
				if (this.#newline && this.#out.length > 0) this.#blank = true;
				return;
			case "break":
				this.#break(doc, base, context.expanded);
				return;
			case "literal":
				this.#literal(doc.indented ? base + doc.spaces : 0);
				return;
			case "nest":
				this.#doc(doc.content, base + STEP, context);
				return;
			case "base":
				this.#doc(doc.content, this.#indent, context);
				return;
			case "group":
				if (context.expanded) this.#group(doc, base, context.tail);
				else this.#doc(doc.content, base, context);
				return;
			case "sequence":
				if (context.expanded) this.#expanded(doc.parts, base, context.tail);
				else for (const part of doc.parts) this.#doc(part, base, context);
		}
	}

	#expanded(parts: readonly Doc[], base: number, tail: number): void {
		for (const [index, part] of parts.entries()) {
			const after = firstWidth(parts, index + 1);
			this.#doc(part, base, { expanded: true, tail: after.width + (after.broken ? 0 : tail) });
		}
	}

	#group(group: GroupDoc, base: number, tail: number): void {
		const flat = measure(group);
		if (this.#fits(flat.width + (flat.commented ? 0 : tail))) {
			this.#doc(group.content, base, { expanded: false, tail });
			return;
		}
		if (group.tries && this.#tryPriorities(group, base, tail)) return;
		this.#doc(group.content, base, { expanded: true, tail });
	}

	#fits(width: number): boolean {
		return (this.#newline ? 0 : this.#column) + width <= WIDTH;
	}

	/** Opens one priority group of a group, where the rest then fits on its first and last line. */
	#tryPriorities(group: GroupDoc, base: number, tail: number): boolean {
		if (this.#wasted > MOST_WASTED) return false;
		const steps: Step[] = [];
		listSteps(group.content, { base, indent: this.#indent }, steps);
		for (const { step, i } of candidates(steps)) {
			const before = measureAll(steps.slice(0, i).map(({ doc }) => doc));
			const after = measureAll(steps.slice(i + 1).map(({ doc }) => doc));
			if (before.commented || before.width === Infinity || after.width === Infinity) continue;
			const opening = firstWidth([step.doc.content], 0);
			if (!this.#fits(before.width + opening.width)) continue;
			const rest = after.width + (after.commented ? 0 : tail);
			const state = this.#save();
			const lines = this.#lines;
			for (const each of steps.slice(0, i)) this.#doc(each.doc, each.base, { expanded: false, tail: 0 });
			this.#open(step.doc, step.base, rest);
			// Where nothing of the group follows, a last line that is too long would be so in any layout.
			const ends = after.width === 0 && this.#lines > lines;
			if ((ends || this.#fits(rest)) && !this.#newline) {
				for (const each of steps.slice(i + 1)) this.#doc(each.doc, each.base, { expanded: false, tail });
				return true;
			}
			this.#wasted += this.#out.length - state.length;
			this.#restore(state);
		}
		return false;
	}

	/** Lays a priority group out on several lines. */
	#open(group: GroupDoc, base: number, tail: number): void {
		if (this.#tryPriorities(group, base, tail)) return;
		this.#doc(group.content, base, { expanded: true, tail });
	}

	#text(text: string, base: number): void {
		if (text === "") return;
		if (this.#commented && !this.#newline) {
			this.#indent = base;
			this.#newline = true;
		}
		if (this.#newline) {
			if (text === " ") return;
			this.#startLine();
		}
		this.#out.push(text);
		this.#column += widthOf(text);
	}

	#startLine(): void {
		this.#lines++;
		if (this.#out.length > 0) this.#out.push(this.#blank ? "\n\n" : "\n");
		if (this.#indent > 0) this.#out.push(" ".repeat(this.#indent));
		this.#column = 0;
		this.#newline = false;
		this.#blank = false;
		this.#commented = false;
	}

	#break({ flat, hard }: BreakDoc, base: number, expanded: boolean): void {
		if (!expanded && !hard) {
			this.#text(flat, base);
			return;
		}
		this.#trimEnd();
		this.#indent = base;
		this.#newline = true;
	}

	/** Removes spaces from the end of the current line. */
	#trimEnd(): void {
		if (this.#newline) return;
		while (this.#out.at(-1) === " ") {
			this.#out.pop();
			this.#column--;
		}
	}

	#literal(indent: number): void {
		if (this.#newline) this.#startLine();
		this.#lines++;
		this.#out.push("\n", " ".repeat(indent));
		this.#indent = indent;
		this.#column = 0;
	}

	#comment(text: string, trailing: boolean, base: number): void {
		if (trailing && !this.#newline && !this.#commented) {
			this.#trimEnd();
			this.#out.push(" ", text);
			this.#commented = true;
			return;
		}
		if (!this.#newline) {
			this.#trimEnd();
			this.#indent = base;
			this.#newline = true;
		}
		const indent = this.#indent;
		this.#startLine();
		this.#out.push(indentComment(text, indent));
		this.#indent = indent;
		this.#newline = true;
	}

	#save(): State {
		return {
			length: this.#out.length,
			column: this.#column,
			indent: this.#indent,
			newline: this.#newline,
			blank: this.#blank,
			commented: this.#commented,
		};
	}

	#restore(state: State): void {
		// Spaces from before may have been trimmed meanwhile.
		while (this.#out.length < state.length) this.#out.push(" ");
		this.#out.length = state.length;
		this.#column = state.column;
		this.#indent = state.indent;
		this.#newline = state.newline;
		this.#blank = state.blank;
		this.#commented = state.commented;
	}
}

interface Step {
	readonly doc: Doc;
	readonly base: number;
}

interface Candidate {
	readonly step: Step & { readonly doc: GroupDoc };
	readonly i: number;
}

/** The priority groups among steps, in the order in which they are tried: the last one, then from the first on. */
function candidates(steps: readonly Step[]): Candidate[] {
	const found = steps.flatMap((step, i): Candidate[] => {
		const { doc, base } = step;
		return doc.kind === "group" && doc.priority ? [{ step: { doc, base }, i }] : [];
	});
	const last = found.pop();
	return last === undefined ? [] : [last, ...found];
}

/** The documents of a group that a priority group stands among, each with its base. */
function listSteps(doc: Doc, at: { readonly base: number; readonly indent: number }, steps: Step[]): void {
	if (doc.kind === "sequence") for (const part of doc.parts) listSteps(part, at, steps);
	else if (doc.kind === "nest") listSteps(doc.content, { ...at, base: at.base + STEP }, steps);
	else if (doc.kind === "base") listSteps(doc.content, { ...at, base: at.indent }, steps);
	else if (doc.kind === "group" && doc.transparent) listSteps(doc.content, at, steps);
	else steps.push({ doc, base: at.base });
}

/** The width of what stands on the current line from `parts[from]` on, and whether a line may end in them. */
function firstWidth(parts: readonly Doc[], from: number): { width: number; broken: boolean } {
	let width = 0;
	for (let i = from; i < parts.length; i++) {
		const part = parts[i] as Doc;
		const each = firstWidthOf(part);
		width += each.width;
		if (each.broken) return { width, broken: true };
	}
	return { width, broken: false };
}

function firstWidthOf(doc: Doc): { width: number; broken: boolean } {
	switch (doc.kind) {
		case "text":
			return { width: widthOf(doc.text), broken: false };
		case "choice":
			return { width: widthOf(doc.broken), broken: false };
		case "comment":
		case "break":
		case "literal":
			return { width: 0, broken: true };
		case "blank":
			return { width: 0, broken: false };
		case "nest":
		case "base":
		case "group":
			return firstWidthOf(doc.content);
		case "sequence":
			return firstWidth(doc.parts, 0);
	}
}

/** A comment's lines with another indentation: those between the delimiters keep theirs relative to each other. */
function indentComment(comment: string, indent: number): string {
	const [first = "", ...rest] = comment.split(/\r\n|\n|\r/);
	if (rest.length === 0) return comment;
	const inner = rest.slice(0, -1).filter((each) => each.trim() !== "");
	const starred = inner.length > 0 && [...inner, rest.at(-1) ?? ""].every((each) => /^\s*\*/.test(each));
	const least = Math.min(...inner.map((each) => each.length - each.trimStart().length));
	const margin = " ".repeat(indent);
	const lines = rest.map((each, i) => {
		if (each.trim() === "") return "";
		if (starred) return `${margin} ${each.trim()}`;
		if (i === rest.length - 1 && each.trimStart() === "*/") return `${margin}*/`;
		const spaces = each.length - each.trimStart().length;
		return `${margin}${" ".repeat(STEP + Math.max(0, spaces - (least === Infinity ? spaces : least)))}${each.trim()}`;
	});
	return [first.trimEnd(), ...lines].join("\n");
}
