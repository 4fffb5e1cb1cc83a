/**
 * The outputs of a build into the store: hashed, scanned and made canonical in one pass on worker threads, held
 * against what the derivation promised, registered together. Layer 2.
 */

import { fail } from "@devenv/diagnostics";
import { bytesFromText, equalHashes, formatHash, type StorePath } from "@devenv/nix-formats";
import type { AddContext } from "./add-path.ts";
import { contentAddressedPath, formatContentAddress } from "./content-address.ts";
import { deleteTree, isSmallTree } from "./file-tree.ts";
import { hashPaths } from "./hash-pool.ts";
import type { ReadyObject } from "./registration.ts";
import type { BuiltOutput, PathInfo } from "./store.ts";
import { digestTree, type DigestRequest, type TreeDigest } from "./tree-digest.ts";

/** Files and bytes that are hashed in about a millisecond. */
const SMALL = { files: 32, bytes: 65_536 } as const;

/** `check` sees what is about to be registered, and throws where it must not be. */
export async function registerOutputs(
	context: AddContext,
	outputs: readonly BuiltOutput[],
	check: (infos: readonly PathInfo[]) => void = () => undefined,
): Promise<PathInfo[]> {
	const fresh = outputs.filter((output) => !context.present(output.path) || output.replace === true);
	const siblings = outputs.map((output) => output.path);
	const digests = await Promise.all(
		fresh.map(({ from, candidates, fixed, replace = false, optimise = context.autoOptimise }) =>
			digestOutput({
				path: from,
				candidates: [...new Set([...candidates, ...siblings])],
				canonicalise: true,
				...(fixed && { content: { method: fixed.method, algo: fixed.hash.algo } }),
				...(optimise && { optimise: { links: context.links, repair: replace } }),
			}),
		),
	);
	const objects = fresh.map((output, index): ReadyObject => {
		const digest = digests[index];
		if (digest === undefined) throw new Error(`no digest of ${output.path}`);
		if (output.fixed !== undefined) {
			keepUnderOwnName(context, output, digest);
			checkPromise(context, output, digest);
		}
		return { info: infoOf(output, digest), from: output.from, replace: output.replace === true };
	});
	check(objects.map(({ info }) => info));
	context.register(objects);
	for (const { from, path } of outputs) if (from !== context.physical(path)) deleteTree(bytesFromText(from));
	return outputs.map((output) => context.pathInfo(output.path));
}

/** A small output is hashed here: starting a thread would take far longer. */
async function digestOutput(request: DigestRequest): Promise<TreeDigest | undefined> {
	if (isSmallTree(bytesFromText(request.path), SMALL)) return digestTree(request);
	const [digest] = await hashPaths([request]);
	return digest;
}

function infoOf(output: BuiltOutput, { narHash, narSize, references }: TreeDigest): PathInfo {
	const object = { path: output.path, narHash, narSize, references };
	return {
		...object,
		deriver: output.deriver,
		registrationTime: Math.floor(Date.now() / 1000),
		ultimate: true,
		signatures: output.sign?.(object) ?? [],
		contentAddress: output.fixed === undefined ? undefined : formatContentAddress(output.fixed),
	};
}

/**
 * A fixed output with another content than promised is registered as what it is: once its derivation has the right hash, nothing is
 * built or fetched again.
 */
function keepUnderOwnName(context: AddContext, output: BuiltOutput, digest: TreeDigest): void {
	const { contentHash: hash, references } = digest;
	const { fixed, from, sign: _, ...made } = output;
	if (fixed === undefined || hash === undefined || references.length > 0 || equalHashes(hash, fixed.hash)) return;
	const address = { ...fixed, hash };
	const path = contentAddressedPath({ path: output.path, address, references, storeDir: context.storeDir });
	if (context.present(path)) return;
	context.register([
		{ info: { ...infoOf({ ...made, from, path, fixed: address }, digest), deriver: undefined }, from },
	]);
}

function checkPromise(context: AddContext, output: BuiltOutput, digest: TreeDigest): void {
	const { path, fixed } = output;
	const found = digest.contentHash;
	if (fixed === undefined || found === undefined) throw new Error(`no promise for ${path}`);
	if (!equalHashes(found, fixed.hash)) failHash(path, formatHash(fixed.hash, "sri"), formatHash(found, "sri"));
	const [reference] = digest.references;
	if (reference !== undefined && fixed.method !== "text") {
		fail("STORE_FIXED_REFERENCE", `fixed output ${path} must not refer to store paths, but refers to ${reference}`);
	}
	const expected = contentAddressedPath({
		path,
		address: fixed,
		references: digest.references,
		storeDir: context.storeDir,
	});
	if (expected !== path) {
		fail(
			"STORE_CONTENT_ADDRESS",
			`an output with the hash ${formatHash(fixed.hash, "sri")} is ${expected}, not ${path}`,
		);
	}
}

/** The same sentence for every content that is not what was promised. */
export function failHash(path: StorePath, expected: string, found: string): never {
	return fail("STORE_HASH_MISMATCH", `hash mismatch in ${path}: expected ${expected}, found ${found}`, {
		hint: "if the change is intended, put the found hash in place of the expected one",
	});
}
