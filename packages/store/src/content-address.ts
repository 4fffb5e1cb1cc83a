/**
 * The `ca` column: which content a content-addressed object was named after. Layer 2, no I/O.
 */

import { fail } from "@devenv/diagnostics";
import {
	formatHash,
	makeFixedOutputPath,
	parseHash,
	storePathName,
	type ContentAddressMethod,
	type Hash,
	type StorePath,
} from "@devenv/nix-formats";

export interface ContentAddress {
	readonly method: ContentAddressMethod;
	readonly hash: Hash;
}

/** `text:sha256:…`, `fixed:sha256:…` or `fixed:r:sha256:…`, the digest in base 32. */
export function formatContentAddress(address: ContentAddress): string {
	const { method, hash } = address;
	const prefix = method === "text" ? "text" : method === "flat" ? "fixed" : "fixed:r";
	return `${prefix}:${hash.algo}:${formatHash(hash, "base32")}`;
}

/** Inverts {@link formatContentAddress}; fails with `STORE_CONTENT_ADDRESS`. */
export function parseContentAddress(text: string): ContentAddress {
	const match = /^(text|fixed|fixed:r):((?:md5|sha1|sha256|sha512):[^:]+)$/.exec(text);
	const [, prefix, digest] = match ?? [];
	if (prefix === undefined || digest === undefined) {
		fail("STORE_CONTENT_ADDRESS", `"${text}" is not a content address`);
	}
	return { method: prefix === "text" ? "text" : prefix === "fixed" ? "flat" : "recursive", hash: parseHash(digest) };
}

/** The path that an object with this content and these references has. */
export function contentAddressedPath(object: {
	readonly path: StorePath;
	readonly address: ContentAddress;
	readonly references: readonly StorePath[];
	readonly storeDir: string;
}): StorePath {
	const { path, address, references, storeDir } = object;
	const others = references.filter((reference) => reference !== path);
	const self = others.length < references.length;
	return makeFixedOutputPath({ name: storePathName(path), ...address, references: { others, self }, storeDir });
}
