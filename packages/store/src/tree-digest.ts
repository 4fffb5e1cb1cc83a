/**
 * One pass over a file tree: NAR hash, NAR size, references, and a promised hash where there is one. Layer 2. Runs on
 * whatever thread calls it; {@link ./hash-pool.ts} puts it on another.
 */

import { createHash } from "node:crypto";
import {
	bytesFromText,
	type ContentAddressMethod,
	type Hash,
	type HashAlgo,
	type StorePath,
} from "@devenv/nix-formats";
import { dumpFlat, dumpTree } from "./nar-dump.ts";
import { optimiseTree, type OptimiseTreeOptions } from "./optimise.ts";
import { ReferenceScanner } from "./reference-scanner.ts";
import { translateFailures } from "./store-failure.ts";

export interface DigestRequest {
	/** Physical path. */
	readonly path: string;
	/** Whose hash parts are looked for. */
	readonly candidates?: readonly StorePath[];
	/** Makes modes and times canonical below `path`. */
	readonly canonicalise?: boolean;
	/** A further hash to compute. */
	readonly content?: { readonly method: ContentAddressMethod; readonly algo: HashAlgo };
	/** Has what lies at `path` share its files afterwards. Only beside `canonicalise`. */
	readonly optimise?: OptimiseTreeOptions;
}

export interface TreeDigest {
	/** SHA-256 of the NAR. */
	readonly narHash: Hash;
	readonly narSize: number;
	/** Those of the candidates that the NAR mentions, sorted. */
	readonly references: readonly StorePath[];
	/** The further hash asked for. */
	readonly contentHash: Hash | undefined;
}

/** What takes a stream and gives its SHA-256. */
export interface StreamHash {
	update(piece: Uint8Array): unknown;
	digest(): Uint8Array;
}

/** Hashes and scans a tree; `nar` computes the NAR hash. */
export function digestTree(request: DigestRequest, nar: StreamHash = createHash("sha256")): TreeDigest {
	const { candidates = [], canonicalise = false, content, optimise } = request;
	const path = bytesFromText(request.path);
	return translateFailures(`hash ${request.path}`, () => {
		const scanner = new ReferenceScanner(candidates);
		const whole = content?.method === "recursive" && content.algo !== "sha256" ? createHash(content.algo) : undefined;
		const narSize = dumpTree(
			path,
			(piece) => {
				nar.update(piece);
				whole?.update(piece);
				scanner.push(piece);
			},
			{ canonicalise },
		);
		const narHash: Hash = { algo: "sha256", bytes: nar.digest() };
		let contentHash: Hash | undefined;
		if (content !== undefined) {
			if (content.method !== "recursive") contentHash = hashFile(request.path, content.algo);
			else contentHash = whole === undefined ? narHash : { algo: content.algo, bytes: whole.digest() };
		}
		if (optimise !== undefined) optimiseTree(request.path, optimise);
		return { narHash, narSize, references: scanner.found(), contentHash };
	});
}

/** Hashes the bytes of a regular file; fails with `STORE_FILE_KIND` on anything else. */
export function hashFile(path: string, algo: HashAlgo): Hash {
	const hash = createHash(algo);
	const discard = (): void => undefined;
	translateFailures(`hash ${path}`, () => dumpFlat(bytesFromText(path), discard, (piece) => hash.update(piece)));
	return { algo, bytes: hash.digest() };
}
