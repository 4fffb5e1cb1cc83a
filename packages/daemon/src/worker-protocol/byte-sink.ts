/** The outgoing side of Nix's worker protocol: see byte-source.ts. Layer 4. */

import { once } from "node:events";
import type { Socket } from "node:net";

/** Puts values together; they are sent by {@link ByteSink.flush}. */
export class ByteSink {
	readonly #socket: Socket;
	#parts: Buffer[] = [];

	constructor(socket: Socket) {
		this.#socket = socket;
	}

	number(value: number): this {
		const bytes = Buffer.alloc(8);
		bytes.writeBigUInt64LE(BigInt(value));
		this.#parts.push(bytes);
		return this;
	}

	boolean(value: boolean): this {
		return this.number(value ? 1 : 0);
	}

	string(text: string): this {
		const padded = Buffer.alloc(Math.ceil(text.length / 8) * 8);
		padded.write(text, "latin1");
		this.number(text.length);
		this.#parts.push(padded);
		return this;
	}

	list<T>(items: readonly T[], item: (value: T) => unknown): this {
		this.number(items.length);
		for (const each of items) item(each);
		return this;
	}

	strings(texts: readonly string[]): this {
		return this.list(texts, (text) => this.string(text));
	}

	/** Sends what was put together; resolves when the socket can take more. */
	async flush(): Promise<void> {
		const bytes = Buffer.concat(this.#parts);
		this.#parts = [];
		if (bytes.length > 0) await this.raw(bytes);
	}

	/** Sends bytes as they are. */
	async raw(bytes: Uint8Array): Promise<void> {
		if (this.#socket.destroyed || this.#socket.writableEnded) return;
		if (this.#socket.write(bytes)) return;
		await Promise.race([once(this.#socket, "drain"), once(this.#socket, "close")]);
	}
}
