/**
 * Whether results depend on where the tree of sources lies. Layer 1, pure.
 *
 * The same sources elsewhere give the same result as long as no text of a path within them is seen, no path leads out of
 * them or into them from outside, and no such paths are compared. Each of these is told to the evaluator's I/O; what is
 * told too often only costs an evaluation elsewhere.
 */

import type { EvalIO } from "../io.ts";
import { canonicalPath } from "../syntax/path.ts";
import { NO_CONTEXT, type StringContext } from "../value/context.ts";
import { type NixString, PlacedString, stringText } from "../value/value.ts";

export class SourcePlace {
	readonly #io: EvalIO;
	readonly #note = (): void => this.#io.notePlace?.();

	constructor(io: EvalIO) {
		this.#io = io;
	}

	/** The text of a path, as a string that tells when it is looked at. */
	textOf(path: string): NixString {
		return this.#holds(path) ? new PlacedString(path, NO_CONTEXT, this.#note) : path;
	}

	/** What a string is that begins with another one; `context` is its own. */
	extended(beginning: PlacedString, text: string, context: StringContext): NixString {
		return new PlacedString(text, context, beginning.seen);
	}

	/** Whether a string is the path of something in the folder of the sources: then its end does not tell where that lies. */
	isBelow(string: NixString): string is PlacedString {
		return string instanceof PlacedString && string.whole.startsWith(`${this.#io.sourceRoot ?? ""}/`);
	}

	/** Whether two strings, not both of them plain, have the same text. */
	equalTexts(a: NixString, b: NixString): boolean {
		if (a instanceof PlacedString && b instanceof PlacedString) return a.whole === b.whole;
		const other = a instanceof PlacedString ? b : b instanceof PlacedString ? a : undefined;
		// No path of the sources, wherever they are.
		if (other !== undefined && !stringText(other).startsWith("/")) return false;
		return stringText(a) === stringText(b);
	}

	/** The text of a path is seen. */
	seen(path: string): void {
		if (this.#holds(path)) this.#io.notePlace?.();
	}

	/** The last part of a path is seen. */
	nameSeen(path: string): void {
		if (path === this.#io.sourceRoot) this.#io.notePlace?.();
	}

	/** A path was made from another (`/` for none) and a text; `text` is the whole, not yet canonical. */
	made(from: string, text: string): void {
		const root = this.#io.sourceRoot;
		if (root === undefined) return;
		if (this.#holds(from) ? !this.#holds(text) || climbs(text.slice(root.length)) : this.#holds(canonicalPath(text))) {
			this.#io.notePlace?.();
		}
	}

	/** Two paths are compared: that both are of the sources does not depend on where these lie. */
	compared(a: string, b: string): void {
		if (this.#holds(a) !== this.#holds(b)) this.#io.notePlace?.();
	}

	#holds(path: string): boolean {
		const root = this.#io.sourceRoot;
		if (root === undefined || !path.startsWith(root)) return false;
		return path.length === root.length || path[root.length] === "/" || root === "/";
	}
}

/** Whether a path leaves the folder that it starts from on its way. */
function climbs(path: string): boolean {
	let depth = 0;
	for (const part of path.split("/")) {
		if (part === "..") depth--;
		else if (part !== "" && part !== ".") depth++;
		if (depth < 0) return true;
	}
	return false;
}
