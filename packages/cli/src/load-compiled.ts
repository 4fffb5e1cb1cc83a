/**
 * Loads a bundle together with the code that V8 compiled of it in an earlier run. Layer 5.
 *
 * Two ways, by measurement: for a bundle most of which runs each time, V8's own data of everything that ran, functions
 * compiled on their first call included; for a large one of which each run needs little, node's compile cache.
 */

import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire, enableCompileCache } from "node:module";
import { join } from "node:path";
import { Script, constants } from "node:vm";

/** What a bundle exports. */
export interface Entry {
	/** Runs a command; `keepCompiled` is called when what matters has run, before the process is replaced or ends. */
	main(argv: readonly string[], keepCompiled: () => void): Promise<void>;
}

export interface LoadedEntry {
	readonly entry: Entry;
	readonly keepCompiled: () => void;
}

/** The bundle `<folder>/<name>.cjs` through node's compile cache. */
export function loadCached(folder: string, name: string): Entry {
	enableCompileCache(join(folder, "cache"));
	const filename = join(folder, `${name}.cjs`);
	return createRequire(filename)(filename) as Entry;
}

/** The bundle `<folder>/<name>.cjs`, and what stores its compiled code in `<folder>/cache` unless it is there. */
export function loadCompiled(folder: string, name: string): LoadedEntry {
	const filename = join(folder, `${name}.cjs`);
	const cache = join(folder, "cache", name);
	const cachedData = readIfPresent(cache);
	const source = readFileSync(filename, "utf8");
	// V8 refuses data of another V8 or another length of source; a new build removes the folder of the cache.
	const script = new Script(`(function (exports, require, module, __filename, __dirname) {${source}\n})`, {
		filename,
		importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
		...(cachedData === undefined ? {} : { cachedData }),
	});
	const module = { exports: {} };
	const run = script.runInThisContext() as (...parameters: readonly unknown[]) => void;
	run(module.exports, createRequire(filename), module, filename, folder);
	const fresh = cachedData !== undefined && script.cachedDataRejected !== true;
	const keepCompiled = (): void => {
		if (!fresh) writeAside(cache, script.createCachedData());
	};
	return { entry: module.exports as Entry, keepCompiled };
}

function readIfPresent(path: string): Buffer | undefined {
	try {
		return readFileSync(path);
	} catch (error) {
		if (isFileError(error)) return undefined;
		throw error;
	}
}

/** Writes through a new name. The installation may be another user's, or the disk full: then it stays as slow as it was. */
function writeAside(path: string, data: Buffer): void {
	const next = `${path}.${process.pid}`;
	try {
		mkdirSync(join(path, ".."), { recursive: true });
		writeFileSync(next, data, { mode: 0o644 });
		renameSync(next, path);
	} catch (error) {
		if (!isFileError(error)) throw error;
	}
}

function isFileError(error: unknown): boolean {
	return error instanceof Error && typeof (error as NodeJS.ErrnoException).code === "string";
}
