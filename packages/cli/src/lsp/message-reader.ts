/**
 * Messages of the Language Server Protocol out of a stream of bytes: headers, then as many bytes of JSON as they say. Layer 5.
 *
 * Input may be hostile: sizes are bounded, and after a header that makes no sense the next one is looked for.
 */

/** Longest header block in bytes; real ones are two lines. */
const MAX_HEADER = 4096;
/** Longest message in bytes; one that is longer is passed over. */
const MAX_CONTENT = 128 * 1024 * 1024;

const HEADER = "Content-Length:";
const END = Buffer.from("\r\n\r\n");

export interface MessageReaderEvents {
	/** One message's text. */
	readonly onMessage: (text: string) => void;
	/** What could not be read; reading goes on. */
	readonly onError: (reason: string) => void;
}

export class MessageReader {
	readonly #events: MessageReaderEvents;
	#chunks: Buffer[] = [];
	#size = 0;
	/** Bytes of the message whose header was read; undefined while a header is awaited. */
	#content: number | undefined;
	/** Bytes that are passed over. */
	#skip = 0;
	/** Whether what looks like a header is looked for. */
	#lost = false;

	constructor(events: MessageReaderEvents) {
		this.#events = events;
	}

	push(chunk: Buffer): void {
		let rest = chunk;
		if (this.#skip > 0) {
			const skipped = Math.min(this.#skip, rest.length);
			this.#skip -= skipped;
			rest = rest.subarray(skipped);
		}
		if (rest.length > 0) {
			this.#chunks.push(rest);
			this.#size += rest.length;
		}
		while (this.#skip === 0 && this.#readOne());
	}

	/** Whether something was read, so that more may be. */
	#readOne(): boolean {
		if (this.#content !== undefined) {
			if (this.#size < this.#content) return false;
			const content = this.#content;
			this.#content = undefined;
			this.#events.onMessage(this.#take(content).toString("utf8"));
			return true;
		}
		if (this.#size === 0) return false;
		const bytes = this.#joined();
		if (this.#lost) return this.#find(bytes);
		const end = bytes.subarray(0, MAX_HEADER + END.length).indexOf(END);
		if (end < 0) {
			if (bytes.length <= MAX_HEADER) return false;
			this.#events.onError("a header is too long, or does not end");
			// It is not to be found again.
			this.#take(1);
			this.#lost = true;
			return true;
		}
		const header = this.#take(end + END.length).toString("latin1");
		this.#begin(header);
		return true;
	}

	#begin(header: string): void {
		const found = /^content-length[ \t]*:[ \t]*([0-9]+)[ \t]*$/im.exec(header.replaceAll("\r", ""));
		if (found?.[1] === undefined) {
			this.#events.onError("a header has no Content-Length");
			return;
		}
		const length = Number(found[1]);
		if (length <= MAX_CONTENT) {
			this.#content = length;
			return;
		}
		this.#events.onError(`a message of ${found[1]} bytes is longer than what is taken`);
		const here = Math.min(length, this.#size);
		this.#take(here);
		this.#skip = length - here;
	}

	/** Goes on at what looks like a header. */
	#find(bytes: Buffer): boolean {
		const next = bytes.indexOf(HEADER, 0, "latin1");
		this.#lost = next < 0;
		this.#take(next < 0 ? Math.max(0, bytes.length - HEADER.length + 1) : next);
		return next >= 0;
	}

	#joined(): Buffer {
		if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
		return this.#chunks[0] ?? Buffer.alloc(0);
	}

	#take(length: number): Buffer {
		const bytes = this.#joined();
		this.#chunks = bytes.length > length ? [bytes.subarray(length)] : [];
		this.#size -= length;
		return bytes.subarray(0, length);
	}
}
