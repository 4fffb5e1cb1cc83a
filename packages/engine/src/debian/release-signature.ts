/**
 * Signatures of InRelease files. Layer 3 (engine).
 *
 * An InRelease file is an OpenPGP cleartext message. What was signed is returned, never the file itself, so that
 * nothing outside the signature is read. As with apt, one good signature by a trusted key is enough: Debian signs with
 * the keys of two releases.
 */

import { fail } from "@devenv/diagnostics";
import type { Key } from "openpgp";

/** Whose signature to accept, and when. */
export interface SignatureTrust {
	/** Armored OpenPGP public keys. */
	readonly keys: readonly string[];
	readonly now: Date;
	/** For messages, for example `dists/trixie/InRelease of the archive 'debian'`. */
	readonly origin: string;
}

/** The signed text. Fails with `DEBIAN_SIGNATURE_MISSING`, `…_BAD`, `…_UNKNOWN_KEY` or `…_EXPIRED_KEY`. */
export async function readSigned(file: string, trust: SignatureTrust): Promise<string> {
	// A large library, which few commands need.
	const { readCleartextMessage, readKeys, verify } = await import("openpgp");
	const message = await readCleartextMessage({ cleartextMessage: file }).catch((error: unknown) =>
		fail("DEBIAN_SIGNATURE_MISSING", `${trust.origin} is not signed`, {
			notes: [{ message: messageOf(error) }],
			hint: "The mirror is broken or something stands between it and this machine: try again or choose another mirror.",
		}),
	);
	const keys = (await Promise.all(trust.keys.map((armoredKeys) => readKeys({ armoredKeys }))))
		.flat()
		.map((key) => key.toPublic());
	const result = await verify({ message, verificationKeys: keys, date: trust.now });
	const unknown: string[] = [];
	const expired: string[] = [];
	const bad: string[] = [];
	for (const signature of result.signatures) {
		const id = signature.keyID.toHex().toUpperCase();
		const key = keys.find((each) => each.getKeys(signature.keyID).length > 0);
		if (key === undefined) {
			unknown.push(id);
			// The result for an unknown key is a rejected promise that somebody has to look at.
			await signature.verified.catch(() => false);
			continue;
		}
		try {
			await signature.verified;
		} catch (error) {
			bad.push(`key ${id}: ${messageOf(error)}`);
			continue;
		}
		if (await isExpired(key, trust.now)) expired.push(id);
		else return result.data;
	}
	if (bad.length > 0) {
		fail("DEBIAN_SIGNATURE_BAD", `the signature of ${trust.origin} is wrong`, {
			notes: bad.map((each) => ({ message: each })),
			hint: "The file was changed after Debian signed it: choose another mirror.",
		});
	}
	if (expired.length > 0) {
		fail("DEBIAN_SIGNATURE_EXPIRED_KEY", `${trust.origin} is signed by a key that has expired: ${expired.join(", ")}`, {
			hint: "The mirror is out of date, or this program is: update it to get Debian's newer keys.",
		});
	}
	return fail(
		"DEBIAN_SIGNATURE_UNKNOWN_KEY",
		unknown.length > 0
			? `${trust.origin} is signed by none of the trusted keys, but by ${unknown.join(", ")}`
			: `${trust.origin} has no signature`,
		{ hint: "Only suites that are signed by the Debian archive's keys can be used." },
	);
}

async function isExpired(key: Key, now: Date): Promise<boolean> {
	const expiry = await key.getExpirationTime();
	if (expiry === null) return true;
	return expiry !== Number.POSITIVE_INFINITY && new Date(expiry) < now;
}

function messageOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
