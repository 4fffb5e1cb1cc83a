/** A package set as the engine asks for it. Layer 3. */

import type { StorePath } from "@devenv/nix-formats";
import type { PackageSetRequest } from "./messages.ts";

/** A package set with the inputs that its overlays come from. */
export interface LocatedPackageSet extends PackageSetRequest {
	readonly sources: readonly StorePath[];
}

/** What an evaluator is told of it. */
export function plainSet({ sources: _, ...set }: LocatedPackageSet): PackageSetRequest {
	return set;
}
