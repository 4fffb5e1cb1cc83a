/** What a project's own files say about what it needs; made by the readers beside this file. Layer 5 (pure). */

/** One thing that is wanted. */
export interface Wish {
	/** As the file has it, for people. */
	readonly wanted: string;
	/** Packages that would do, the best first; empty: none is known. */
	readonly candidates: readonly string[];
}

export interface Reading {
	readonly wishes: readonly Wish[];
	/** Variables to set. */
	readonly env: readonly (readonly [name: string, value: string])[];
	/** What could not be taken over, and what there is to know; for comments. */
	readonly remarks: readonly string[];
}

/** Reads the text of one file. Throws a plain SyntaxError, whose message is for people, where that is not what it should be. */
export type Reader = (text: string) => Reading;

/** A wish for known packages. */
export function wish(wanted: string, ...candidates: readonly string[]): Wish {
	return { wanted, candidates };
}

/** A JSON object. */
export function jsonObject(text: string): Readonly<Record<string, unknown>> {
	const value: unknown = JSON.parse(text);
	if (!isObject(value)) throw new SyntaxError("it is not an object");
	return value;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The keys of an object, none of anything else. */
export function keysOf(value: unknown): string[] {
	return isObject(value) ? Object.keys(value) : [];
}
