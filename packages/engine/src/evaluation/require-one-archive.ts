/** Which archive the packages of an environment's root come from: one. Layer 3. */

import { DiagnosticError, diagnose } from "@devenv/diagnostics";
import type { EnvSpec } from "@devenv/env-file";

/** Refuses packages of another archive than this one, with `ENV_INPUTS_MIXED`. */
export function requireOneArchive(packages: EnvSpec["packages"], name: string): string {
	const foreign = packages.find(({ input }) => input !== name);
	if (foreign === undefined) return name;
	const message = `the packages come from the archives '${name}' and '${foreign.input}', which cannot share one root`;
	throw new DiagnosticError(
		diagnose("ENV_INPUTS_MIXED", message, {
			...(foreign.location === undefined ? {} : { location: foreign.location }),
			hint: "take all packages from one archive; those of inputs with a default.nix may be beside them",
		}),
	);
}
