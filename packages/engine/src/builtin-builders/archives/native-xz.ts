/**
 * xz by liblzma's native binding, a piece at a time. Layer 3.
 *
 * Not the binding's stream: that decodes on another thread, goes on when it is destroyed, buffers what nobody reads, takes cut-off
 * data for whole, and ends the process when its thread ends meanwhile. Each call here returns before the next piece is asked for.
 */

import { setImmediate as nextTurn } from "node:timers/promises";

/** Bytes of a piece. */
const PIECE = 256 * 1024;

/** What is used of the binding; its own declarations leave the calls of liblzma out. */
interface Binding {
	readonly Unxz: new () => {
		readonly lzma: {
			/** `lzma_code`: the status, the bytes left to read, those left to fill. */
			codeSync(
				action: number,
				input: Buffer,
				from: number,
				length: number,
				output: Buffer,
				to: number,
			): [status: number, unread: number, unfilled: number];
		};
		close(): void;
	};
	readonly LZMA_FINISH: number;
	readonly LZMA_OK: number;
	readonly LZMA_STREAM_END: number;
}

/** The decoded pieces; undefined where the binding has no prebuilt binary, or its binary wants a newer libstdc++. */
export async function nativeXz(data: Uint8Array): Promise<AsyncIterable<Uint8Array> | undefined> {
	let binding: Binding;
	try {
		binding = (await import("node-liblzma")) as unknown as Binding;
	} catch {
		return undefined;
	}
	return decode(binding, Buffer.from(data.buffer, data.byteOffset, data.byteLength));
}

async function* decode(binding: Binding, data: Buffer): AsyncGenerator<Uint8Array> {
	const decoder = new binding.Unxz();
	try {
		let from = 0;
		for (;;) {
			const piece = Buffer.allocUnsafe(PIECE);
			const length = data.length - from;
			const [status, unread, unfilled] = decoder.lzma.codeSync(binding.LZMA_FINISH, data, from, length, piece, 0);
			from = data.length - unread;
			if (status !== binding.LZMA_OK && status !== binding.LZMA_STREAM_END) {
				throw new Error(unread === 0 ? "the data is cut off" : `liblzma refuses it (status ${status})`);
			}
			if (unfilled < PIECE) yield piece.subarray(0, PIECE - unfilled);
			if (status === binding.LZMA_STREAM_END) return;
			// Whoever wants to stop this must be heard.
			await nextTurn();
		}
	} finally {
		decoder.close();
	}
}
