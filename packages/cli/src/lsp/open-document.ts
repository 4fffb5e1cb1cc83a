/** What kind of text an editor has open, and where it lies. Layer 5. */

import { basename, dirname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { NixDocument } from "@devenv/evaluator/analysis";
import type { TextDocument } from "./text-document.ts";

export type DocumentKind = "nix" | "environment";

/** The file of a URI; undefined where it is none. */
export function pathOfUri(uri: string): string | undefined {
	if (!uri.startsWith("file:")) return undefined;
	try {
		return fileURLToPath(uri);
	} catch (error) {
		// A host, an encoded slash: no file of this machine.
		if (error instanceof TypeError) return undefined;
		throw error;
	}
}

export function uriOfPath(path: string): string {
	return pathToFileURL(path).href;
}

/** Undefined for files that nothing is known about. */
export function kindOf(uri: string): DocumentKind | undefined {
	const name = basename(pathOfUri(uri) ?? uri);
	if (name === "env.yaml" || name === "env.local.yaml") return "environment";
	return name.endsWith(".nix") ? "nix" : undefined;
}

/** The folder that relative paths in a document start from; the root for a document that is no file. */
export function folderOf({ uri }: TextDocument): string {
	const path = pathOfUri(uri);
	return path === undefined ? "/" : dirname(path);
}

const analyses = new WeakMap<TextDocument, NixDocument | null>();

/** What a text of the Nix language says; undefined where it is nested too deeply. */
export function analysisOf(document: TextDocument, globals: ReadonlySet<string>): NixDocument | undefined {
	let analysis = analyses.get(document);
	if (analysis === undefined) {
		analysis = analyse(document, globals);
		analyses.set(document, analysis);
	}
	return analysis ?? undefined;
}

function analyse(document: TextDocument, globals: ReadonlySet<string>): NixDocument | null {
	try {
		return new NixDocument(document.bytes, globals);
	} catch (error) {
		if (error instanceof RangeError) return null;
		throw error;
	}
}
