/**
 * SHA-256 on a thread of its own, so that one processor hashes while another reads. Layer 2.
 *
 * Pieces are copied into a ring of slots in shared memory; both sides wait on its counters. Of use in a worker thread only, since
 * it blocks.
 */

import { Worker } from "node:worker_threads";

/** Shared by both sides. */
export interface PipeMemory {
	/** Counters: slots written, slots read, digests done. */
	readonly state: Int32Array<SharedArrayBuffer>;
	/** Bytes in each slot; {@link END} ends a stream. */
	readonly lengths: Int32Array<SharedArrayBuffer>;
	readonly slots: Uint8Array<SharedArrayBuffer>;
	readonly digest: Uint8Array<SharedArrayBuffer>;
}

export const SLOTS = 8;
export const SLOT_BYTES: number = 1 << 18;
export const END = -1;
export const WRITTEN = 0;
export const READ = 1;
export const DONE = 2;

const DIGEST_BYTES = 32;

/** A thread that has not answered for so long does not live any more. */
const PATIENCE_MILLISECONDS = 60_000;

/** One stream at a time; a stream that is not ended must not be followed by another. */
export class HashPipe {
	readonly #memory: PipeMemory;
	readonly #worker: Worker;

	constructor() {
		const shared = <T>(make: (buffer: SharedArrayBuffer) => T, bytes: number): T => make(new SharedArrayBuffer(bytes));
		this.#memory = {
			state: shared((buffer) => new Int32Array(buffer), 3 * Int32Array.BYTES_PER_ELEMENT),
			lengths: shared((buffer) => new Int32Array(buffer), SLOTS * Int32Array.BYTES_PER_ELEMENT),
			slots: shared((buffer) => new Uint8Array(buffer), SLOTS * SLOT_BYTES),
			digest: shared((buffer) => new Uint8Array(buffer), DIGEST_BYTES),
		};
		this.#worker = new Worker(new URL("./hash-pipe-worker.ts", import.meta.url), { workerData: this.#memory });
		this.#worker.unref();
	}

	update(piece: Uint8Array): void {
		for (let at = 0; at < piece.length; at += SLOT_BYTES) this.#push(piece.subarray(at, at + SLOT_BYTES));
	}

	/** Ends the stream; the next update begins another. */
	digest(): Buffer {
		const { state, digest } = this.#memory;
		const done = Atomics.load(state, DONE);
		this.#push(undefined);
		this.#await(DONE, (count) => count !== done);
		return Buffer.from(digest);
	}

	async close(): Promise<void> {
		await this.#worker.terminate();
	}

	#push(piece: Uint8Array | undefined): void {
		const { state, lengths, slots } = this.#memory;
		const written = Atomics.load(state, WRITTEN);
		this.#await(READ, (read) => written - read < SLOTS);
		const slot = written % SLOTS;
		if (piece !== undefined) slots.set(piece, slot * SLOT_BYTES);
		lengths[slot] = piece?.length ?? END;
		Atomics.store(state, WRITTEN, written + 1);
		Atomics.notify(state, WRITTEN);
	}

	/** Blocks until a counter is as wanted. */
	#await(counter: number, isReached: (value: number) => boolean): void {
		const { state } = this.#memory;
		for (let value = Atomics.load(state, counter); !isReached(value); value = Atomics.load(state, counter)) {
			if (Atomics.wait(state, counter, value, PATIENCE_MILLISECONDS) === "timed-out") {
				throw new Error("the hashing thread does not answer");
			}
		}
	}
}
