/**
 * Store objects and derivations as Nix's programs say them to each other. Layer 1, pure. Source: `readDerivation` in
 * `src/libstore/derivations.cc` of Nix.
 */

import { fail } from "@devenv/diagnostics";
import { fixedOutput, parseFixedOutput, type Derivation, type DerivationOutput } from "./derivation.ts";
import {
	checkStoreName,
	drvPathName,
	parseStorePath,
	storePathName,
	type DrvPath,
	type StorePath,
} from "./store-path.ts";
import { makeFixedOutputPath } from "./store-path-computation.ts";
import type { ByteSource } from "./wire-source.ts";

export function readStorePaths(source: ByteSource, storeDir: string): Promise<StorePath[]> {
	return source.list(async () => parseStorePath(await source.string(), storeDir));
}

/**
 * A derivation whose inputs are store paths, all of them outputs or sources, so that it can be built without those of others. Fails
 * with `WIRE_DERIVATION` where it does not fit to its own name.
 */
export async function readBasicDerivation(source: ByteSource, drvPath: DrvPath, storeDir: string): Promise<Derivation> {
	const name = drvPathName(drvPath);
	const outputs = await source.list(async (): Promise<[string, DerivationOutput]> => {
		const output = await source.string();
		const path = await source.string();
		const [hashAlgo, hash] = [await source.string(), await source.string()];
		return [output, { path: path === "" ? "" : parseStorePath(path, storeDir), hashAlgo, hash }];
	});
	const inputSrcs = await readStorePaths(source, storeDir);
	const [system, builder] = [await source.string(), await source.string()];
	const args = await source.strings();
	const env = await source.list(async (): Promise<[string, string]> => [await source.string(), await source.string()]);
	const derivation: Derivation = {
		name,
		outputs: new Map(outputs),
		inputDrvs: new Map(),
		inputSrcs: [...new Set(inputSrcs)].sort(),
		system,
		builder,
		args,
		env: new Map(env),
	};
	checkOutputs(derivation, drvPath, storeDir);
	return derivation;
}

/**
 * That an output path follows from the derivation cannot be seen without its input derivations; but it must be named after it, and
 * what promises its content must lie where that content does.
 */
function checkOutputs(derivation: Derivation, drvPath: DrvPath, storeDir: string): void {
	if (derivation.outputs.size === 0) failDerivation(drvPath, "has no outputs");
	for (const [output, { path }] of derivation.outputs) {
		checkStoreName(output);
		const expected = output === "out" ? derivation.name : `${derivation.name}-${output}`;
		if (path === "" || storePathName(path) !== expected) {
			failDerivation(drvPath, `says that its output '${output}' is '${path}'`);
		}
	}
	const fixed = fixedOutput(derivation);
	if (fixed === undefined) return;
	const { method, hash } = parseFixedOutput(fixed);
	if (method === "text" || makeFixedOutputPath({ name: derivation.name, method, hash, storeDir }) !== fixed.path) {
		failDerivation(drvPath, `promises a content that does not lie at '${fixed.path}'`);
	}
}

function failDerivation(drvPath: DrvPath, fault: string): never {
	return fail("WIRE_DERIVATION", `the derivation that was sent as ${drvPath} ${fault}`);
}
