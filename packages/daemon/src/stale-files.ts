/** What lies beside the store and is made again when it is needed: caches and logs of builds. Layer 4. */

import { lstatSync, readdirSync, renameSync, rmSync, type Stats } from "node:fs";
import { join } from "node:path";

export interface StaleFiles {
	/** Files and folders that were too old. */
	readonly count: number;
	/** Bytes on disk. */
	readonly bytes: number;
}

/** Folders whose entries are dropped by their age, and how deep these entries lie. */
const places: readonly {
	readonly within: "cache" | "state" | "storeRoot";
	readonly path: string;
	readonly depth: number;
}[] = [
	{ within: "cache", path: "git", depth: 1 },
	{ within: "cache", path: "indexes", depth: 1 },
	{ within: "cache", path: "partial", depth: 1 },
	{ within: "cache", path: "search", depth: 1 },
	{ within: "storeRoot", path: "nix/var/log/nix/drvs", depth: 2 },
	// Of older versions.
	{ within: "state", path: "log/drvs", depth: 2 },
];

/**
 * Deletes what was not changed since `before` (milliseconds since 1970), or only says how much that is. A bare git
 * repository counts as changed when something was fetched into it.
 */
export function sweepStaleFiles(
	folders: { readonly cache: string; readonly state: string; readonly storeRoot: string },
	before: number,
	dryRun: boolean,
): StaleFiles {
	let count = 0;
	let bytes = 0;
	for (const { within, path, depth } of places) {
		for (const entry of entriesAt(join(folders[within], path), depth)) {
			const changed = changedAt(entry);
			if (changed === undefined || changed >= before) continue;
			count += 1;
			bytes += diskUse(entry);
			if (!dryRun) removeWhole(entry);
		}
	}
	return { count, bytes };
}

function entriesAt(folder: string, depth: number): string[] {
	const entries = names(folder).map((name) => join(folder, name));
	return depth === 1 ? entries : entries.flatMap((each) => entriesAt(each, depth - 1));
}

function changedAt(path: string): number | undefined {
	const times = [path, join(path, "FETCH_HEAD")].flatMap((each) => statIfThere(each)?.mtimeMs ?? []);
	return times.length === 0 ? undefined : Math.max(...times);
}

function diskUse(path: string): number {
	const found = statIfThere(path);
	if (found === undefined) return 0;
	const below = found.isDirectory() ? names(path).map((name) => diskUse(join(path, name))) : [];
	return below.reduce((sum, each) => sum + each, found.blocks * 512);
}

/** Nobody meets a half of it: a folder is first moved away from its name. */
function removeWhole(path: string): void {
	const aside = `${path}.stale`;
	try {
		renameSync(path, aside);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
		throw error;
	}
	rmSync(aside, { recursive: true, force: true });
}

function statIfThere(path: string): Stats | undefined {
	try {
		return lstatSync(path, { throwIfNoEntry: false });
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return undefined;
		throw error;
	}
}

function names(folder: string): string[] {
	try {
		return readdirSync(folder);
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code === "ENOENT" || code === "ENOTDIR") return [];
		throw error;
	}
}
