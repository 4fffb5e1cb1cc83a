/**
 * Store derivations as data: what to build, from what, into which outputs. Layer 1, pure. All strings are byte
 * strings. Source: Nix manual, "Store derivation and deriving path".
 */

import { fail } from "@devenv/diagnostics";
import type { ByteString } from "./byte-string.ts";
import { parseHash, parseHashAlgo, type Hash } from "./hash.ts";
import type { ContentAddressMethod } from "./store-path-computation.ts";
import type { DrvPath, StorePath } from "./store-path.ts";

export interface DerivationOutput {
	/** The output's store path; empty while it is not known. */
	path: StorePath | "";
	/** Empty, or for a fixed output `sha256`, `r:sha256`, `text:sha256` … */
	readonly hashAlgo: string;
	/** Empty, or the fixed output's hash in base 16. */
	readonly hash: string;
}

export interface Derivation {
	/** The derivation's name, which names its outputs; not part of the ATerm but of its store path, without `.drv`. */
	readonly name: string;
	/** By output name. */
	readonly outputs: Map<string, DerivationOutput>;
	/** The outputs that are needed of other derivations. */
	readonly inputDrvs: Map<DrvPath, readonly string[]>;
	readonly inputSrcs: readonly StorePath[];
	readonly system: ByteString;
	readonly builder: ByteString;
	readonly args: readonly ByteString[];
	readonly env: Map<ByteString, ByteString>;
}

/** What a fixed-output derivation promises of its single output. */
export interface FixedOutputPromise {
	readonly method: ContentAddressMethod;
	readonly hash: Hash;
}

const METHOD_PREFIXES: Readonly<Record<ContentAddressMethod, string>> = { flat: "", recursive: "r:", text: "text:" };

/** Whether the derivation promises the hash of its single output `out`. */
export function isFixedOutput(drv: Derivation): boolean {
	return fixedOutput(drv) !== undefined;
}

/** The output `out` of a fixed-output derivation; undefined for others. */
export function fixedOutput(drv: Derivation): DerivationOutput | undefined {
	if (drv.outputs.size !== 1) return undefined;
	const output = drv.outputs.get("out");
	return output !== undefined && output.hashAlgo !== "" && output.hash !== "" ? output : undefined;
}

/** Writes a promise as the two fields of an output. */
export function formatFixedOutput(promise: FixedOutputPromise): { readonly hashAlgo: string; readonly hash: string } {
	const { method, hash } = promise;
	return { hashAlgo: METHOD_PREFIXES[method] + hash.algo, hash: Buffer.from(hash.bytes).toString("hex") };
}

/** Reads the promise of a fixed output's fields. Fails with `HASH_…` on a foreign algorithm or digits. */
export function parseFixedOutput(output: { readonly hashAlgo: string; readonly hash: string }): FixedOutputPromise {
	const colon = output.hashAlgo.indexOf(":");
	const prefix = output.hashAlgo.slice(0, colon + 1);
	const method = prefix === "" ? "flat" : prefix === "r:" ? "recursive" : prefix === "text:" ? "text" : undefined;
	if (method === undefined) {
		fail("DRV_OUTPUT_METHOD", `unknown hashing method "${prefix}" in output algorithm "${output.hashAlgo}"`);
	}
	return { method, hash: parseHash(output.hash, parseHashAlgo(output.hashAlgo.slice(colon + 1))) };
}

/** The store paths that the text of the derivation refers to: its sources and its input derivations, sorted. */
export function derivationReferences(drv: Derivation): StorePath[] {
	return [...new Set<StorePath>([...drv.inputSrcs, ...drv.inputDrvs.keys()])].sort();
}
