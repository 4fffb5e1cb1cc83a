/**
 * Writes tar entries below one folder, whatever the archive says: the sink of a tar parser that does not trust it.
 *
 * Idea: the folder was empty when the writer began and is private to it, so what the writer has made itself is all there is. It
 * remembers the kind of every path; a name whose parent is anything but a folder is refused, and so no link is ever followed.
 */

import { closeSync, linkSync, mkdirSync, openSync, symlinkSync, writeSync } from "node:fs";
import type { TarEntry, TarSink } from "./tar-parser.ts";
import { TarError } from "./tar-parser.ts";

export interface TreeWriterOptions {
	/** An existing, empty folder that nobody else writes to. */
	readonly folder: string;
	/** Where a name of the archive goes (both without leading or trailing slashes); undefined leaves the entry out. */
	readonly place: (name: string, entry: TarEntry) => string | undefined;
	/** Most bytes of all files together. */
	readonly maximum: number;
}

type Kind = "file" | "link" | "directory";

export class TreeWriter implements TarSink {
	readonly #options: TreeWriterOptions;
	readonly #made = new Map<string, Kind>([["", "directory"]]);
	#fd: number | undefined;
	#total = 0;

	constructor(options: TreeWriterOptions) {
		this.#options = options;
	}

	onEntry(entry: TarEntry): void {
		const path = this.#place(entry.name, entry);
		if (path === undefined || path === "") return;
		switch (entry.kind) {
			case "directory":
				this.#makeDirectory(path);
				return;
			case "file":
				this.#total += entry.size;
				if (this.#total > this.#options.maximum)
					throw new TarError(`it unpacks to more than ${this.#options.maximum} bytes`);
				this.#claim(path, "file");
				this.#fd = openSync(this.#host(path), "wx", entry.mode & 0o111 ? 0o755 : 0o644);
				return;
			case "symbolic-link":
				if (entry.linkName === "" || entry.linkName.includes("\0"))
					throw new TarError(`the link '${path}' leads nowhere`);
				this.#claim(path, "link");
				symlinkSync(onDisk(entry.linkName), this.#host(path));
				return;
			case "hard-link": {
				const target = this.#place(entry.linkName, entry);
				if (target === undefined || this.#made.get(target) !== "file") {
					throw new TarError(`the hard link '${path}' leads to no file of the archive`);
				}
				this.#claim(path, "file");
				linkSync(this.#host(target), this.#host(path));
				return;
			}
			case "other":
				throw new TarError(`'${path}' is of type '${entry.type}' (a device, a FIFO or unknown)`);
		}
	}

	onData(chunk: Buffer): void {
		if (this.#fd === undefined) return;
		for (let done = 0; done < chunk.length; ) done += writeSync(this.#fd, chunk, done);
	}

	onEntryEnd(): void {
		if (this.#fd !== undefined) closeSync(this.#fd);
		this.#fd = undefined;
	}

	/** Adds a file that is not from the archive, under the same rules. */
	addFile(path: string, mode: number, contents: Buffer): void {
		this.#claim(path, "file");
		this.#fd = openSync(this.#host(path), "wx", mode);
		this.onData(contents);
		this.onEntryEnd();
	}

	/** Closes a file that was left open by an error. */
	abandon(): void {
		this.onEntryEnd();
	}

	#place(name: string, entry: TarEntry): string | undefined {
		const path = normalName(name);
		return path === "" ? "" : this.#options.place(path, entry);
	}

	/** Makes the folders above; the path itself must be free. */
	#claim(path: string, kind: Kind): void {
		if (this.#made.has(path)) throw new TarError(`'${path}' occurs twice`);
		const slash = path.lastIndexOf("/");
		if (slash > 0) this.#makeDirectory(path.slice(0, slash));
		this.#made.set(path, kind);
	}

	#makeDirectory(path: string): void {
		const known = this.#made.get(path);
		if (known === "directory") return;
		if (known !== undefined) throw new TarError(`'${path}' is a ${known} and a folder`);
		this.#claim(path, "directory");
		mkdirSync(this.#host(path), 0o755);
	}

	#host(path: string): string | Buffer {
		return onDisk(`${this.#options.folder}/${path}`, path);
	}
}

/** Removes empty and `.` components. Throws on `..`, NUL bytes and names that no file system takes. */
export function normalName(name: string): string {
	if (name.includes("\0") || name.length > 4000) throw new TarError("a name is too long or has a NUL byte");
	const parts = name.split("/").filter((part) => part !== "" && part !== ".");
	for (const part of parts) {
		if (part === "..") throw new TarError(`the name '${name}' leads out of the archive`);
		if (part.length > 255) throw new TarError("a file name is longer than 255 bytes");
	}
	return parts.join("/");
}

/** The form in which Node writes a byte string as it is: a plain string where every byte is ASCII, else a buffer. */
export function onDisk(path: string, part: string = path): string | Buffer {
	if (!/[\u0080-\u00ff]/.test(part)) return path;
	/* The folder's own name is UTF-16 text, what follows it are bytes. */
	return Buffer.concat([Buffer.from(path.slice(0, path.length - part.length), "utf8"), Buffer.from(part, "latin1")]);
}
