/**
 * Nix's base-32: the digits without e, o, t and u, the number's most significant digit first, the bytes least
 * significant first. Layer 1, pure. Source: Nix manual, "Store path specification".
 */

import { fail } from "@devenv/diagnostics";

const DIGITS = "0123456789abcdfghijklmnpqrsvwxyz";

const VALUES: Int8Array = new Int8Array(256).fill(-1);
for (let index = 0; index < DIGITS.length; index += 1) VALUES[DIGITS.charCodeAt(index)] = index;

/** The number of digits that `size` bytes take. */
export function base32Length(size: number): number {
	return Math.ceil((size * 8) / 5);
}

export function encodeBase32(bytes: Uint8Array): string {
	let text = "";
	for (let digit = base32Length(bytes.length) - 1; digit >= 0; digit -= 1) {
		const bit = digit * 5;
		const at = bit >> 3;
		const pair = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
		text += DIGITS.charAt((pair >> (bit & 7)) & 31);
	}
	return text;
}

/** Inverts {@link encodeBase32}. Fails with `HASH_BASE32` on a foreign digit or on bits beyond the last byte. */
export function decodeBase32(text: string): Uint8Array {
	const size = Math.floor((text.length * 5) / 8);
	const bytes = new Uint8Array(size);
	for (let digit = 0; digit < text.length; digit += 1) {
		const value = digitValue(text, text.length - 1 - digit);
		const bit = digit * 5;
		const at = bit >> 3;
		const pair = value << (bit & 7);
		const high = pair >> 8;
		if (at < size) bytes[at] = (bytes[at] ?? 0) | (pair & 255);
		else if ((pair & 255) !== 0) failExcess(text);
		if (at + 1 < size) bytes[at + 1] = (bytes[at + 1] ?? 0) | high;
		else if (high !== 0) failExcess(text);
	}
	if (base32Length(size) !== text.length) failExcess(text);
	return bytes;
}

/** Whether every code unit of `text[start, end)` is a base-32 digit. */
export function isBase32(text: string, start = 0, end: number = text.length): boolean {
	for (let index = start; index < end; index += 1) if ((VALUES[text.charCodeAt(index)] ?? -1) < 0) return false;
	return true;
}

function digitValue(text: string, index: number): number {
	const value = VALUES[text.charCodeAt(index)] ?? -1;
	if (value >= 0) return value;
	return fail("HASH_BASE32", `"${text}" has "${text[index]}" at position ${index + 1}, which is no base-32 digit`, {
		hint: `base-32 digits are ${DIGITS}`,
	});
}

function failExcess(text: string): never {
	return fail("HASH_BASE32", `"${text}" is no whole number of bytes in base-32`);
}
