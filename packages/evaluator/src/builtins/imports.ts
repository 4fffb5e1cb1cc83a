/** `import` and `scopedImport`. Layer 1, pure. */

import { isDrvPath, type Derivation, type DrvPath } from "@devenv/nix-formats";
import type { Runtime } from "../eval/runtime.ts";
import { NO_POSITION, type Position } from "../syntax/position.ts";
import { attrsFromEntries } from "../value/attrs.ts";
import { formatContextElement } from "../value/context.ts";
import type { BuiltinDefinition } from "../value/function.ts";
import { stringWithContext, type Lazy, type Value } from "../value/value.ts";
import { realisedPath } from "./context-realisation.ts";
import { outputString } from "./derivation.ts";

function importPath(runtime: Runtime, value: Lazy, position: Position): Value {
	const path = realisedPath(runtime, value);
	const imported = importedDerivation(runtime, path);
	return imported ?? runtime.importFile(path, position);
}

/** A store derivation of the store is imported as the derivation it is. */
function importedDerivation(runtime: Runtime, path: string): Value | undefined {
	if (!isDrvPath(path, runtime.io.storeDir)) return undefined;
	return runtime.access(NO_POSITION, () => {
		if (!runtime.io.isValidPath(path)) return undefined;
		return derivationSet(runtime, path, runtime.io.readDerivation(path));
	});
}

/** The set of the first output; the sets of all outputs hold each other, so they are made when needed. */
function derivationSet(runtime: Runtime, drvPath: DrvPath, derivation: Derivation): Value {
	const names = [...derivation.outputs.keys()];
	const sets = names.map((name) => runtime.lazy(() => outputSet(name)));
	const closure = stringWithContext(drvPath, new Set([formatContextElement({ kind: "closure", drvPath })]));
	const outputSet = (name: string): Value =>
		attrsFromEntries([
			...names.map((each, index): [string, Lazy] => [each, sets[index] as Lazy]),
			["all", sets],
			["drvPath", closure],
			["name", derivation.env.get("name") ?? ""],
			["type", "derivation"],
			["outPath", outputString(drvPath, name, derivation.outputs.get(name)?.path ?? "")],
			["outputName", name],
		]);
	return runtime.force(sets[0] ?? null);
}

export const importBuiltins: readonly BuiltinDefinition[] = [
	{ name: "import", arity: 1, params: ["path"], global: true, fn: importPath },
	{
		name: "scopedImport",
		arity: 2,
		params: ["scope", "path"],
		global: true,
		fn: (runtime, scope, value, position) => {
			const path = realisedPath(runtime, value);
			const imported = importedDerivation(runtime, path);
			if (imported !== undefined) return imported;
			const what = "while evaluating the first argument passed to builtins.scopedImport";
			return runtime.importScoped(path, runtime.expectAttrs(scope, NO_POSITION, what), position);
		},
	},
];
