/** What would be built and fetched, in Nix's words. Layer 5. */

import type { RealisePlan } from "@devenv/engine";
import { writeError } from "../standard-error.ts";

/** Tells it on standard error; nothing where nothing is to be done. */
export function tellPlan({ builds, substitutes, unknown }: RealisePlan): void {
	const list = (what: string, paths: readonly string[]): void => {
		if (paths.length > 0) writeError(`${what}:\n${paths.map((path) => `  ${path}\n`).join("")}`);
	};
	list(
		builds.length === 1 ? "this derivation will be built" : `these ${builds.length} derivations will be built`,
		builds,
	);
	const sum = (sizes: readonly (number | undefined)[]): string =>
		(sizes.reduce<number>((all, size) => all + (size ?? 0), 0) / 1_048_576).toFixed(2);
	const download = sum(substitutes.map(({ downloadSize }) => downloadSize));
	const sizes = `(${download} MiB download, ${sum(substitutes.map(({ narSize }) => narSize))} MiB unpacked)`;
	const paths = substitutes.map(({ path }) => path);
	list(`${paths.length === 1 ? "this path" : `these ${paths.length} paths`} will be fetched ${sizes}`, paths);
	list("don't know how to build these paths", unknown);
}
