/**
 * Hashes with their algorithm, in the four notations that Nix reads and writes. Layer 1, pure.
 */

import { createHash, hash as hashOnce } from "node:crypto";
import { fail } from "@devenv/diagnostics";
import { base32Length, decodeBase32, encodeBase32 } from "./base32.ts";

export type HashAlgo = "md5" | "sha1" | "sha256" | "sha512";

/** A digest; `bytes` has exactly the algorithm's size. */
export interface Hash {
	readonly algo: HashAlgo;
	readonly bytes: Uint8Array;
}

/** How a hash is written: three bare encodings, or `sri` as in `sha256-<base64>`. */
export type HashFormat = "base16" | "base32" | "base64" | "sri";

const SIZES: Readonly<Record<HashAlgo, number>> = { md5: 16, sha1: 20, sha256: 32, sha512: 64 };

/** The digest's size in bytes. */
export function hashSize(algo: HashAlgo): number {
	return SIZES[algo];
}

export function isHashAlgo(text: string): text is HashAlgo {
	return Object.hasOwn(SIZES, text);
}

/** Fails with `HASH_ALGORITHM` on any other name than Nix's four. */
export function parseHashAlgo(text: string): HashAlgo {
	if (isHashAlgo(text)) return text;
	return fail("HASH_ALGORITHM", `unknown hash algorithm "${text}"`, { hint: "use md5, sha1, sha256 or sha512" });
}

/** Hashes bytes, or a byte string. */
export function hashBytes(algo: HashAlgo, data: Uint8Array | string): Hash {
	const bytes = typeof data === "string" ? Buffer.from(data, "latin1") : data;
	return { algo, bytes: createHash(algo).update(bytes).digest() };
}

/** SHA-256 of a byte string in base 16; the shortest way for the many small texts of store paths. */
export function sha256Hex(text: string): string {
	return hashOnce("sha256", Buffer.from(text, "latin1"), "hex");
}

/** The hash of all zero bytes, which Nix puts where a hash is left empty. */
export function zeroHash(algo: HashAlgo): Hash {
	return { algo, bytes: new Uint8Array(SIZES[algo]) };
}

export function equalHashes(left: Hash, right: Hash): boolean {
	return left.algo === right.algo && Buffer.compare(left.bytes, right.bytes) === 0;
}

/** Writes a hash. Only `sri` names the algorithm; prefix `${hash.algo}:` where Nix wants it. */
export function formatHash(hash: Hash, format: HashFormat): string {
	if (format === "base32") return encodeBase32(hash.bytes);
	const bytes = Buffer.from(hash.bytes.buffer, hash.bytes.byteOffset, hash.bytes.byteLength);
	if (format === "base16") return bytes.toString("hex");
	return format === "base64" ? bytes.toString("base64") : `${hash.algo}-${bytes.toString("base64")}`;
}

/**
 * Reads `<algo>:<digits>`, `<algo>-<base64>` (SRI), or bare digits when `algo` is given; base 16, 32 and 64 are told
 * apart by their length. Fails with `HASH_INVALID` (or `HASH_BASE32`, `HASH_ALGORITHM`) on anything else, and on an
 * algorithm other than the one expected.
 */
export function parseHash(text: string, algo?: HashAlgo): Hash {
	const separator = /[:-]/.exec(text)?.index;
	if (separator === undefined) {
		if (algo === undefined) {
			fail("HASH_INVALID", `hash "${text}" does not say its algorithm`, {
				hint: "write it as sha256-<base64> or sha256:<digits>",
			});
		}
		return { algo, bytes: decodeDigest(text, algo, text) };
	}
	const named = parseHashAlgo(text.slice(0, separator));
	if (algo !== undefined && algo !== named) {
		fail("HASH_INVALID", `hash "${text}" should be of algorithm ${algo}, but is of ${named}`);
	}
	const digits = text.slice(separator + 1);
	if (text[separator] === ":") return { algo: named, bytes: decodeDigest(digits, named, text) };
	return { algo: named, bytes: decodeBase64(digits, named, text) };
}

function decodeDigest(digits: string, algo: HashAlgo, whole: string): Uint8Array {
	const size = SIZES[algo];
	if (digits.length === size * 2) {
		if (!/^[0-9a-fA-F]+$/.test(digits)) fail("HASH_INVALID", `hash "${whole}" has a digit that is not base 16`);
		return Buffer.from(digits, "hex");
	}
	if (digits.length === base32Length(size)) return decodeBase32(digits);
	if (digits.length !== base64Length(size)) failLength(algo, whole);
	return decodeBase64(digits, algo, whole);
}

/** As in Nix, padding may be missing, and bits beyond the last byte do not count. */
function decodeBase64(digits: string, algo: HashAlgo, whole: string): Uint8Array {
	if (!/^[A-Za-z0-9+/]*={0,2}$/.test(digits)) fail("HASH_INVALID", `hash "${whole}" is not valid base 64`);
	const bytes = Buffer.from(digits, "base64");
	return bytes.length === SIZES[algo] ? bytes : failLength(algo, whole);
}

function base64Length(size: number): number {
	return Math.ceil(size / 3) * 4;
}

function failLength(algo: HashAlgo, whole: string): never {
	const size = SIZES[algo];
	return fail("HASH_INVALID", `hash "${whole}" has the wrong length for ${algo}`, {
		hint: `${algo} takes ${size * 2} digits in base 16, ${base32Length(size)} in base 32, ${base64Length(size)} in base 64`,
	});
}
