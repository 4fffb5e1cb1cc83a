/** What goes to a client of Nix's worker protocol. Layer 4. */

import type { Socket } from "node:net";
import { WireEncoder } from "@devenv/nix-formats";

/** Puts values together; they are sent by {@link ByteSink.flush} or {@link ByteSink.send}. */
export class ByteSink extends WireEncoder {
	readonly #socket: Socket;

	constructor(socket: Socket) {
		super();
		this.#socket = socket;
	}

	/** Bytes that the client has not taken yet. */
	get backlog(): number {
		return this.size + this.#socket.writableLength;
	}

	/** Sends what was put together; resolves when the socket can take more. */
	async flush(): Promise<void> {
		const bytes = this.take();
		if (bytes.length > 0) await this.raw(bytes);
	}

	/** Sends what was put together, and waits for nothing. */
	send(): void {
		const bytes = this.take();
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
}
