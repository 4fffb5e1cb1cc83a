/**
 * Equal files of the store's objects become hard links of one another, as real Nix makes them. Layer 2.
 *
 * `.links` in the store folder has a link to each content, named after the hash of its NAR (so that an executable file is
 * another than one that is not). A file takes the place of an equal one by a rename from the session's folder, so that who
 * reads at the time sees either, and a killed process leaves nothing. Objects are kept from the collector while they are worked
 * on; a link that the collector takes away meanwhile is made again.
 */

import { createHash } from "node:crypto";
import { chmodSync, linkSync, lstatSync, mkdirSync, readdirSync, renameSync, unlinkSync, type Stats } from "node:fs";
import { type ByteString, bytesFromText, encodeBase32, type StorePath } from "@devenv/nix-formats";
import { canonicalise, fsPath, listDirectory, lstatIfThere } from "./file-tree.ts";
import { dumpTree } from "./nar-dump.ts";
import type { PathTable } from "./path-table.ts";
import type { OptimiseOptions, OptimiseReport } from "./store.ts";
import { hasCode } from "./store-failure.ts";

/** How often a link is tried that others make and remove at the same time. */
const ATTEMPTS = 10;

export interface OptimiseContext {
	readonly paths: PathTable;
	/** Physical store folder. */
	readonly storeFolder: string;
	readonly physical: (path: StorePath) => string;
	/** Keeps a path from being collected; before its validity is asked for. */
	readonly addTempRoot: (path: StorePath) => void;
	/** A path where nothing is yet, on the store's file system. */
	readonly newPath: () => string;
}

/** Works through all valid objects. */
export function optimiseStore(context: OptimiseContext, options: OptimiseOptions): OptimiseReport {
	const optimiser = new Optimiser(context);
	for (const path of context.paths.all()) {
		context.addTempRoot(path);
		if (!context.paths.isValid(path)) continue;
		options.onPath?.(path);
		optimiser.optimise(bytesFromText(context.physical(path)));
	}
	return { filesLinked: optimiser.filesLinked, bytesFreed: optimiser.bytesFreed };
}

class Optimiser {
	filesLinked = 0;
	bytesFreed = 0;
	readonly #context: OptimiseContext;
	readonly #links: ByteString;
	/** Files that have a link in `.links`. */
	readonly #inodes = new Set<number>();

	constructor(context: OptimiseContext) {
		this.#context = context;
		this.#links = bytesFromText(`${context.storeFolder}/.links`);
		mkdirSync(fsPath(this.#links), { recursive: true });
		for (const name of readdirSync(fsPath(this.#links), { encoding: "latin1" })) {
			const stats = lstatIfThere(`${this.#links}/${name}`);
			if (stats !== undefined) this.#inodes.add(stats.ino);
		}
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
		if (stats.nlink > 1 && this.#inodes.has(stats.ino)) return;
		this.#share(path, stats, folder);
	}

	#share(path: ByteString, stats: Stats, folder: ByteString | undefined): void {
		const link = `${this.#links}/${linkName(path)}`;
		for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
			const shared = lstatIfThere(link);
			if (shared === undefined) {
				if (!tryLink(path, link, "EEXIST")) continue;
				this.#inodes.add(stats.ino);
				return;
			}
			if (shared.ino === stats.ino) return;
			if (shared.size !== stats.size) {
				// Not what its name says: it takes no part any more.
				unlinkIfThere(link);
				continue;
			}
			const next = bytesFromText(this.#context.newPath());
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
