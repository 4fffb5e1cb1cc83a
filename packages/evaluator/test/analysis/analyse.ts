/** Texts with a cursor, and what is known of them. */

import { builtinNames, NixDocument } from "../../src/analysis/index.ts";
import { bytesFromText } from "@devenv/nix-formats";

export const globals: ReadonlySet<string> = new Set(builtinNames(new Set()).map((each) => each.globalName));

/** A text, and where in it `|` stands; offsets count bytes. */
export function atCursor(marked: string): { readonly document: NixDocument; readonly offset: number } {
	const bytes = bytesFromText(marked);
	const offset = bytes.indexOf("|");
	if (offset < 0) throw new Error(`no cursor in ${marked}`);
	return { document: new NixDocument(bytes.slice(0, offset) + bytes.slice(offset + 1), globals), offset };
}

export function analyse(text: string): NixDocument {
	return new NixDocument(bytesFromText(text), globals);
}
