/**
 * Logs of builds: one file per derivation, written while it builds, and the last lines kept for the message of a
 * failure. Layer 3.
 */

import { createWriteStream, existsSync, mkdirSync, renameSync, rmSync, writeFileSync, type WriteStream } from "node:fs";
import { dirname } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { abandonedParts, partPath } from "../part-file.ts";

/** Longest line that is told line by line, in code units; longer ones are cut there. */
const LINE_LIMIT = 4_096;
/** Bytes that are held in memory before a file is opened. */
const HELD_LIMIT = 65_536;
/** How many lines a failure shows. */
const TAIL_LINES = 20;

/** The log of one build: short ones are written at the end, long ones as they come. */
export class BuildLog {
	/** Where the log lies after {@link close}, if anything was written. */
	readonly path: string;
	readonly #partPath: string;
	readonly #onLine: (line: string) => void;
	readonly #decoder = new StringDecoder("utf8");
	readonly #tail: string[] = [];
	#partial = "";
	#held: Uint8Array[] = [];
	#heldBytes = 0;
	#used = false;
	#begun = false;
	/** `closed` resolves when the file is closed, after an error too. */
	#stream: { readonly file: WriteStream; readonly closed: Promise<void> } | undefined;
	/** Settles when the stream can take more. */
	#full: Promise<void> | undefined;
	#failure: Error | undefined;

	constructor(path: string, onLine: (line: string) => void) {
		this.path = path;
		this.#partPath = partPath(path);
		this.#onLine = onLine;
	}

	/** The last lines, oldest first. */
	get tail(): readonly string[] {
		return this.#partial === "" ? this.#tail : [...this.#tail, this.#partial];
	}

	/** Whether anything was written. */
	get used(): boolean {
		return this.#used;
	}

	/** Output of the build, cut anywhere. A promise: more should come when it has resolved, else it would be held in memory. */
	write(chunk: Uint8Array): Promise<void> | undefined {
		const full = this.#keep(chunk);
		const lines = (this.#partial + this.#decoder.write(Buffer.from(chunk))).split("\n");
		this.#partial = (lines.pop() ?? "").slice(0, LINE_LIMIT);
		for (const line of lines) this.#line(line);
		return full;
	}

	/** One line of our own, without its line end. */
	writeLine(line: string): void {
		void this.#keep(Buffer.from(`${line}\n`));
		this.#line(line);
	}

	/** There is a builder now, of which there is a log although it says nothing, as with real Nix. */
	begin(): void {
		this.#begun = true;
	}

	/** Ends the file, if there is one. A log that cannot be written does not fail the build; the error is given. */
	async close(): Promise<Error | undefined> {
		if (this.#partial !== "") this.#line(this.#partial);
		this.#partial = "";
		if (!this.#used && !this.#begun) return undefined;
		try {
			if (this.#stream === undefined) {
				this.#makeFolder();
				writeFileSync(this.#partPath, Buffer.concat(this.#held));
			} else {
				const { file, closed } = this.#stream;
				file.end();
				await closed;
			}
			if (this.#failure === undefined) renameSync(this.#partPath, this.path);
		} catch (error) {
			this.#failure ??= error as Error;
		}
		if (this.#failure !== undefined && existsSync(this.#partPath)) rmSync(this.#partPath);
		return this.#failure;
	}

	#makeFolder(): void {
		mkdirSync(dirname(this.path), { recursive: true });
		for (const part of abandonedParts(this.path)) rmSync(part, { force: true });
	}

	#line(text: string): void {
		const line = text.endsWith("\r") ? text.slice(0, -1) : text;
		const shown = line.length > LINE_LIMIT ? `${line.slice(0, LINE_LIMIT)}…` : line;
		this.#tail.push(shown);
		if (this.#tail.length > TAIL_LINES) this.#tail.shift();
		this.#onLine(shown);
	}

	#keep(chunk: Uint8Array): Promise<void> | undefined {
		this.#used = true;
		if (this.#stream !== undefined) {
			const { file, closed } = this.#stream;
			if (file.destroyed || file.write(chunk)) return undefined;
			if (this.#full === undefined) {
				const drained = new Promise<void>((resolve) => file.once("drain", resolve));
				this.#full = Promise.race([closed, drained]).finally(() => {
					this.#full = undefined;
				});
			}
			return this.#full;
		}
		this.#held.push(Buffer.from(chunk));
		this.#heldBytes += chunk.length;
		if (this.#heldBytes > HELD_LIMIT) this.#startStream();
		return undefined;
	}

	/** From now on what comes is written at once. */
	#startStream(): void {
		try {
			this.#makeFolder();
		} catch (error) {
			this.#failure = error as Error;
		}
		const file = createWriteStream(this.#partPath);
		const closed = new Promise<void>((resolve) => file.once("close", resolve));
		file.on("error", (error) => {
			this.#failure ??= error;
		});
		for (const chunk of this.#held) file.write(chunk);
		this.#held = [];
		this.#stream = { file, closed };
	}
}
