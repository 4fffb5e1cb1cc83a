/**
 * Files with names of bytes: the operations on whole trees that the store needs, and the canonical metadata of store
 * objects (modes 0444 and 0555, modification time 1). Layer 2. Paths are byte strings.
 */

import { randomBytes } from "node:crypto";
import {
	chmodSync,
	lstatSync,
	lutimesSync,
	readdirSync,
	renameSync,
	rmdirSync,
	unlinkSync,
	type Dirent,
	type Stats,
} from "node:fs";
import { type ByteString } from "@devenv/nix-formats";
import { hasCode } from "./store-failure.ts";

const NON_ASCII = /[^\0-\x7f]/;

/** The form in which `node:fs` takes a path of bytes. */
export function fsPath(path: ByteString): string | Buffer {
	return NON_ASCII.test(path) ? Buffer.from(path, "latin1") : path;
}

/** The entries of a folder, names as bytes, bytewise sorted. */
export function listDirectory(path: ByteString): Dirent[] {
	const entries = readdirSync(fsPath(path), { encoding: "latin1", withFileTypes: true });
	return entries.sort((left, right) => (left.name < right.name ? -1 : 1));
}

/** Undefined when nothing is there. */
export function lstatIfThere(path: ByteString): Stats | undefined {
	return lstatSync(fsPath(path), { throwIfNoEntry: false });
}

/** In seconds. */
export const CANONICAL_TIME = 1;

/** The mode that store objects have: readable by all, executable as the owner could before. */
function canonicalMode(mode: number): number {
	return (mode & 0o100) === 0 ? 0o444 : 0o555;
}

/** Gives a file that is no symlink its canonical mode and time; does nothing where it has them. */
export function canonicalise(path: ByteString, stats: Stats): void {
	const file = fsPath(path);
	const mode = stats.isDirectory() ? 0o555 : canonicalMode(stats.mode);
	if ((stats.mode & 0o7777) !== mode) chmodSync(file, mode);
	if (stats.mtimeMs !== CANONICAL_TIME * 1000) lutimesSync(file, CANONICAL_TIME, CANONICAL_TIME);
}

/** Gives a symlink its canonical time. */
export function canonicaliseLink(path: ByteString, stats: Stats): void {
	if (stats.mtimeMs !== CANONICAL_TIME * 1000) lutimesSync(fsPath(path), CANONICAL_TIME, CANONICAL_TIME);
}

/** Renames; a folder is made writable first, which an ordinary user needs to move it to another folder. */
export function moveTree(from: ByteString, to: ByteString): void {
	const stats = lstatSync(fsPath(from));
	const locked = stats.isDirectory() && (stats.mode & 0o200) === 0;
	if (locked) chmodSync(fsPath(from), 0o755);
	renameSync(fsPath(from), fsPath(to));
	if (locked) canonicalise(to, lstatSync(fsPath(to)));
}

/**
 * Sums up the bytes on disk of what is deleted or looked at; a file counts with the last of its hard links. A link in the store's
 * `.links` keeps nothing, so that the last but that one counts.
 */
export class DiskUsage {
	bytes = 0;
	readonly #links = new Map<string, number>();
	/** Inodes that have a link in `.links`; those that were counted are left out. */
	readonly #shared: Set<number>;

	constructor(shared: Set<number> = new Set()) {
		this.#shared = shared;
	}

	add(stats: Stats): void {
		const links = stats.nlink - (this.#shared.has(stats.ino) ? 1 : 0);
		if (links > 1 && !stats.isDirectory()) {
			const key = `${stats.dev}:${stats.ino}`;
			const seen = (this.#links.get(key) ?? 0) + 1;
			this.#links.set(key, seen);
			if (seen < links) return;
			this.#links.delete(key);
		}
		this.bytes += stats.blocks * 512;
	}

	/** A file that has just been deleted, as it was before. */
	addDeleted(stats: Stats): void {
		if (stats.nlink === 1 || (stats.nlink === 2 && this.#shared.has(stats.ino))) this.bytes += stats.blocks * 512;
	}
}

/** Adds up a tree, following no links. */
export function measureTree(path: ByteString, usage: DiskUsage): void {
	const stats = lstatIfThere(path);
	if (stats === undefined) return;
	usage.add(stats);
	if (!stats.isDirectory()) return;
	for (const entry of listDirectory(path)) measureTree(`${path}/${entry.name}`, usage);
}

/** Whether a tree has at most so many files, folders included, and so many bytes in them. */
export function isSmallTree(path: ByteString, limits: { readonly files: number; readonly bytes: number }): boolean {
	let { files, bytes } = limits;
	const fits = (each: ByteString): boolean => {
		const stats = lstatIfThere(each);
		if (stats === undefined) return true;
		files -= 1;
		if (stats.isFile()) bytes -= stats.size;
		if (files < 0 || bytes < 0) return false;
		if (!stats.isDirectory()) return true;
		// What a build left unreadable is for the pass that makes it canonical.
		if ((stats.mode & 0o500) !== 0o500) return false;
		return readdirSync(fsPath(each), { encoding: "latin1" }).every((name) => fits(`${each}/${name}`));
	};
	return fits(path);
}

/**
 * Deletes a tree, following no links; nothing there is no error. Folders are made writable first. What is deleted
 * at the same time by another process is no error either. Folders too deep for a path are moved up, beside `path`.
 */
export function deleteTree(path: ByteString, freed: DiskUsage = new DiskUsage()): void {
	const deep: ByteString[] = [];
	const moveUp = (folder: ByteString): void => {
		const to = `${path}.${randomBytes(8).toString("hex")}`;
		moveTree(folder, to);
		deep.push(to);
	};
	deleteShallow(path, freed, moveUp);
	for (let next = deep.pop(); next !== undefined; next = deep.pop()) deleteShallow(next, freed, moveUp);
}

/** Bytes of a path, of the 4,096 that Linux takes, above which folders are moved up. */
const DEEP = 2_048;

function deleteShallow(path: ByteString, freed: DiskUsage, moveUp: (folder: ByteString) => void): void {
	const stats = lstatIfThere(path);
	if (stats === undefined) return;
	try {
		if (stats.isDirectory()) {
			if (path.length > DEEP) {
				moveUp(path);
				return;
			}
			if ((stats.mode & 0o700) !== 0o700) chmodSync(fsPath(path), 0o700);
			for (const name of readdirSync(fsPath(path), { encoding: "latin1" })) {
				deleteShallow(`${path}/${name}`, freed, moveUp);
			}
			rmdirSync(fsPath(path));
			freed.bytes += stats.blocks * 512;
		} else {
			unlinkSync(fsPath(path));
			freed.addDeleted(stats);
		}
	} catch (error) {
		if (!hasCode(error, "ENOENT")) throw error;
	}
}
