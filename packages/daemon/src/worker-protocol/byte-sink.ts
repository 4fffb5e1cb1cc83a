/** The outgoing side of Nix's worker protocol: see byte-source.ts. Layer 4. */

import type { Socket } from "node:net";

/** Puts values together; they are sent by {@link ByteSink.flush} or {@link ByteSink.send}. */
export class ByteSink {
	readonly #socket: Socket;
	#parts: Buffer[] = [];
	#size = 0;

	constructor(socket: Socket) {
		this.#socket = socket;
	}

	number(...values: readonly number[]): this {
		const bytes = Buffer.allocUnsafe(8 * values.length);
		for (const [index, value] of values.entries()) writeNumber(bytes, value, 8 * index);
		return this.#put(bytes);
	}

	boolean(value: boolean): this {
		return this.number(value ? 1 : 0);
	}

	string(text: string): this {
		const bytes = Buffer.alloc(8 + Math.ceil(text.length / 8) * 8);
		writeNumber(bytes, text.length, 0);
		bytes.write(text, 8, "latin1");
		return this.#put(bytes);
	}

	list<T>(items: readonly T[], item: (value: T) => unknown): this {
		this.number(items.length);
		for (const each of items) item(each);
		return this;
	}

	strings(texts: readonly string[]): this {
		return this.list(texts, (text) => this.string(text));
	}

	/** Bytes that the client has not taken yet. */
	get backlog(): number {
		return this.#size + this.#socket.writableLength;
	}

	/** Sends what was put together; resolves when the socket can take more. */
	async flush(): Promise<void> {
		const bytes = this.#takeParts();
		if (bytes.length > 0) await this.raw(bytes);
	}

	/** Sends what was put together, and waits for nothing. */
	send(): void {
		const bytes = this.#takeParts();
		if (bytes.length > 0 && !this.#socket.destroyed && !this.#socket.writableEnded) this.#socket.write(bytes);
	}

	/** Sends bytes as they are. Never rejects: a client that leaves is noticed by who reads from it. */
	async raw(bytes: Uint8Array): Promise<void> {
		if (this.#socket.destroyed || this.#socket.writableEnded) return;
		if (this.#socket.write(bytes)) return;
		await new Promise<void>((resolve) => {
			const done = (): void => {
				this.#socket.removeListener("drain", done).removeListener("close", done);
				resolve();
			};
			this.#socket.on("drain", done).on("close", done);
		});
	}

	#put(bytes: Buffer): this {
		this.#parts.push(bytes);
		this.#size += bytes.length;
		return this;
	}

	#takeParts(): Buffer {
		const bytes = Buffer.concat(this.#parts);
		this.#parts = [];
		this.#size = 0;
		return bytes;
	}
}

/** A whole number below 2⁵³. */
function writeNumber(bytes: Buffer, value: number, at: number): void {
	bytes.writeUInt32LE(value % 2 ** 32, at);
	bytes.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4);
}
