/**
 * Nix strings as JavaScript strings of code units 0..255, one per byte, so that length, order and hashes are those of
 * the bytes. Layer 1, pure. Only the program's borders convert from and to text.
 */

/** A string whose code units are bytes. An alias for documentation: any ASCII string is one already. */
export type ByteString = string;

/** The bytes of a text's UTF-8 form; lone surrogates become U+FFFD. */
export function bytesFromText(text: string): ByteString {
	return isAscii(text) ? text : Buffer.from(text, "utf8").toString("latin1");
}

/** The text that the bytes are in UTF-8; invalid sequences become U+FFFD. */
export function textFromBytes(bytes: ByteString): string {
	return isAscii(bytes) ? bytes : Buffer.from(bytes, "latin1").toString("utf8");
}

/** The byte string as a buffer of its own. */
export function bufferFromBytes(bytes: ByteString): Buffer {
	return Buffer.from(bytes, "latin1");
}

/** The buffer as a byte string. */
export function bytesFromBuffer(buffer: Uint8Array): ByteString {
	return Buffer.from(buffer.buffer, buffer.byteOffset, buffer.byteLength).toString("latin1");
}

/** Orders byte strings as Nix does, by unsigned byte. */
export function compareBytes(left: ByteString, right: ByteString): number {
	return left < right ? -1 : left > right ? 1 : 0;
}

const NON_ASCII = /[^\0-\x7f]/;

function isAscii(text: string): boolean {
	return !NON_ASCII.test(text);
}
