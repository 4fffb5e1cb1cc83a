/**
 * Signatures of store objects: ed25519 keys and signatures in Nix's `name:base64` form, over a fingerprint of path,
 * NAR hash, size and references. Layer 1, pure.
 */

import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify, type KeyObject } from "node:crypto";
import { fail } from "@devenv/diagnostics";
import { formatHash, type Hash } from "./hash.ts";
import type { StorePath } from "./store-path.ts";

/** A key that signs; its text form holds the 32-byte seed and the 32-byte public key. */
export interface SecretKey {
	readonly name: string;
	readonly key: KeyObject;
}

/** A key that checks. */
export interface PublicKey {
	readonly name: string;
	readonly key: KeyObject;
}

/** What a signature vouches for. */
export interface SignedObject {
	readonly path: StorePath;
	readonly narHash: Hash;
	readonly narSize: number;
	readonly references: readonly StorePath[];
}

const KEY_SIZE = 32;
const SIGNATURE_SIZE = 64;

// Everything of a DER-encoded ed25519 key but its 32 bytes (RFC 8410).
const SECRET_PREFIX: Buffer = Buffer.from("302e020100300506032b657004220420", "hex");
const PUBLIC_PREFIX: Buffer = Buffer.from("302a300506032b6570032100", "hex");

/** The text that is signed; references are sorted. */
export function fingerprint(object: SignedObject): string {
	const references = [...object.references].sort().join(",");
	return `1;${object.path};sha256:${formatHash(object.narHash, "base32")};${object.narSize};${references}`;
}

export function generateKey(name: string): SecretKey {
	if (name === "" || name.includes(":")) fail("KEY_NAME", `"${name}" cannot name a key: it is empty or has a colon`);
	return { name, key: generateKeyPairSync("ed25519").privateKey };
}

/** Reads `name:base64` of 64 bytes. Fails with `KEY_SYNTAX`; the message does not repeat the key. */
export function parseSecretKey(text: string): SecretKey {
	const { name, bytes } = parseNamed(text, "secret key");
	if (bytes.length !== 2 * KEY_SIZE) failKey("secret key", name);
	const der = Buffer.concat([SECRET_PREFIX, bytes.subarray(0, KEY_SIZE)]);
	const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
	if (!rawPublic(key).equals(bytes.subarray(KEY_SIZE))) failKey("secret key", name);
	return { name, key };
}

export function formatSecretKey(secret: SecretKey): string {
	const der = secret.key.export({ format: "der", type: "pkcs8" });
	const seed = der.subarray(SECRET_PREFIX.length);
	return `${secret.name}:${Buffer.concat([seed, rawPublic(secret.key)]).toString("base64")}`;
}

/** Reads `name:base64` of 32 bytes. Fails with `KEY_SYNTAX`. */
export function parsePublicKey(text: string): PublicKey {
	const { name, bytes } = parseNamed(text, "public key");
	if (bytes.length !== KEY_SIZE) failKey("public key", name);
	const der = Buffer.concat([PUBLIC_PREFIX, bytes]);
	return { name, key: createPublicKey({ key: der, format: "der", type: "spki" }) };
}

export function formatPublicKey(key: PublicKey): string {
	return `${key.name}:${rawSpki(key.key).toString("base64")}`;
}

export function publicKeyOf(secret: SecretKey): PublicKey {
	return { name: secret.name, key: createPublicKey(secret.key) };
}

/** A signature of a store object, `name:base64`. */
export function signObject(object: SignedObject, secret: SecretKey): string {
	return `${secret.name}:${sign(null, Buffer.from(fingerprint(object)), secret.key).toString("base64")}`;
}

/** The key among those given that made the signature; undefined for a foreign, false or malformed one. */
export function verifySignature(
	object: SignedObject,
	signature: string,
	keys: readonly PublicKey[],
): PublicKey | undefined {
	const colon = signature.indexOf(":");
	const name = signature.slice(0, Math.max(colon, 0));
	const bytes = Buffer.from(signature.slice(colon + 1), "base64");
	if (bytes.length !== SIGNATURE_SIZE) return undefined;
	const data = Buffer.from(fingerprint(object));
	return keys.find((key) => key.name === name && verify(null, data, key.key, bytes));
}

function rawPublic(secret: KeyObject): Buffer {
	return rawSpki(createPublicKey(secret));
}

function rawSpki(key: KeyObject): Buffer {
	return key.export({ format: "der", type: "spki" }).subarray(PUBLIC_PREFIX.length);
}

function parseNamed(text: string, what: string): { readonly name: string; readonly bytes: Buffer } {
	const trimmed = text.trim();
	const colon = trimmed.indexOf(":");
	if (colon <= 0) fail("KEY_SYNTAX", `a ${what} has no name`, { hint: "it is written as <name>:<base64>" });
	const digits = trimmed.slice(colon + 1);
	const name = trimmed.slice(0, colon);
	const bytes = Buffer.from(digits, "base64");
	if (bytes.toString("base64") !== digits) failKey(what, name);
	return { name, bytes };
}

function failKey(what: string, name: string): never {
	return fail("KEY_SYNTAX", `the ${what} "${name}" is damaged`, { hint: "copy it again from where it was made" });
}
