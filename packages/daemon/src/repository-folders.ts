/** The folders of a git repository above one of its folders. Layer 4. */

import { lstatSync } from "node:fs";
import { dirname, join } from "node:path";

/** Folders that are looked at, at most. */
const MOST_FOLDERS = 64;

/** From `folder` upward to the one that holds `.git`, both included; undefined outside of a repository. */
export function foldersToTop(folder: string): readonly string[] | undefined {
	const folders: string[] = [];
	for (let at = folder; folders.length < MOST_FOLDERS; at = dirname(at)) {
		folders.push(at);
		if (exists(join(at, ".git"))) return folders;
		if (dirname(at) === at) return undefined;
	}
	return undefined;
}

export function exists(path: string): boolean {
	return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
