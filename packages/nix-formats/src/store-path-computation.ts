/**
 * Which store path an object gets: a digest over its kind, its content's (or derivation's) hash, the store folder and
 * its name. Layer 1, pure. Source: Nix manual, "Store path specification".
 */

import { fail } from "@devenv/diagnostics";
import { encodeBase32 } from "./base32.ts";
import type { ByteString } from "./byte-string.ts";
import { formatHash, sha256Hex, type Hash } from "./hash.ts";
import { checkStoreName, DEFAULT_STORE_DIR, type StorePath } from "./store-path.ts";

/** Bytes that are left of the SHA-256 in a store path. */
const COMPRESSED_SIZE = 20;

/** How a content-addressed object is hashed: the file's bytes, its NAR, or a text with references. */
export type ContentAddressMethod = "flat" | "recursive" | "text";

/** References of a content-addressed object: other paths, and whether it contains its own. */
export interface References {
	readonly others: readonly StorePath[];
	readonly self: boolean;
}

export interface TextObject {
	readonly name: string;
	readonly contents: ByteString;
	readonly references?: readonly StorePath[];
	readonly storeDir?: string;
}

export interface FixedOutput {
	readonly name: string;
	readonly method: ContentAddressMethod;
	readonly hash: Hash;
	/** Allowed for `recursive` with SHA-256, and (without `self`) for `text`. */
	readonly references?: References;
	readonly storeDir?: string;
}

/**
 * The general form: `type` such as `text:…`, `source` or `output:out`; `digest` is a SHA-256 in base 16.
 * Fails with `STORE_NAME` on a bad name.
 */
export function makeStorePath(object: {
	readonly type: string;
	readonly digest: string;
	readonly name: string;
	readonly storeDir?: string;
}): StorePath {
	const { type, digest, name, storeDir = DEFAULT_STORE_DIR } = object;
	checkStoreName(name);
	const folded = foldDigest(sha256Hex(`${type}:sha256:${digest}:${storeDir}:${name}`));
	return `${storeDir}/${encodeBase32(folded)}-${name}` as StorePath;
}

/** The path of a derivation's output; `digest` is the masked hash modulo in base 16. */
export function makeOutputPath(output: {
	readonly digest: string;
	readonly drvName: string;
	readonly outputName: string;
	readonly storeDir?: string;
}): StorePath {
	const { digest, drvName, outputName, storeDir = DEFAULT_STORE_DIR } = output;
	const name = outputPathName(drvName, outputName);
	return makeStorePath({ type: `output:${outputName}`, digest, name, storeDir });
}

/** The name part of an output's path: the derivation's name, followed by the output's unless that is `out`. */
export function outputPathName(drvName: string, outputName: string): string {
	return outputName === "out" ? drvName : `${drvName}-${outputName}`;
}

/** The path of a text, as `builtins.toFile` and store derivations have it. */
export function makeTextPath(object: TextObject): StorePath {
	const { name, contents, references = [], storeDir = DEFAULT_STORE_DIR } = object;
	return makeStorePath({ type: referencesType("text", references), digest: sha256Hex(contents), name, storeDir });
}

/**
 * The path of content-addressed data: a fixed-output derivation's output, or a source. Fails with
 * `STORE_REFERENCES` when references are given that the method cannot carry.
 */
export function makeFixedOutputPath(object: FixedOutput): StorePath {
	const { name, method, hash, references = { others: [], self: false }, storeDir = DEFAULT_STORE_DIR } = object;
	const digest = formatHash(hash, "base16");
	if (method === "text") {
		if (hash.algo !== "sha256" || references.self)
			failReferences(name, "a text is hashed by sha256 and has no self reference");
		return makeStorePath({ type: referencesType("text", references.others), digest, name, storeDir });
	}
	if (method === "recursive" && hash.algo === "sha256") {
		const type = referencesType("source", references.others) + (references.self ? ":self" : "");
		return makeStorePath({ type, digest, name, storeDir });
	}
	if (references.self || references.others.length > 0) {
		failReferences(name, "only a recursive sha256 hash or a text can carry references");
	}
	const inner = sha256Hex(`fixed:out:${method === "recursive" ? "r:" : ""}${hash.algo}:${digest}:`);
	return makeStorePath({ type: "output:out", digest: inner, name, storeDir });
}

function referencesType(type: string, references: readonly StorePath[]): string {
	if (references.length === 0) return type;
	return `${type}:${[...new Set(references)].sort().join(":")}`;
}

function failReferences(name: string, reason: string): never {
	return fail("STORE_REFERENCES", `content-addressed object "${name}" cannot have these references: ${reason}`);
}

/** Folds a digest in base 16 to 20 bytes by exclusive or. */
function foldDigest(digest: string): Uint8Array {
	const folded = new Uint8Array(COMPRESSED_SIZE);
	const bytes = Buffer.from(digest, "hex");
	for (let index = 0; index < bytes.length; index += 1) {
		const at = index % COMPRESSED_SIZE;
		folded[at] = (folded[at] ?? 0) ^ (bytes[index] ?? 0);
	}
	return folded;
}
