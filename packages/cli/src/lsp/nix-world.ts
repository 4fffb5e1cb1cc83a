/** What is known and can be asked about the Nix language beside a text itself. Layer 5. */

import { type BuiltinName, builtinNames } from "@devenv/evaluator/analysis";
import type { EvaluationThread } from "./evaluation-thread.ts";
import type { PackageLookup } from "./package-lookup.ts";

export interface NixWorld {
	readonly evaluation: EvaluationThread;
	readonly packages: PackageLookup;
	readonly builtins: readonly BuiltinName[];
	readonly globals: ReadonlySet<string>;
	/** What arguments of functions are taken to be. */
	readonly assumed: ReadonlyMap<string, string>;
}

export function nixWorld(evaluation: EvaluationThread, packages: PackageLookup): NixWorld {
	const builtins = builtinNames(new Set(["fetch-tree", "flakes"]));
	return {
		evaluation,
		packages,
		builtins,
		globals: new Set(builtins.map(({ globalName }) => globalName)),
		assumed: new Map([
			["pkgs", "import <nixpkgs> { }"],
			["lib", "import <nixpkgs/lib>"],
		]),
	};
}
