/** The closure of a store derivation: what a `=drv` context element stands for. Layer 1, pure. */

import { drvPathName, isDrvPath, type DrvPath } from "@devenv/nix-formats";
import type { Runtime } from "../eval/runtime.ts";
import { NO_POSITION } from "../syntax/position.ts";

export interface DerivationClosure {
	/** All store paths, the derivation's own included. */
	readonly paths: ReadonlySet<string>;
	/** For each derivation in it, all its output names. */
	readonly outputs: ReadonlyMap<string, readonly string[]>;
}

/** Follows references of store derivations and of sources; what the store does not know counts as a leaf. */
export function derivationClosure(runtime: Runtime, drvPath: string): DerivationClosure {
	const paths = new Set<string>();
	const outputs = new Map<string, readonly string[]>();
	const queue: string[] = [drvPath];
	for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
		if (paths.has(path)) continue;
		paths.add(path);
		const current = path;
		if (isDrvPath(current, runtime.io.storeDir) && isStoreDerivation(current)) {
			const derivation = runtime.access(NO_POSITION, () => runtime.io.readDerivation(current));
			outputs.set(current, [...derivation.outputs.keys()]);
			queue.push(...derivation.inputDrvs.keys(), ...derivation.inputSrcs);
		} else {
			queue.push(...runtime.access(NO_POSITION, () => runtime.io.references(current)));
		}
	}
	return { paths, outputs };
}

/** A name of nothing but `.drv` is not a derivation's. */
function isStoreDerivation(path: DrvPath): boolean {
	return drvPathName(path) !== "";
}
