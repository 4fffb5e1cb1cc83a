/** Environments that are used before they are registered. Layer 3. */

import type { DrvPath } from "@devenv/nix-formats";
import type { Store } from "@devenv/store";
import type { BuildWishes } from "./build-policy.ts";

/** An environment whose files lie at their paths. */
export interface PlacedEnvironment {
	/**
	 * Settles when the environment and all that it refers to are valid. Rejects where they must not become so: what was placed is taken
	 * away then, and whoever uses it has to let go of it.
	 */
	readonly registered: Promise<void>;
}

/**
 * Makes an environment and gives it as soon as it lies in its place. The signal ends the work until then; afterwards it goes on in
 * any case. Rejects as `realise` does.
 */
export async function placeEnvironment(
	environment: DrvPath,
	realise: (options: { readonly wishes: BuildWishes; readonly signal: AbortSignal }) => Promise<void>,
	signal: AbortSignal | undefined,
): Promise<PlacedEnvironment> {
	const work = new AbortController();
	const { promise: placed, resolve: onPlaced } = Promise.withResolvers<undefined>();
	const abort = (): void => {
		work.abort(signal?.reason);
	};
	if (signal?.aborted === true) abort();
	signal?.addEventListener("abort", abort, { once: true });
	const early = {
		environment,
		onPlaced: () => {
			signal?.removeEventListener("abort", abort);
			onPlaced(undefined);
		},
	};
	const registered = realise({ wishes: { early }, signal: work.signal }).finally(() => {
		signal?.removeEventListener("abort", abort);
	});
	await Promise.race([placed, registered]);
	/* Whoever is given it may look later. */
	registered.catch(() => undefined);
	return { registered };
}

/** Derivations whose outputs a killed process had placed, with the names of these; what cannot be registered any more is taken away. */
export function unregisteredDerivations(store: Store): Map<DrvPath, readonly string[]> {
	const wanted = new Map<DrvPath, readonly string[]>();
	for (const { path, deriver } of store.placed()) {
		store.addTempRoot(deriver);
		if (store.isValid(deriver)) wanted.set(deriver, [...store.readDerivation(deriver).outputs.keys()]);
		else store.withdraw([path]);
	}
	return wanted;
}
