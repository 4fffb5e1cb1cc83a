/**
 * NAR events to files, with canonical modes and times, or those of files that the user makes. Layer 2. Names come from a parser that has checked them, and
 * everything is made new (no file is opened that was there), so that a hostile archive stays inside its folder.
 */

import {
	chmodSync,
	closeSync,
	constants,
	fchmodSync,
	futimesSync,
	lutimesSync,
	mkdirSync,
	openSync,
	symlinkSync,
	writeSync,
} from "node:fs";
import { unreachable } from "@devenv/diagnostics";
import type { ByteString, NarEvent } from "@devenv/nix-formats";
import { CANONICAL_TIME, fsPath } from "./file-tree.ts";

const CREATE: number = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** Writes one tree at `path`, where nothing may be. The topmost folder stays writable, since it is to be moved. */
export class NarRestorer {
	readonly #canonical: boolean;
	readonly #parents: ByteString[] = [];
	#path: ByteString;
	#file = -1;
	#executable = false;
	#missing = 0;

	/** Without `canonical` modes are those that the umask leaves, and times those of now. */
	constructor(path: ByteString, options: { readonly canonical: boolean } = { canonical: true }) {
		this.#path = path;
		this.#canonical = options.canonical;
	}

	write(event: NarEvent): void {
		switch (event.kind) {
			case "directory":
				mkdirSync(fsPath(this.#path), this.#canonical ? 0o755 : 0o777);
				this.#parents.push(this.#path);
				return;
			case "entry":
				this.#path = `${this.#parents.at(-1) ?? ""}/${event.name}`;
				return;
			case "end": {
				this.#endDirectory();
				return;
			}
			case "file":
				this.#file = openSync(fsPath(this.#path), CREATE, this.#canonical ? 0o600 : event.executable ? 0o777 : 0o666);
				this.#executable = event.executable;
				this.#missing = event.size;
				if (event.size === 0) this.#endFile();
				return;
			case "contents":
				this.#write(event.bytes);
				this.#missing -= event.bytes.length;
				if (this.#missing === 0) this.#endFile();
				return;
			case "symlink":
				symlinkSync(fsPath(event.target), fsPath(this.#path));
				if (this.#canonical) lutimesSync(fsPath(this.#path), CANONICAL_TIME, CANONICAL_TIME);
				return;
			default:
				return unreachable(event);
		}
	}

	/** Gives up: closes a file that is half written. What was made stays for the caller to delete. */
	abandon(): void {
		if (this.#file >= 0) closeSync(this.#file);
		this.#file = -1;
	}

	#write(bytes: Uint8Array): void {
		for (let at = 0; at < bytes.length; ) at += writeSync(this.#file, bytes, at, bytes.length - at);
	}

	#endFile(): void {
		if (this.#canonical) {
			fchmodSync(this.#file, this.#executable ? 0o555 : 0o444);
			futimesSync(this.#file, CANONICAL_TIME, CANONICAL_TIME);
		}
		closeSync(this.#file);
		this.#file = -1;
	}

	#endDirectory(): void {
		const path = this.#parents.pop();
		if (path === undefined || this.#parents.length === 0 || !this.#canonical) return;
		chmodSync(fsPath(path), 0o555);
		lutimesSync(fsPath(path), CANONICAL_TIME, CANONICAL_TIME);
	}
}
