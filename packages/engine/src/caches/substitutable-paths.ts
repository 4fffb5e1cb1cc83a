/** What binary caches offer, as the engine tells it. Layer 3. */

import type { StorePath } from "@devenv/nix-formats";
import type { SubstitutablePath } from "../engine-interface.ts";
import type { Offer } from "./substituter.ts";

/** By path. */
export function substitutablePaths(offers: ReadonlyMap<StorePath, Offer>): readonly SubstitutablePath[] {
	return [...offers.values()]
		.map(({ info: { path, deriver, references, fileSize, narSize } }) => {
			return { path, deriver, references, downloadSize: fileSize, narSize };
		})
		.sort((a, b) => (a.path < b.path ? -1 : 1));
}
