/**
 * Files by logical path: what lies in the store folder is read where the store really lies. Layer 3.
 *
 * A path is first tried as the file system follows it. Only where that finds nothing, and the store lies elsewhere, links
 * are followed step by step, since a link to `/nix/store/…` leads nowhere in the file system then.
 */

import { lstatSync, readdirSync, readlinkSync, type Dirent, type PathLike, type Stats } from "node:fs";
import type { FileType } from "@devenv/evaluator";
import { bufferFromBytes, textFromBytes } from "@devenv/nix-formats";
import { readRegularFile } from "./read-regular-file.ts";

/** The largest file that an expression may read, in bytes: its text stays in memory. */
export const MAX_READ_BYTES: number = 128 * 1024 * 1024;

/** Links followed in one path before it counts as a loop. */
const MOST_LINKS = 64;

export class LogicalFiles {
	readonly #storeDir: string;
	/** Physical store folder, as bytes; equal to the logical one where the store is not elsewhere. */
	readonly #storeFolder: string;

	constructor(storeDir: string, storeFolder: string) {
		this.#storeDir = storeDir;
		this.#storeFolder = storeFolder;
	}

	inStore(path: string): boolean {
		return (
			path.startsWith(this.#storeDir) && (path.length === this.#storeDir.length || path[this.#storeDir.length] === "/")
		);
	}

	/** The physical path, as bytes, without following links. */
	physical(path: string): string {
		return this.inStore(path) ? this.#storeFolder + path.slice(this.#storeDir.length) : path;
	}

	/** Throws the error of the file system, as all methods do, or {@link FileRefused}. */
	read(path: string): string {
		return this.#follow(path, (physical) => readRegularFile(physical, MAX_READ_BYTES).toString("latin1"));
	}

	list(path: string): Dirent<Buffer>[] {
		return this.#follow(path, (physical) => readdirSync(physical, { encoding: "buffer", withFileTypes: true }));
	}

	readLink(path: string): string {
		return this.#followParent(path, (physical) => readlinkSync(physical, "latin1"));
	}

	/** The type of the entry itself; undefined where there is none. */
	type(path: string): FileType | undefined {
		try {
			return this.#followParent(path, (physical) => typeOf(lstatSync(physical)));
		} catch (error) {
			if (isMissing(error)) return undefined;
			throw error;
		}
	}

	#follow<T>(path: string, act: (physical: PathLike) => T): T {
		try {
			return act(pathLike(this.physical(path)));
		} catch (error) {
			if (!isMissing(error) || this.#storeFolder === this.#storeDir) throw error;
			const resolved = this.#resolve(path);
			if (resolved === path) throw error;
			return act(pathLike(this.physical(resolved)));
		}
	}

	#followParent<T>(path: string, act: (physical: PathLike) => T): T {
		try {
			return act(pathLike(this.physical(path)));
		} catch (error) {
			if (!isMissing(error) || this.#storeFolder === this.#storeDir) throw error;
			const slash = path.lastIndexOf("/");
			const parent = this.#resolve(path.slice(0, slash));
			const resolved = parent + path.slice(slash);
			if (resolved === path) throw error;
			return act(pathLike(this.physical(resolved)));
		}
	}

	#resolve(path: string): string {
		const pending = path.split("/");
		let resolved = "";
		let links = 0;
		while (pending.length > 0) {
			const part = pending.shift() as string;
			if (part === "" || part === ".") continue;
			if (part === "..") {
				resolved = resolved.slice(0, Math.max(0, resolved.lastIndexOf("/")));
				continue;
			}
			const current = `${resolved}/${part}`;
			const target = links < MOST_LINKS ? this.#linkTarget(current) : undefined;
			if (target === undefined) {
				resolved = current;
				continue;
			}
			links++;
			if (target.startsWith("/")) resolved = "";
			pending.unshift(...target.split("/"));
		}
		return resolved;
	}

	#linkTarget(path: string): string | undefined {
		try {
			return readlinkSync(pathLike(this.physical(path)), "latin1");
		} catch (error) {
			if (isMissing(error) || hasCode(error, "EINVAL")) return undefined;
			throw error;
		}
	}
}

/** ASCII paths, nearly all, are passed as they are. */
function pathLike(path: string): PathLike {
	const text = textFromBytes(path);
	return text === path ? path : bufferFromBytes(path);
}

/** The type of a directory entry, or of what `lstat` saw. */
export function typeOf(entry: Pick<Stats, "isFile" | "isDirectory" | "isSymbolicLink">): FileType {
	if (entry.isFile()) return "regular";
	if (entry.isDirectory()) return "directory";
	return entry.isSymbolicLink() ? "symlink" : "unknown";
}

function hasCode(error: unknown, code: string): boolean {
	return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}

/** Whether the error says that there is no such file. */
export function isMissing(error: unknown): boolean {
	return hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR");
}
