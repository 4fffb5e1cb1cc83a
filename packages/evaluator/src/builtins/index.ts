/** Every built-in operation and constant. Layer 1, pure. */

import type { BuiltinDefinition } from "../value/function.ts";
import { arithmeticBuiltins } from "./arithmetic.ts";
import { attributeSetBuiltins } from "./attribute-sets.ts";
import { constantBuiltins } from "./constants.ts";
import { controlBuiltins } from "./control.ts";
import { derivationBuiltins } from "./derivation.ts";
import { environmentBuiltins } from "./environment.ts";
import { flakeBuiltins } from "./flakes.ts";
import { fetcherBuiltins, fetchTreeBuiltins } from "./fetchers.ts";
import { closureBuiltins } from "./generic-closure.ts";
import { hashBuiltins } from "./hashes.ts";
import { importBuiltins } from "./imports.ts";
import { jsonBuiltins } from "./json.ts";
import { listBuiltins } from "./lists.ts";
import { outputReferenceBuiltins } from "./output-references.ts";
import { pathBuiltins } from "./paths.ts";
import { storeFileBuiltins } from "./store-files.ts";
import { stringContextBuiltins } from "./string-contexts.ts";
import { stringBuiltins } from "./strings.ts";
import { tomlBuiltins } from "./toml.ts";
import { typeTestBuiltins } from "./type-tests.ts";
import { xmlBuiltins } from "./xml.ts";

export { NIX_VERSION } from "./constants.ts";
export { embeddedFiles } from "./embedded-files.ts";
export { valueToJson } from "./json.ts";
export { valueToXml } from "./xml.ts";

/** What there is without experimental features. */
const builtinDefinitions: readonly BuiltinDefinition[] = [
	...constantBuiltins,
	...typeTestBuiltins,
	...controlBuiltins,
	...arithmeticBuiltins,
	...stringBuiltins,
	...stringContextBuiltins,
	...listBuiltins,
	...attributeSetBuiltins,
	...closureBuiltins,
	...hashBuiltins,
	...jsonBuiltins,
	...xmlBuiltins,
	...tomlBuiltins,
	...environmentBuiltins,
	...pathBuiltins,
	...importBuiltins,
	...storeFileBuiltins,
	...derivationBuiltins,
	...fetcherBuiltins,
];

const experimental: readonly { readonly feature: string; readonly definitions: readonly BuiltinDefinition[] }[] = [
	{ feature: "fetch-tree", definitions: fetchTreeBuiltins },
	{ feature: "flakes", definitions: flakeBuiltins },
	{ feature: "dynamic-derivations", definitions: outputReferenceBuiltins },
];

/** What there is with those experimental features. */
export function builtinsFor(features: ReadonlySet<string>): readonly BuiltinDefinition[] {
	const added = experimental.flatMap(({ feature, definitions }) => (isOn(features, feature) ? definitions : []));
	return [...builtinDefinitions, ...added];
}

function isOn(features: ReadonlySet<string>, feature: string): boolean {
	return features.has(feature) || (feature === "fetch-tree" && features.has("flakes"));
}
