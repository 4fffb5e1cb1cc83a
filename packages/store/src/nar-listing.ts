/**
 * What is in the archive of a file tree, and where: Nix's `.ls` files of binary caches, by which a single file can be read of a large
 * NAR. Layer 2. Source: `src/libstore/nar-accessor.cc` of Nix. Offsets follow from the format (Nix manual, "Nix Archive (NAR)
 * format") and the sizes of files; nothing but these is read.
 */

import { readlinkSync } from "node:fs";
import { type ByteString, bytesFromText, NAR_MAGIC, textFromBytes } from "@devenv/nix-formats";
import { fsPath, listDirectory, lstatIfThere } from "./file-tree.ts";

export type NarListing =
	| { readonly type: "directory"; readonly entries: Readonly<Record<string, NarListing>> }
	/** `narOffset`: where its contents begin, in bytes of the uncompressed archive. */
	| { readonly type: "regular"; readonly size: number; readonly executable?: true; readonly narOffset: number }
	| { readonly type: "symlink"; readonly target: string };

/** The text of the `.ls` file of a store object at this physical path. */
export function formatNarListing(path: string): string {
	return JSON.stringify({ version: 1, root: new Lister().node(bytesFromText(path)) });
}

class Lister {
	/** Of what comes next in the archive. */
	#offset = sizeOf(NAR_MAGIC);

	node(path: ByteString): NarListing {
		const stats = lstatIfThere(path);
		if (stats === undefined) throw new Error(`${textFromBytes(path)} is gone`);
		this.#skip("(", "type");
		let listing: NarListing;
		if (stats.isDirectory()) listing = this.#directory(path);
		else if (stats.isSymbolicLink()) {
			const target = readlinkSync(fsPath(path), { encoding: "latin1" });
			this.#skip("symlink", "target", target);
			listing = { type: "symlink", target: textFromBytes(target) };
		} else {
			const executable = (stats.mode & 0o100) !== 0;
			this.#skip("regular", ...(executable ? ["executable", ""] : []), "contents");
			const narOffset = this.#offset + 8;
			this.#offset = narOffset + padded(stats.size);
			listing = { type: "regular", size: stats.size, ...(executable ? { executable } : {}), narOffset };
		}
		this.#skip(")");
		return listing;
	}

	#directory(path: ByteString): NarListing {
		this.#skip("directory");
		const entries = listDirectory(path).map(({ name }): [string, NarListing] => {
			this.#skip("entry", "(", "name", name, "node");
			const listing = this.node(`${path}/${name}`);
			this.#skip(")");
			return [textFromBytes(name), listing];
		});
		// A name may be one that objects have from the start.
		return { type: "directory", entries: Object.fromEntries(entries) };
	}

	#skip(...words: readonly ByteString[]): void {
		for (const word of words) this.#offset += sizeOf(word);
	}
}

function sizeOf(word: ByteString): number {
	return 8 + padded(word.length);
}

function padded(size: number): number {
	return Math.ceil(size / 8) * 8;
}
