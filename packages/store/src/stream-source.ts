/** What another program of Nix says, from a socket or a pipe. Layer 2. */

import type { Readable } from "node:stream";
import { ByteSource } from "@devenv/nix-formats";

/** Bytes that wait to be read before the sender is made to wait. */
const HIGH_WATER = 4 * 1024 * 1024;

/** What comes from a stream. It is read ahead, so that its end is noticed also while nobody reads. */
export class StreamSource extends ByteSource {
	readonly #stream: Readable;
	readonly #pieces: Buffer[] = [];
	#size = 0;
	#ended = false;
	#wake: (() => void) | undefined;

	/** @param onEnd called once when nothing more will come */
	constructor(stream: Readable, onEnd: () => void) {
		super();
		this.#stream = stream;
		stream.on("data", (piece: Buffer) => {
			this.#pieces.push(piece);
			this.#size += piece.length;
			if (this.#size > HIGH_WATER) stream.pause();
			this.#wake?.();
		});
		const end = (): void => {
			if (this.#ended) return;
			this.#ended = true;
			this.#wake?.();
			onEnd();
		};
		stream.once("end", end);
		stream.on("error", end);
		stream.once("close", end);
	}

	protected override async next(): Promise<Buffer | undefined> {
		while (this.#pieces.length === 0 && !this.#ended) {
			await new Promise<void>((resolve) => {
				this.#wake = resolve;
			});
			this.#wake = undefined;
		}
		const piece = this.#pieces.shift();
		this.#size -= piece?.length ?? 0;
		if (this.#size <= HIGH_WATER && this.#stream.isPaused()) this.#stream.resume();
		return piece;
	}
}
