/**
 * String contexts: which store objects a string depends on. Layer 1, pure.
 *
 * An element is written as Nix encodes it in a string: `/nix/store/…` for a plain store object, `!out!/nix/store/….drv`
 * for an output of a store derivation, `=/nix/store/….drv` for a store derivation with its whole closure.
 */

/** Encoded context elements. Sets are shared between values: never change one that a value holds. */
export type StringContext = ReadonlySet<string>;

export const NO_CONTEXT: StringContext = new Set();

/** One context element, decoded. */
export type ContextElement =
	| { readonly kind: "object"; readonly path: string }
	| { readonly kind: "output"; readonly drvPath: string; readonly output: string }
	| { readonly kind: "closure"; readonly drvPath: string };

/** Decodes an element of a {@link StringContext}; `drvPath` of an output may itself be encoded (dynamic derivations). */
export function parseContextElement(encoded: string): ContextElement {
	if (encoded.startsWith("=")) return { kind: "closure", drvPath: encoded.slice(1) };
	if (encoded.startsWith("!")) {
		const end = encoded.indexOf("!", 1);
		if (end > 0) return { kind: "output", output: encoded.slice(1, end), drvPath: encoded.slice(end + 1) };
	}
	return { kind: "object", path: encoded };
}

/** The inverse of {@link parseContextElement}. */
export function formatContextElement(element: ContextElement): string {
	switch (element.kind) {
		case "object":
			return element.path;
		case "output":
			return `!${element.output}!${element.drvPath}`;
		case "closure":
			return `=${element.drvPath}`;
	}
}

/** The union of two contexts; one of the arguments itself where it holds the other. */
export function mergeContexts(a: StringContext, b: StringContext): StringContext {
	if (a === b || b.size === 0) return a;
	if (a.size === 0) return b;
	const [large, small] = a.size >= b.size ? [a, b] : [b, a];
	let merged: Set<string> | undefined;
	for (const element of small) {
		if (merged !== undefined) merged.add(element);
		else if (!large.has(element)) merged = new Set(large).add(element);
	}
	return merged ?? large;
}
