/**
 * Source text as a tree of what may be left out or put in each other's place, so that a failing text can be made small
 * without a parser.
 */

export type Piece = string | Source;

export class Source {
	/**
	 * An `expression` may stand for another one; of a `group` each piece may be left out; a `part` is neither (a binding,
	 * a parameter).
	 */
	readonly kind: "expression" | "group" | "part";
	readonly pieces: readonly Piece[];
	/** Whether it can stand where the language wants a simple expression, such as a list's element. */
	readonly atomic: boolean;

	constructor(kind: Source["kind"], pieces: readonly Piece[], atomic: boolean = false) {
		this.kind = kind;
		this.pieces = pieces;
		this.atomic = atomic;
	}

	toString(): string {
		return this.pieces.join("");
	}

	get size(): number {
		let size = 0;
		for (const piece of this.pieces) size += typeof piece === "string" ? piece.length : piece.size;
		return size;
	}
}

type Hole = Source | string | number | readonly Source[];

function pieces(strings: readonly string[], holes: readonly Hole[]): Piece[] {
	const all: Piece[] = [];
	for (const [index, text] of strings.entries()) {
		if (text !== "") all.push(text);
		const hole = holes[index];
		if (hole === undefined) continue;
		if (typeof hole === "string" || typeof hole === "number") all.push(String(hole));
		else if (hole instanceof Source) all.push(hole);
		else all.push(new Source("group", hole));
	}
	return all;
}

/** A template's text as an expression; a list in it is a group. */
export function expr(strings: TemplateStringsArray, ...holes: Hole[]): Source {
	return new Source("expression", pieces(strings, holes));
}

/** The same, for what needs no parentheses. */
export function atom(strings: TemplateStringsArray, ...holes: Hole[]): Source {
	return new Source("expression", pieces(strings, holes), true);
}

/** A template's text that is no expression. */
export function part(strings: TemplateStringsArray, ...holes: Hole[]): Source {
	return new Source("part", pieces(strings, holes));
}

/** Text of which each character may be left out. */
export function letters(text: string): Source {
	return new Source("group", Array.from(text));
}

/** In parentheses where it needs them. */
export function simple(source: Source): Source {
	return source.atomic ? source : new Source("expression", ["(", source, ")"], true);
}
