/** Files that documents name. Layer 5. */

import { existsSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { Location } from "vscode-languageserver-types";
import { folderOf, uriOfPath } from "./open-document.ts";
import type { TextDocument } from "./text-document.ts";

/** The file that a path literal names: a folder's default.nix. */
export function fileOfPath(document: TextDocument, path: string): string | undefined {
	if (path.startsWith("<")) return undefined;
	const file = path.startsWith("~/") ? join(homedir(), path.slice(2)) : resolve(folderOf(document), path);
	if (!existsSync(file)) return undefined;
	const inner = join(file, "default.nix");
	return statSync(file).isDirectory() && existsSync(inner) ? inner : file;
}

/** Where a file begins. */
export function startOf(file: string): Location {
	const start = { line: 0, character: 0 };
	return { uri: uriOfPath(file), range: { start, end: start } };
}
