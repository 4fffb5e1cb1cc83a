/**
 * Files to NAR: one walk with synchronous reads straight into the encoder's buffer. Layer 2. Optionally the same walk
 * makes modes and times canonical, or leaves entries out.
 */

import { chmodSync, closeSync, constants, fstatSync, openSync, readlinkSync, readSync, type Stats } from "node:fs";
import { fail } from "@devenv/diagnostics";
import { NAR_BUFFER_SIZE, NarEncoder, textFromBytes, type ByteString, type NarSink } from "@devenv/nix-formats";
import { canonicalise, canonicaliseLink, fsPath, listDirectory, lstatIfThere } from "./file-tree.ts";
import type { FileKind, PathFilter } from "./store.ts";
import { hasCode } from "./store-failure.ts";

export interface DumpOptions {
	readonly filter?: PathFilter;
	/** A folder that the tree must not contain, relative to it: {@link ./add-path.ts} says why. */
	readonly forbidden?: ByteString;
	/** Makes modes and times of all but the topmost file canonical on the way; that one has still to be moved. */
	readonly canonicalise?: boolean;
}

/** Dumps a file, folder or symlink. Fails with `STORE_FILE_KIND` on sockets and the like. Returns the NAR's size. */
export function dumpTree(path: ByteString, sink: NarSink, options: DumpOptions = {}): number {
	const encoder = new NarEncoder(sink, takeBuffer());
	try {
		new Dumper(encoder, options).dump(path);
		encoder.finish();
	} finally {
		buffersInUse -= 1;
	}
	return encoder.size;
}

/** Dumps a regular file as one that is not executable; `bytes` gets its contents alone. Returns the NAR's size. */
export function dumpFlat(path: ByteString, sink: NarSink, bytes: (piece: Uint8Array) => void): number {
	const file = openRegular(path);
	try {
		const encoder = new NarEncoder(sink);
		encoder.file(false, fstatSync(file).size);
		encoder.fill((buffer, offset, length) => {
			const count = readSync(file, buffer, offset, length, null);
			bytes(buffer.subarray(offset, offset + count));
			return count;
		});
		if (!encoder.complete) failKind(path, "became shorter while it was read");
		encoder.finish();
		return encoder.size;
	} finally {
		closeSync(file);
	}
}

function openRegular(path: ByteString): number {
	const file = openSync(fsPath(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
	if (fstatSync(file).isFile()) return file;
	closeSync(file);
	return failKind(path, "is not a regular file, as hashing its bytes needs");
}

/** A dump within a dump's sink would need a second buffer: it gets one of its own. */
let buffersInUse = 0;
let sharedBuffer: Buffer | undefined;

function takeBuffer(): Buffer {
	buffersInUse += 1;
	if (buffersInUse > 1) return Buffer.allocUnsafeSlow(NAR_BUFFER_SIZE);
	sharedBuffer ??= Buffer.allocUnsafeSlow(NAR_BUFFER_SIZE);
	return sharedBuffer;
}

class Dumper {
	readonly #encoder: NarEncoder;
	readonly #filter: PathFilter | undefined;
	readonly #canonicalise: boolean;
	readonly #forbidden: ByteString | undefined;

	constructor(encoder: NarEncoder, options: DumpOptions) {
		this.#encoder = encoder;
		this.#filter = options.filter;
		this.#canonicalise = options.canonicalise ?? false;
		this.#forbidden = options.forbidden;
	}

	dump(path: ByteString): void {
		const stats = lstatIfThere(path);
		if (stats === undefined) {
			fail("STORE_FILE_MISSING", `there is no file "${textFromBytes(path)}"`);
		}
		this.#node(path, "", kindOf(stats));
	}

	#node(path: ByteString, relative: ByteString, kind: FileKind): void {
		if (kind === "regular") this.#file(path, relative);
		else if (kind === "directory") this.#directory(path, relative);
		else if (kind === "symlink") this.#symlink(path, relative);
		else failKind(path, "is no regular file, folder or symlink, and cannot be in a store");
	}

	#file(path: ByteString, relative: ByteString): void {
		const file = this.#open(path);
		try {
			const stats = fstatSync(file);
			if (!stats.isFile()) failKind(path, "changed while it was read");
			this.#encoder.file((stats.mode & 0o100) !== 0, stats.size);
			this.#encoder.fill((buffer, offset, length) => readSync(file, buffer, offset, length, null));
			if (!this.#encoder.complete) failKind(path, "became shorter while it was read");
			if (this.#canonicalise && relative !== "") canonicalise(path, stats);
		} finally {
			closeSync(file);
		}
	}

	#open(path: ByteString): number {
		const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
		try {
			return openSync(fsPath(path), flags);
		} catch (error) {
			if (!this.#canonicalise || !hasCode(error, "EACCES")) throw error;
			// What a build left unreadable becomes readable anyway.
			chmodSync(fsPath(path), ((lstatIfThere(path)?.mode ?? 0) & 0o777) | 0o400);
			return openSync(fsPath(path), flags);
		}
	}

	#directory(path: ByteString, relative: ByteString): void {
		if (relative === this.#forbidden) {
			fail("STORE_IN_SOURCE", `the source contains the store itself, at "${textFromBytes(path)}"`, {
				hint: "leave that folder out by a filter (lib.cleanSource, builtins.path), or keep DEVENV_HOME elsewhere",
			});
		}
		const before = this.#canonicalise ? lstatIfThere(path) : undefined;
		if (before !== undefined && (before.mode & 0o500) !== 0o500) chmodSync(fsPath(path), 0o755);
		this.#encoder.directory();
		for (const entry of listDirectory(path)) {
			const child = `${path}/${entry.name}`;
			const childRelative = relative === "" ? entry.name : `${relative}/${entry.name}`;
			const kind = kindOf(entry);
			if (this.#filter !== undefined && !this.#filter(childRelative, kind)) continue;
			this.#encoder.entry(entry.name);
			this.#node(child, childRelative, kind);
		}
		this.#encoder.end();
		if (before !== undefined && relative !== "") {
			const after = lstatIfThere(path);
			if (after !== undefined) canonicalise(path, after);
		}
	}

	#symlink(path: ByteString, relative: ByteString): void {
		this.#encoder.symlink(readlinkSync(fsPath(path), { encoding: "latin1" }));
		if (!this.#canonicalise || relative === "") return;
		const stats = lstatIfThere(path);
		if (stats !== undefined) canonicaliseLink(path, stats);
	}
}

/** What a directory entry, or a file's status, says of its kind. */
function kindOf(entry: Pick<Stats, "isFile" | "isDirectory" | "isSymbolicLink">): FileKind {
	if (entry.isFile()) return "regular";
	if (entry.isDirectory()) return "directory";
	return entry.isSymbolicLink() ? "symlink" : "unknown";
}

function failKind(path: ByteString, reason: string): never {
	return fail("STORE_FILE_KIND", `"${textFromBytes(path)}" ${reason}`);
}
