/**
 * Equal files of the store's objects become hard links of one another, as real Nix makes them. Layer 2.
 *
 * `.links` in the store folder has a link to each content, named after the hash of its NAR (so that an executable file is
 * another than one that is not). A file takes the place of an equal one by a rename from the session's folder, so that who
 * reads at the time sees either, and a killed process leaves nothing. Objects are kept from the collector while they are worked
 * on; a link that the collector takes away meanwhile is made again.
 *
 * What is on its way into the store is worked on where it lies, before it is registered.
 */

import { createHash } from "node:crypto";
import { chmodSync, linkSync, lstatSync, mkdirSync, readdirSync, renameSync, unlinkSync, type Stats } from "node:fs";
import { type ByteString, bytesFromText, encodeBase32, type StorePath } from "@devenv/nix-formats";
import { canonicalise, canonicaliseLink, fsPath, listDirectory, lstatIfThere } from "./file-tree.ts";
import { dumpTree } from "./nar-dump.ts";
import type { PathTable } from "./path-table.ts";
import type { OptimiseOptions, OptimiseReport } from "./store.ts";
import { hasCode } from "./store-failure.ts";

/** How often a link is tried that others make and remove at the same time. */
const ATTEMPTS = 10;

export interface OptimiseContext {
	readonly paths: PathTable;
	/** Physical folder of the links. */
	readonly links: string;
	readonly physical: (path: StorePath) => string;
	/** Keeps a path from being collected; before its validity is asked for. */
	readonly addTempRoot: (path: StorePath) => void;
	/** A path where nothing is yet, on the store's file system. */
	readonly newPath: () => string;
}

/** Works through all valid objects. */
export function optimiseStore(context: OptimiseContext, options: OptimiseOptions): OptimiseReport {
	const optimiser = new Optimiser({ links: bytesFromText(context.links), newPath: context.newPath, repair: false });
	for (const path of context.paths.all()) {
		context.addTempRoot(path);
		if (!context.paths.isValid(path)) continue;
		options.onPath?.(path);
		optimiser.optimise(bytesFromText(context.physical(path)));
	}
	return { filesLinked: optimiser.filesLinked, bytesFreed: optimiser.bytesFreed };
}

export interface OptimiseTreeOptions {
	/** Physical folder of the links. */
	readonly links: string;
	/** Trusts no link before it has read it: for what takes the place of something damaged, which a link may have been part of. */
	readonly repair: boolean;
}

/**
 * An object that is not registered yet: a file or folder on the store's file system, whose modes and times below `path` are
 * canonical, and stay so. May be called on any thread.
 */
export function optimiseTree(path: string, { links, repair }: OptimiseTreeOptions): void {
	const tree = bytesFromText(path);
	const stats = lstatIfThere(tree);
	if (stats?.isSymbolicLink() === true) canonicaliseLink(tree, stats);
	else if (stats?.isFile() === true) canonicalise(tree, stats);
	let count = 0;
	const newPath = (): string => `${path}.link-${++count}`;
	new Optimiser({ links: bytesFromText(links), newPath, repair }).optimise(tree);
}

/** The inodes that have a link in the folder of links; none where it is not there. */
export function sharedInodes(links: ByteString): Set<number> {
	const stats = linkNames(links).map((name) => lstatIfThere(`${links}/${name}`));
	return new Set(stats.flatMap((each) => each?.ino ?? []));
}

/** What is in the folder of links. */
export function linkNames(links: ByteString): string[] {
	return lstatIfThere(links) === undefined ? [] : readdirSync(fsPath(links), { encoding: "latin1" });
}

class Optimiser {
	filesLinked = 0;
	bytesFreed = 0;
	readonly #links: ByteString;
	/** A path where nothing is yet, on the store's file system. */
	readonly #newPath: () => string;
	readonly #repair: boolean;
	/** Read when the first file is met that could be one of them. */
	#inodes: Set<number> | undefined;

	constructor(options: {
		readonly links: ByteString;
		readonly newPath: () => string;
		readonly repair: boolean;
	}) {
		this.#links = options.links;
		this.#newPath = options.newPath;
		this.#repair = options.repair;
		mkdirSync(fsPath(this.#links), { recursive: true });
	}

	/** An object, or a part of one; its folder has its canonical mode and time afterwards. */
	optimise(path: ByteString, folder?: ByteString): void {
		const stats = lstatIfThere(path);
		if (stats === undefined) return;
		if (stats.isDirectory()) {
			for (const { name } of listDirectory(path)) this.optimise(`${path}/${name}`, path);
			return;
		}
		if (!stats.isFile() && !stats.isSymbolicLink()) return;
		// Somebody changed it by hand: it must not become what others have.
		if (stats.isFile() && (stats.mode & 0o222) !== 0) return;
		if (stats.nlink > 1) {
			this.#inodes ??= sharedInodes(this.#links);
			if (this.#inodes.has(stats.ino)) return;
		}
		this.#share(path, stats, folder);
	}

	#share(path: ByteString, stats: Stats, folder: ByteString | undefined): void {
		const name = linkName(path);
		const link = `${this.#links}/${name}`;
		for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
			const shared = lstatIfThere(link);
			if (shared === undefined) {
				// Where the folder is full, or no further link fits to the file, it stays by itself.
				if (!tryLink(path, link, "EEXIST", "EMLINK", "ENOSPC") && lstatIfThere(link) !== undefined) continue;
				this.#inodes?.add(stats.ino);
				return;
			}
			if (shared.ino === stats.ino) return;
			if (shared.size !== stats.size || (this.#repair && linkName(link) !== name)) {
				// Not what its name says: it takes no part any more.
				unlinkIfThere(link);
				continue;
			}
			const next = bytesFromText(this.#newPath());
			// No further link fits to that file: this one stays by itself.
			if (!tryLink(link, next, "ENOENT", "EMLINK")) {
				if (lstatIfThere(link) === undefined) continue;
				return;
			}
			this.#replace(path, next, folder);
			this.filesLinked += 1;
			this.bytesFreed += stats.size;
			return;
		}
	}

	#replace(path: ByteString, next: ByteString, folder: ByteString | undefined): void {
		if (folder === undefined) {
			renameSync(fsPath(next), fsPath(path));
			return;
		}
		chmodSync(fsPath(folder), 0o755);
		try {
			renameSync(fsPath(next), fsPath(path));
		} finally {
			canonicalise(folder, lstatSync(fsPath(folder)));
		}
	}
}

/** The name in `.links` of a file's contents. */
export function linkName(path: ByteString): string {
	const hash = createHash("sha256");
	dumpTree(path, (piece) => hash.update(piece));
	return encodeBase32(hash.digest());
}

/** False where it fails with one of these codes. */
function tryLink(from: ByteString, to: ByteString, ...codes: readonly string[]): boolean {
	try {
		linkSync(fsPath(from), fsPath(to));
		return true;
	} catch (error) {
		if (hasCode(error, ...codes)) return false;
		throw error;
	}
}

function unlinkIfThere(path: ByteString): void {
	try {
		unlinkSync(fsPath(path));
	} catch (error) {
		if (!hasCode(error, "ENOENT")) throw error;
	}
}
