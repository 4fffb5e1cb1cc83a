/**
 * An .xz file whose data is stored, not compressed, for machines without the program `xz`. The format is "The .xz File
 * Format" 1.2.1 of the XZ Utils, with one block of LZMA2 and CRC32 as its check.
 */

import { crc32 } from "node:zlib";

/** Stream flags: the check is CRC32. */
const FLAGS = Buffer.from([0x00, 0x01]);
/** The most that one chunk of LZMA2 stores, in bytes. */
const CHUNK = 1 << 16;

export function storedXz(data: Buffer): Buffer<ArrayBuffer> {
	const header = withCrc(Buffer.from([0x02, 0x00, 0x21, 0x01, 0x16, 0x00, 0x00, 0x00]));
	const chunks: Buffer[] = [];
	for (let at = 0; at < data.length; at += CHUNK) {
		const piece = data.subarray(at, at + CHUNK);
		const control = Buffer.from([at === 0 ? 0x01 : 0x02, 0, 0]);
		control.writeUInt16BE(piece.length - 1, 1);
		chunks.push(control, piece);
	}
	const packed = Buffer.concat([...chunks, Buffer.from([0x00])]);
	const block = Buffer.concat([header, padded(packed), littleEndian(crc32(data))]);
	const unpaddedSize = header.length + packed.length + 4;
	const records = Buffer.from([0x00, 0x01, ...multibyte(unpaddedSize), ...multibyte(data.length)]);
	const index = withCrc(padded(records));
	const footer = Buffer.concat([littleEndian(index.length / 4 - 1), FLAGS]);
	return Buffer.concat([
		Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]),
		withCrc(FLAGS),
		block,
		index,
		littleEndian(crc32(footer)),
		footer,
		Buffer.from("YZ"),
	]);
}

function withCrc(data: Buffer): Buffer {
	return Buffer.concat([data, littleEndian(crc32(data))]);
}

function littleEndian(value: number): Buffer {
	const bytes = Buffer.alloc(4);
	bytes.writeUInt32LE(value);
	return bytes;
}

/** Filled up with zeros to a multiple of four bytes. */
function padded(data: Buffer): Buffer {
	return Buffer.concat([data, Buffer.alloc((4 - (data.length % 4)) % 4)]);
}

/** Seven bits a byte, the lowest first; all but the last have the highest bit set. */
function multibyte(value: number): number[] {
	return value < 0x80 ? [value] : [(value % 0x80) | 0x80, ...multibyte(Math.floor(value / 0x80))];
}
