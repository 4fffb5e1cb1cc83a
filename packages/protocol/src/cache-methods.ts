/** Requests about binary caches. Layer 1 (pure). */

import type { Diagnostic } from "@devenv/diagnostics";
import { absolutePath, arrayOf, count, nullable, object, oneOf, recordOf, string } from "./decoder.ts";
import { diagnostic } from "./diagnostic-decoder.ts";
import type { Method } from "./methods.ts";

export interface CopyParams {
	/** To the cache, or from it. */
	readonly direction: "to" | "from";
	/** Its address, as Nix writes it; paths in it are absolute. */
	readonly cache: string;
	/** Store paths; empty: the project's environment. */
	readonly paths: readonly string[];
	/** Folder of env.yaml; null where paths are given. */
	readonly project: string | null;
	readonly variables: Readonly<Record<string, string>>;
}

export interface CopyResult {
	/** Store objects that were copied, and those that were there already. */
	readonly copied: number;
	readonly present: number;
	/** Of the copied ones, compressed. */
	readonly bytes: number;
	/** What was asked for. */
	readonly paths: readonly string[];
	readonly diagnostics: readonly Diagnostic[];
}

/** Copies store objects, with all that they refer to. Fails with `CACHE_…`, `KEY_…`, `STORE_…`. */
export const copyPaths: Method<CopyParams, CopyResult> = {
	name: "cache.copy",
	params: object<CopyParams>({
		direction: oneOf("to", "from"),
		cache: string,
		paths: arrayOf(absolutePath),
		project: nullable(absolutePath),
		variables: recordOf(string),
	}),
	result: object<CopyResult>({
		copied: count,
		present: count,
		bytes: count,
		paths: arrayOf(absolutePath),
		diagnostics: arrayOf(diagnostic),
	}),
	progress: true,
};
