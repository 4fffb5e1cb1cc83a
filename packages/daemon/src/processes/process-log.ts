/** The output of one process: a file of bounded size, and its lines. Layer 4. */

import { closeSync, constants, fstatSync, openSync, renameSync, writeSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";

/** Bytes of a file before it is put aside as `NAME.log.1`, whose place the next one takes. */
const FILE_LIMIT: number = 10 * 1024 * 1024;
/** Longest line that is told, in code units; longer ones are cut into several. */
const LINE_LIMIT = 8192;

export class ProcessLog {
	readonly path: string;
	readonly #onLine: (line: string) => void;
	readonly #limit: number;
	readonly #decoder = new StringDecoder("utf8");
	#fd: number;
	#size: number;
	#partial = "";

	/** Appends to the file. `onLine` gets each line without its end. */
	constructor(path: string, onLine: (line: string) => void, limit: number = FILE_LIMIT) {
		this.path = path;
		this.#onLine = onLine;
		this.#limit = limit;
		this.#fd = open(path);
		this.#size = fstatSync(this.#fd).size;
	}

	/** A piece of output, cut anywhere. A full disk loses it from the file, not from the lines. */
	write(chunk: Buffer): void {
		this.#toFile(chunk);
		const lines = (this.#partial + this.#decoder.write(chunk)).split("\n");
		this.#partial = lines.pop() ?? "";
		for (const line of lines) this.#tell(line);
		while (this.#partial.length > LINE_LIMIT) {
			this.#tell(this.#partial.slice(0, LINE_LIMIT));
			this.#partial = this.#partial.slice(LINE_LIMIT);
		}
	}

	/** A line of our own. */
	note(text: string): void {
		this.flush();
		this.#toFile(Buffer.from(`${text}\n`));
	}

	/** Tells the last line, which had no end. */
	flush(): void {
		if (this.#partial !== "") this.#tell(this.#partial);
		this.#partial = "";
	}

	close(): void {
		this.flush();
		closeSync(this.#fd);
	}

	#tell(line: string): void {
		const text = line.endsWith("\r") ? line.slice(0, -1) : line;
		for (let at = 0; at === 0 || at < text.length; at += LINE_LIMIT) this.#onLine(text.slice(at, at + LINE_LIMIT));
	}

	#toFile(chunk: Buffer): void {
		if (this.#size + chunk.length > this.#limit && this.#size > 0) this.#rotate();
		try {
			writeSync(this.#fd, chunk);
			this.#size += chunk.length;
		} catch (error) {
			const { code } = error as NodeJS.ErrnoException;
			if (code !== "ENOSPC" && code !== "EDQUOT" && code !== "EFBIG") throw error;
		}
	}

	#rotate(): void {
		closeSync(this.#fd);
		renameSync(this.path, `${this.path}.1`);
		this.#fd = open(this.path);
		this.#size = 0;
	}
}

function open(path: string): number {
	const { O_WRONLY, O_CREAT, O_APPEND, O_NOFOLLOW } = constants;
	return openSync(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600);
}
