/** `builtins.outputOf` (experimental feature `dynamic-derivations`). Layer 1, pure. */

import { drvPathName, formatHash, hashBytes, isDrvPath, outputPathName } from "@devenv/nix-formats";
import type { Runtime } from "../eval/runtime.ts";
import { NO_POSITION } from "../syntax/position.ts";
import { formatContextElement, parseContextElement } from "../value/context.ts";
import type { BuiltinDefinition } from "../value/function.ts";
import { stringWithContext, type Lazy, type Value } from "../value/value.ts";
import { textOf } from "./control.ts";
import { contextOf } from "./strings.ts";

/** An output of a store derivation that the string names: its path, where the derivation is known. */
function outputOf(runtime: Runtime, reference: Lazy, outputValue: Lazy): Value {
	const string = runtime.expectString(
		reference,
		NO_POSITION,
		"while evaluating the first argument to builtins.outputOf",
	);
	const output = runtime.expectPlainString(
		outputValue,
		NO_POSITION,
		"while evaluating the second argument to builtins.outputOf",
	);
	const context = contextOf(string);
	const [encoded] = context;
	if (encoded === undefined || context.size !== 1) {
		const rule = "It should only have exactly one entry";
		throw runtime.error("eval", `string '${textOf(string)}' has ${context.size} entries in its context. ${rule}`);
	}
	const element = parseContextElement(encoded);
	if (element.kind === "closure") {
		const fault = "has a context which refers to a complete source and binary closure";
		throw runtime.error("eval", `string '${textOf(string)}' ${fault}. This is not supported at this time`);
	}
	const drvPath = element.kind === "object" ? element.path : encoded;
	if (element.kind !== "object" || !isDrvPath(drvPath, runtime.io.storeDir)) {
		throw runtime.error("eval", `path '${textOf(string)}' is not the store path of a derivation`);
	}
	const known = runtime.access(NO_POSITION, () => runtime.io.readDerivation(drvPath)).outputs.get(output)?.path ?? "";
	const path = known === "" ? unknownOutputPlaceholder(drvPath, output) : known;
	return stringWithContext(path, new Set([formatContextElement({ kind: "output", output, drvPath })]));
}

/** Stands for the path of an output that is known only after the build. */
function unknownOutputPlaceholder(drvPath: Parameters<typeof drvPathName>[0], output: string): string {
	const base = drvPath.slice(drvPath.lastIndexOf("/") + 1);
	const digits = base.slice(0, 32);
	const name = outputPathName(drvPathName(drvPath), output);
	return `/${formatHash(hashBytes("sha256", `nix-upstream-output:${digits}:${name}`), "base32")}`;
}

export const outputReferenceBuiltins: readonly BuiltinDefinition[] = [
	{ name: "outputOf", arity: 2, params: ["derivation-reference", "output-name"], fn: outputOf },
];
