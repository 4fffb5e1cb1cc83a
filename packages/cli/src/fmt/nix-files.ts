/** The files that `devenv fmt` is about. Layer 5. */

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fail } from "@devenv/diagnostics";

/** Folders of others. */
const SKIPPED: ReadonlySet<string> = new Set([".git", "node_modules"]);

/**
 * The file at a path, or the `*.nix` files below a folder, in order; links below it are not followed. Their paths begin as
 * `path` does. Fails with `FMT_FILE`.
 */
export function findNixFiles(path: string): string[] {
	try {
		return statSync(path).isDirectory() ? filesBelow(path) : [path];
	} catch (error) {
		const { code, path: failed = path } = error as NodeJS.ErrnoException;
		if (code === undefined) throw error;
		const reason = code === "ENOENT" || code === "ENOTDIR" ? "there is no such file or folder" : code;
		return fail("FMT_FILE", `${failed} cannot be read: ${reason}`);
	}
}

function filesBelow(folder: string): string[] {
	const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
	return entries.flatMap((entry) => {
		const path = join(folder, entry.name);
		if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : filesBelow(path);
		return entry.isFile() && entry.name.endsWith(".nix") ? [path] : [];
	});
}
