/** Where paths lie: in a git repository, in a folder, at all. Layer 4. */

import { lstatSync, realpathSync } from "node:fs";
import { dirname, join, sep } from "node:path";

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

/** Absolute, without links: a folder, and the top of its repository; outside of one that is the folder itself. */
export interface RepositoryPlace {
	readonly own: string;
	readonly top: string;
}

export function placeOf(folder: string): RepositoryPlace {
	const own = realpathSync(folder);
	return { own, top: foldersToTop(own)?.at(-1) ?? own };
}

export function exists(path: string): boolean {
	return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Whether an absolute path is a folder's or that of something in it, by the names alone. */
export function isInside(path: string, folder: string): boolean {
	return path === folder || path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
}

/** Undefined where nothing is there, or where one may not look. */
export function resolvedPath(path: string): string | undefined {
	try {
		return realpathSync(path);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === undefined) throw error;
		return undefined;
	}
}
