/** Which outputs of a request are asked for at binary caches, before anything is built. Layer 3. */

import { parseDrvPath, type StorePath } from "@devenv/nix-formats";
import type { Store } from "@devenv/store";
import type { Wanted } from "../queue/build-queue.ts";
import { isDownload } from "../realise/realise-derivation.ts";
import type { SubstituteContext, Substituter } from "./substituter.ts";

/**
 * From the wanted derivations down: what a cache has needs none of its inputs. Downloads are left to their own mirrors, which
 * have the same bytes by the same hash.
 */
export async function substituteWanted(
	wanted: Wanted,
	store: Store,
	substituter: Substituter,
	context: SubstituteContext,
): Promise<void> {
	const seen = new Set<string>();
	let level: readonly (readonly [drvPath: string, outputs: readonly string[]])[] = [...wanted];
	while (level.length > 0) {
		const missing = new Map<string, readonly StorePath[]>();
		for (const [drvPath, names] of level) {
			const key = `${drvPath}!${names.join(",")}`;
			if (seen.has(key)) continue;
			seen.add(key);
			const paths = missingOutputs(store, drvPath, names);
			if (paths.length > 0) missing.set(key, paths);
		}
		const { valid } = await substituter.substitute([...new Set([...missing.values()].flat())], context);
		level = level.flatMap(([drvPath, names]) => {
			const paths = missing.get(`${drvPath}!${names.join(",")}`);
			if (paths === undefined || paths.every((path) => valid.has(path))) return [];
			return [...store.readDerivation(parseDrvPath(drvPath)).inputDrvs];
		});
	}
}

function missingOutputs(store: Store, drvPath: string, names: readonly string[]): StorePath[] {
	const drv = store.readDerivation(parseDrvPath(drvPath));
	if (isDownload(drv)) return [];
	return names.flatMap((name) => {
		const path = drv.outputs.get(name)?.path ?? "";
		if (path === "") return [];
		store.addTempRoot(path);
		return store.isValid(path) ? [] : [path];
	});
}
