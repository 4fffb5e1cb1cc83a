/** Which outputs of a request are asked for at binary caches. Layer 3. */

import { type Derivation, parseDrvPath, type StorePath } from "@devenv/nix-formats";
import type { Store } from "@devenv/store";
import type { Wanted } from "../queue/build-queue.ts";
import { isDownload } from "../realise/realise-derivation.ts";

/** Made in a moment from what it needs, and other for each variable of a project: asking for it would take longer. */
const QUICK_BUILDER = "builtin:environment";

/**
 * From the wanted derivations down, the first of each way that need not be built: what a cache has needs none of its inputs.
 * Downloads are left to their own mirrors, which have the same bytes by the same hash; what says `allowSubstitutes = false` is
 * built, as with Nix. `available` says which of some outputs caches have with all that they refer to.
 */
export async function findSubstitutable(
	wanted: Wanted,
	store: Store,
	available: (paths: readonly StorePath[]) => Promise<ReadonlySet<StorePath>>,
): Promise<ReadonlySet<string>> {
	const covered = new Set<string>();
	const seen = new Set<string>();
	let level: readonly WantedOutputs[] = [...wanted];
	while (level.length > 0) {
		const next: WantedOutputs[] = [];
		const asked: { readonly drvPath: string; readonly drv: Derivation; readonly paths: readonly StorePath[] }[] = [];
		for (const [drvPath, names] of level) {
			const key = `${drvPath}!${names.join(",")}`;
			if (seen.has(key)) continue;
			seen.add(key);
			const drv = store.readDerivation(parseDrvPath(drvPath, store.storeDir));
			const paths = isDownload(drv) ? [] : missingOutputs(store, drv, names);
			if (paths.length === 0) continue;
			if (drv.builder === QUICK_BUILDER || drv.env.get("allowSubstitutes") === "") next.push(...drv.inputDrvs);
			else asked.push({ drvPath, drv, paths });
		}
		const found = await available([...new Set(asked.flatMap(({ paths }) => paths))]);
		for (const { drvPath, drv, paths } of asked) {
			if (paths.every((path) => found.has(path))) covered.add(drvPath);
			else next.push(...drv.inputDrvs);
		}
		level = next;
	}
	return covered;
}

type WantedOutputs = readonly [drvPath: string, outputs: readonly string[]];

/** The outputs that are not valid, of those named. */
export function missingOutputs(store: Store, { outputs }: Derivation, names: readonly string[]): StorePath[] {
	return names.flatMap((name) => {
		const path = outputs.get(name)?.path ?? "";
		if (path === "") return [];
		store.addTempRoot(path);
		return store.isValid(path) ? [] : [path];
	});
}
