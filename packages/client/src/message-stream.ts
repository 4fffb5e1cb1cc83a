/**
 * Messages over a stream socket: one JSON text a line, UTF-8, with a limit on the length of a line. Layer 2.
 *
 * Used by both ends. What arrives is only parsed as JSON here; the receiver decodes it.
 */

import type { Socket } from "node:net";

export interface MessageStreamEvents {
	/** A line arrived. */
	readonly onMessage: (message: unknown) => void;
	/**
	 * The stream ended; called once. The error is absent after an orderly end, a {@link FramingError} when the peer broke
	 * the framing, else the socket's error.
	 */
	readonly onEnd: (error?: Error) => void;
}

/** The peer sent a line that is too long or is not JSON. */
export class FramingError extends Error {
	constructor(message: string) {
		super(message);
		this.name = "FramingError";
	}
}

const lineEnd = 0x0a;

export class MessageStream {
	readonly #socket: Socket;
	readonly #maxBytes: number;
	readonly #events: MessageStreamEvents;
	#partial: Buffer[] = [];
	#partialBytes = 0;
	#ended = false;
	#error: Error | undefined;

	/** Reads lines of at most `maxBytes` bytes from a connected socket. */
	constructor(socket: Socket, maxBytes: number, events: MessageStreamEvents) {
		this.#socket = socket;
		this.#maxBytes = maxBytes;
		this.#events = events;
		socket.on("data", (chunk: Buffer) => this.#receive(chunk));
		socket.on("error", (error) => {
			this.#error ??= error;
		});
		socket.on("end", () => socket.end());
		socket.on("close", () => this.#end());
	}

	/** Sends a message; nothing happens after the end. */
	send(message: unknown): void {
		if (this.#ended || this.#socket.destroyed || this.#socket.writableEnded) return;
		this.#socket.write(`${JSON.stringify(message)}\n`);
	}

	/** Bytes accepted by {@link send} that the peer has not taken yet. */
	get backlog(): number {
		return this.#socket.writableLength;
	}

	/** Sends what is queued, then ends the connection. */
	close(): void {
		this.#socket.end();
	}

	/** Ends the connection at once. */
	destroy(): void {
		this.#socket.destroy();
	}

	#receive(chunk: Buffer): void {
		let start = 0;
		for (let at = chunk.indexOf(lineEnd); at >= 0; at = chunk.indexOf(lineEnd, start)) {
			this.#partial.push(chunk.subarray(start, at));
			this.#partialBytes += at - start;
			start = at + 1;
			if (!this.#deliver()) return;
		}
		if (start < chunk.length) {
			this.#partial.push(chunk.subarray(start));
			this.#partialBytes += chunk.length - start;
			if (this.#partialBytes > this.#maxBytes) this.#break(`a message is longer than ${this.#maxBytes} bytes`);
		}
	}

	/** Hands over the collected line; false when the stream is broken. */
	#deliver(): boolean {
		if (this.#ended || this.#socket.destroyed) return false;
		if (this.#partialBytes > this.#maxBytes) return this.#break(`a message is longer than ${this.#maxBytes} bytes`);
		const line = Buffer.concat(this.#partial, this.#partialBytes).toString("utf8");
		this.#partial = [];
		this.#partialBytes = 0;
		let message: unknown;
		try {
			message = JSON.parse(line);
		} catch {
			return this.#break("a message is not JSON");
		}
		this.#events.onMessage(message);
		return true;
	}

	#break(reason: string): false {
		this.#error ??= new FramingError(reason);
		this.#partial = [];
		this.#partialBytes = 0;
		this.#socket.destroy();
		return false;
	}

	#end(): void {
		if (this.#ended) return;
		this.#ended = true;
		this.#events.onEnd(this.#error);
	}
}
