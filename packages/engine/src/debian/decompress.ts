/**
 * Packages files decompressed in memory. Layer 3 (engine).
 *
 * For xz, liblzma's native binding where its prebuilt binary loads (it wants a recent libstdc++), else a WASM decoder.
 */

import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { fail } from "@devenv/diagnostics";
import { endsAsXz } from "../builtin-builders/archives/decompressed.ts";
import { nativeXz } from "../builtin-builders/archives/native-xz.ts";

/** More than the largest index ten times over; a file that grows beyond it is a bomb. */
const LARGEST_INDEX = 1024 * 1024 * 1024;

/** One way to decode xz: the decoded pieces, or `undefined` where this machine cannot do it this way. */
type XzDecoder = (data: Uint8Array) => Promise<AsyncIterable<Uint8Array> | undefined>;

export const xzDecoders: readonly XzDecoder[] = [nativeXz, wasmXz];

/** Decompresses by the path's ending (`.xz`, `.gz`, none). Fails with `DEBIAN_PACKAGES_MALFORMED`. */
export async function decompress(path: string, data: Uint8Array, limit: number = LARGEST_INDEX): Promise<Buffer> {
	const pieces: Uint8Array[] = [];
	let size = 0;
	try {
		for await (const piece of await decompressed(path, data)) {
			size += piece.length;
			if (size > limit) throw new Error(`it grows beyond ${limit} bytes`);
			pieces.push(piece);
		}
	} catch (error) {
		fail("DEBIAN_PACKAGES_MALFORMED", `${path} cannot be decompressed`, {
			notes: [{ message: error instanceof Error ? error.message : String(error) }],
		});
	}
	return Buffer.concat(pieces, size);
}

async function decompressed(path: string, data: Uint8Array): Promise<AsyncIterable<Uint8Array>> {
	if (path.endsWith(".gz")) return through(createGunzip(), data);
	if (!path.endsWith(".xz")) return Readable.from([data]);
	// Not every decoder notices.
	if (!endsAsXz(data)) throw new Error("it is no xz file, or cut off");
	for (const decoder of xzDecoders) {
		const pieces = await decoder(data);
		if (pieces !== undefined) return pieces;
	}
	throw new Error("there is no decoder for xz");
}

function through(stream: NodeJS.ReadWriteStream, data: Uint8Array): AsyncIterable<Uint8Array> {
	stream.end(data);
	return stream as unknown as AsyncIterable<Uint8Array>;
}

async function wasmXz(data: Uint8Array): Promise<AsyncIterable<Uint8Array> | undefined> {
	const { default: module } = (await import("xz-decompress")) as unknown as {
		default: { XzReadableStream: new (stream: ReadableStream<Uint8Array>) => ReadableStream<Uint8Array> };
	};
	return new module.XzReadableStream(new Blob([new Uint8Array(data)]).stream());
}
