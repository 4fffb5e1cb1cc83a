/** The output of processes on one terminal: each line behind the name of its process. Layer 4. */

import { writeSync } from "node:fs";

export interface PrinterOptions {
	readonly color: boolean;
	readonly write?: (text: string) => void;
}

/** Colours that can be read on light and dark grounds: cyan, yellow, green, magenta, blue. */
const colors = [36, 33, 32, 35, 34];

export class ProcessPrinter {
	readonly #color: boolean;
	readonly #write: (text: string) => void;
	readonly #colors = new Map<string, number>();
	#width = 6;

	constructor({ color, write = writeStandardOutput }: PrinterOptions) {
		this.#color = color;
		this.#write = write;
	}

	/** The names to make room for. */
	expect(names: readonly string[]): void {
		this.#width = Math.max(this.#width, ...names.map((name) => name.length));
	}

	line(name: string, text: string): void {
		this.#write(`${this.#prefix(name)} ${text}\n`);
	}

	/** Of our own, about a process (empty: about all). */
	note(name: string, text: string): void {
		const shown = this.#color ? `\u001b[2m${text}\u001b[0m` : text;
		this.#write(`${this.#prefix(name === "" ? "devenv" : name)} ${shown}\n`);
	}

	#prefix(name: string): string {
		const padded = `${name.padEnd(this.#width)} |`;
		if (!this.#color) return padded;
		let color = this.#colors.get(name);
		if (color === undefined) {
			color = colors[this.#colors.size % colors.length] ?? 36;
			this.#colors.set(name, color);
		}
		return `\u001b[${color}m${padded}\u001b[0m`;
	}
}

/**
 * Written at once, so that a process that writes faster than the terminal shows waits for it. A reader that is gone gets
 * nothing.
 */
function writeStandardOutput(text: string): void {
	const bytes = Buffer.from(text);
	for (let done = 0; done < bytes.length; ) {
		try {
			done += writeSync(1, bytes, done);
		} catch (error) {
			const { code } = error as NodeJS.ErrnoException;
			if (code === "EPIPE" || code === "EIO") return;
			if (code !== "EAGAIN") throw error;
			// A terminal that another program made non-blocking.
			Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
		}
	}
}
