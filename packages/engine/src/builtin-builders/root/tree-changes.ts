/**
 * What the maintainer scripts of a root's first stage made of its tree, as a list of changes that can be applied to an equal tree.
 * Layer 3.
 *
 * The list is made of an overlay's upper folder and of the tree before and after the upper was merged into it: so nothing needs
 * to be known of how the overlay notes what was deleted.
 */

import {
	chmodSync,
	constants,
	copyFileSync,
	type Dirent,
	lstatSync,
	lutimesSync,
	mkdirSync,
	readdirSync,
	readlinkSync,
	rmSync,
	symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { unreachable } from "@devenv/diagnostics";
import { onDisk } from "../archives/tree-writer.ts";
import { linkFile, mayShare, type SharedFile } from "./root-tree.ts";

/** Paths are byte strings without leading slash. Removals come first, then folders, what is above before what is in it. */
export type TreeChange =
	| { readonly kind: "removed"; readonly path: string }
	| { readonly kind: "folder"; readonly path: string }
	| { readonly kind: "link"; readonly path: string; readonly target: string }
	| { readonly kind: "file"; readonly path: string };

/** The folders of an overlay's upper folder and of a tree, before the one is merged into the other. */
export interface UpperListing {
	readonly folders: readonly string[];
	readonly files: readonly string[];
	readonly links: readonly string[];
	/** The entries of those folders that the tree has too. */
	readonly before: ReadonlyMap<string, ReadonlyMap<string, EntryKind>>;
}

type EntryKind = "folder" | "link" | "file";

/** Makes the upper's folders readable on the way: scripts may have forbidden it. */
export function listUpper(upper: string, tree: string): UpperListing {
	const folders: string[] = [];
	const files: string[] = [];
	const links: string[] = [];
	const before = new Map<string, ReadonlyMap<string, EntryKind>>();
	const visit = (folder: string): void => {
		const path = onDisk(`${upper}/${folder}`, folder);
		chmodSync(path, 0o755);
		folders.push(folder);
		/* Below what is no folder of the tree there can only be a link, and what it leads to is not the tree's. */
		const isThere = folder === "" || before.get(folderOf(folder))?.get(baseOf(folder)) === "folder";
		if (isThere) before.set(folder, entriesOf(onDisk(`${tree}/${folder}`, folder)));
		for (const entry of readdirSync(path, { withFileTypes: true, encoding: "latin1" })) {
			const child = folder === "" ? entry.name : `${folder}/${entry.name}`;
			if (entry.isDirectory()) visit(child);
			else if (entry.isFile()) files.push(child);
			else if (entry.isSymbolicLink()) links.push(child);
		}
	};
	visit("");
	return { folders, files, links, before };
}

/** What merging the upper has changed in the tree. Gives changed files the modes and times that files of the store have. */
export function changesOf(tree: string, { folders, files, links, before }: UpperListing): readonly TreeChange[] {
	const removed: TreeChange[] = [];
	const made: TreeChange[] = [];
	for (const folder of folders) {
		const old = before.get(folder);
		const now = entriesOf(onDisk(`${tree}/${folder}`, folder));
		for (const [name, kind] of old ?? []) {
			if (now.get(name) !== kind) removed.push({ kind: "removed", path: folder === "" ? name : `${folder}/${name}` });
		}
		if (folder !== "" && old === undefined) made.push({ kind: "folder", path: folder });
	}
	for (const path of links) {
		made.push({ kind: "link", path, target: readlinkSync(onDisk(`${tree}/${path}`, path), "latin1") });
	}
	for (const path of files) {
		makeCanonical(onDisk(`${tree}/${path}`, path));
		made.push({ kind: "file", path });
	}
	return [...removed, ...made];
}

function folderOf(path: string): string {
	return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

function baseOf(path: string): string {
	return path.slice(path.lastIndexOf("/") + 1);
}

function entriesOf(folder: string | Buffer): ReadonlyMap<string, EntryKind> {
	const kindOf = (entry: Dirent): EntryKind =>
		entry.isDirectory() ? "folder" : entry.isSymbolicLink() ? "link" : "file";
	const entries = readdirSync(folder, { withFileTypes: true, encoding: "latin1" });
	return new Map(entries.map((entry) => [entry.name, kindOf(entry)]));
}

/** Seconds: the time of every file of the store. */
const canonicalTime = 1;

/** As a file of a store object is: its inode may then be shared with other roots. */
export function makeCanonical(file: string | Buffer): void {
	chmodSync(file, (lstatSync(file).mode & 0o100) === 0 ? 0o444 : 0o555);
	lutimesSync(file, canonicalTime, canonicalTime);
}

/**
 * Every file of a tree: where scripts have changed it in place, it then looks as one that an overlay's changes were put into
 * (native/merge-upper.c): what they closed can be read, and pipes, sockets and devices are gone.
 */
export function makeAllCanonical(tree: string, folder: string = ""): void {
	const place = onDisk(`${tree}/${folder}`, folder);
	const { mode } = lstatSync(place);
	if ((mode & 0o700) !== 0o700) chmodSync(place, mode | 0o700);
	for (const entry of readdirSync(place, { withFileTypes: true, encoding: "latin1" })) {
		const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
		if (entry.isDirectory()) makeAllCanonical(tree, path);
		else if (entry.isFile()) makeCanonical(onDisk(`${tree}/${path}`, path));
		else if (!entry.isSymbolicLink()) rmSync(onDisk(`${tree}/${path}`, path));
	}
}

/**
 * Gives the changed files of a tree second names in a folder: `0`, `1` and so on, in their order. Those that a root keeps for
 * itself are copied.
 */
export function nameChangedFiles(tree: string, changes: readonly TreeChange[], folder: string): readonly string[] {
	return changes
		.filter(({ kind }) => kind === "file")
		.map(({ path }, index) => {
			const name = join(folder, String(index));
			putFile(onDisk(`${tree}/${path}`, path), name, mayShare(path));
			return name;
		});
}

/** Changes that are made before other work gets its turn. */
const changesATurn = 64;

/** Makes the changes in a tree that is equal to the one that they were taken from; `files` are the changed files in their order. */
export async function applyChanges(
	tree: string,
	changes: readonly TreeChange[],
	{ files, signal }: { readonly files: readonly string[]; readonly signal: AbortSignal },
): Promise<void> {
	let next = 0;
	for (const [index, change] of changes.entries()) {
		if (index % changesATurn === 0) await setImmediate(undefined, { signal });
		const place = onDisk(`${tree}/${change.path}`, change.path);
		switch (change.kind) {
			case "removed":
				rmSync(place, { recursive: true });
				break;
			case "folder":
				mkdirSync(place, 0o755);
				break;
			case "link":
				rmSync(place, { force: true });
				symlinkSync(onDisk(change.target), place);
				break;
			case "file": {
				const from = files[next++];
				if (from === undefined) throw new Error(`no contents for ${change.path}`);
				rmSync(place, { force: true });
				putFile(from, place, mayShare(change.path));
				break;
			}
			default:
				unreachable(change);
		}
	}
}

/** The changed files of a tree whose inodes are shared with their second names. */
export function sharedFiles(
	tree: string,
	changes: readonly TreeChange[],
	files: readonly string[],
): readonly (readonly [path: string, file: SharedFile])[] {
	return changes
		.filter(({ kind }) => kind === "file")
		.flatMap(({ path }, index) => {
			const source = files[index] ?? "";
			const { ino, size, mtimeMs: modified } = lstatSync(source);
			if (lstatSync(onDisk(`${tree}/${path}`, path)).ino !== ino) return [];
			return [[path, { source, size, modified }] as const];
		});
}

/** Where it may not or cannot be shared: a copy, as canonical as the file. */
function putFile(from: string | Buffer, to: string | Buffer, share: boolean): void {
	if (share && linkFile(from, to)) return;
	copyFileSync(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
	makeCanonical(to);
}
