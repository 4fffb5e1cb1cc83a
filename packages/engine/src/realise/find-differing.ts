/** Outputs of a second build beside those in the store. Layer 3. */

import { lstatSync } from "node:fs";
import { equalHashes, type StorePath } from "@devenv/nix-formats";
import { type BuiltOutput, hashPaths, type Store } from "@devenv/store";
import { treeDifference } from "./tree-difference.ts";

export interface DifferingOutput {
	readonly path: StorePath;
	/** Where the second one lies. */
	readonly from: string;
	/** How it differs, for people. */
	readonly lines: readonly string[];
}

/** Makes the second outputs canonical as registration does, and gives those whose NAR is another. */
export async function findDiffering(store: Store, made: readonly BuiltOutput[]): Promise<readonly DifferingOutput[]> {
	const differing: DifferingOutput[] = [];
	for (const { path, from } of made) {
		if (lstatSync(from, { throwIfNoEntry: false }) === undefined) {
			differing.push({ path, from, lines: ["the second build did not make it"] });
			continue;
		}
		const [digest] = await hashPaths([{ path: from, candidates: [], canonicalise: true }]);
		if (digest !== undefined && equalHashes(digest.narHash, store.pathInfo(path).narHash)) continue;
		differing.push({ path, from, lines: treeDifference(store.physical(path), from) });
	}
	return differing;
}
