/**
 * Merges unpacked packages into one tree: folders made, files hard-linked, `/etc` and `/var` copied. Layer 3.
 *
 * Two packages with the same path: as dpkg decides it. Equal files and folders are shared, Replaces and diversions say whose file
 * stays, a link to a folder and a folder are one folder; anything else is an error that names both packages.
 */

import {
	constants,
	copyFileSync,
	linkSync,
	lstatSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	renameSync,
	rmSync,
	symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { fail } from "@devenv/diagnostics";
import { onDisk } from "../archives/tree-writer.ts";
import { diversionsOf } from "./diversions.ts";
import { type RootPackage, replaces } from "./root-package.ts";
import { ownFolder } from "../unpack-archive.ts";

/** A path of the merged tree; `owner` is an index into the packages. */
type Node =
	| { readonly kind: "directory" }
	| { readonly kind: "file"; readonly owner: number; readonly source: string }
	| { readonly kind: "link"; readonly owner: number; readonly target: string };

export interface MergedTree {
	/** Every path, as a byte string without leading slash. */
	readonly nodes: ReadonlyMap<string, Node>;
	/** Paths per package, in the order of `packages`, for dpkg's lists. */
	readonly pathsOf: readonly (readonly string[])[];
	/** Paths that share their inode with a package's file, with that file. */
	readonly linked: ReadonlyMap<string, SharedFile>;
}

/** A file of a package as it was when it was linked. */
export interface SharedFile {
	/** Host path; for a name that is not ASCII the bytes. */
	readonly source: string | Buffer;
	readonly size: number;
	/** Milliseconds. */
	readonly modified: number;
}

export interface MergeOptions {
	readonly packages: readonly RootPackage[];
	/** Host folder, existing and empty. */
	readonly root: string;
	/** Called for things that are decided without an error, one line each. */
	readonly onNote: (line: string) => void;
	readonly signal: AbortSignal;
}

/** Rejects with `COMPOSE_CONFLICT`. Gives way to other work between packages. */
export function mergePackages(options: MergeOptions): Promise<MergedTree> {
	return new Merge(options).run();
}

/** Folders whose files scripts and users' copies change: they get inodes of their own. */
const copiedFolders = ["etc/", "var/"];

class Merge {
	readonly #options: MergeOptions;
	readonly #nodes = new Map<string, Node>();
	readonly #linked = new Map<string, SharedFile>();
	readonly #diversions = new Map<number, ReadonlyMap<string, string>>();
	#paths: string[] = [];
	/** The folder of the present package that is not merged. */
	#leaveOut: string = ownFolder;

	constructor(options: MergeOptions) {
		this.#options = options;
	}

	async run(): Promise<MergedTree> {
		const pathsOf: string[][] = [];
		for (const owner of this.#options.packages.keys()) {
			await setImmediate(undefined, { signal: this.#options.signal });
			this.#paths = [];
			this.#leaveOut = emptyButForOurs(this.#package(owner).source);
			this.#mergeFolder(owner, "", "");
			pathsOf.push(this.#paths);
		}
		return { nodes: this.#nodes, pathsOf, linked: this.#linked };
	}

	/** Merges folder `from` of a package into folder `to` of the tree (the same, unless a link to a folder is in between). */
	#mergeFolder(owner: number, from: string, to: string): void {
		const folder = join(this.#package(owner).source, "/");
		const entries = readdirSync(onDisk(folder + from, from), { withFileTypes: true, encoding: "latin1" });
		for (const entry of entries) {
			const inPackage = from === "" ? entry.name : `${from}/${entry.name}`;
			if (inPackage === this.#leaveOut) continue;
			const path = to === "" ? entry.name : `${to}/${entry.name}`;
			if (entry.isDirectory()) {
				const target = this.#folder(owner, path);
				this.#paths.push(path);
				this.#mergeFolder(owner, inPackage, target);
			} else if (entry.isSymbolicLink()) {
				const target = readlinkSync(onDisk(folder + inPackage, inPackage), "latin1");
				this.#place(path, { kind: "link", owner, target });
			} else {
				this.#place(path, { kind: "file", owner, source: folder + inPackage });
			}
		}
	}

	/** Makes the folder, or gives the one that stands for it. */
	#folder(owner: number, path: string): string {
		const node = this.#nodes.get(path);
		if (node === undefined) {
			mkdirSync(this.#host(path), 0o755);
			this.#nodes.set(path, { kind: "directory" });
			return path;
		}
		if (node.kind === "directory") return path;
		const resolved = node.kind === "link" ? this.#resolve(path) : undefined;
		if (resolved !== undefined) return resolved;
		return this.#conflict(path, node.owner, owner);
	}

	/** Where a link leads in the tree so far, if that is a folder. */
	#resolve(path: string): string | undefined {
		let current = path;
		for (let steps = 0; steps < 40; steps++) {
			const node = this.#nodes.get(current);
			if (node?.kind === "directory") return current;
			if (node?.kind !== "link") return undefined;
			const base = node.target.startsWith("/") ? "" : current.slice(0, Math.max(0, current.lastIndexOf("/")));
			const parts: string[] = [];
			for (const part of `${base}/${node.target}`.split("/")) {
				if (part === "..") parts.pop();
				else if (part !== "" && part !== ".") parts.push(part);
			}
			current = parts.join("/");
		}
		return undefined;
	}

	#place(path: string, node: Exclude<Node, { kind: "directory" }>): void {
		const there = this.#nodes.get(path);
		if (there === undefined) {
			this.#make(path, node);
			return;
		}
		if (there.kind === "directory") {
			/* dpkg keeps a folder where a package has a link. */
			if (node.kind === "link") return;
			this.#conflict(path, undefined, node.owner);
		}
		if (this.#same(there, node, path)) {
			this.#paths.push(path);
			return;
		}
		const [old, young] = [this.#package(there.owner), this.#package(node.owner)];
		if (replaces(young, old)) {
			rmSync(this.#host(path));
			this.#make(path, node);
			return;
		}
		if (replaces(old, young)) return;
		const aside = this.#diversion(node.owner, path);
		if (aside !== undefined && !this.#nodes.has(aside)) {
			this.#options.onNote(`${young.name} diverts /${path} of ${old.name} to /${aside}`);
			renameSync(this.#host(path), this.#host(aside));
			this.#nodes.set(aside, there);
			const shared = this.#linked.get(path);
			if (shared !== undefined) this.#linked.set(aside, shared);
			this.#make(path, node);
			return;
		}
		const instead = this.#diversion(there.owner, path);
		if (instead !== undefined && !this.#nodes.has(instead)) {
			this.#options.onNote(`${old.name} diverts /${path} of ${young.name} to /${instead}`);
			this.#make(instead, node);
			return;
		}
		this.#conflict(path, there.owner, node.owner);
	}

	#diversion(owner: number, path: string): string | undefined {
		let diversions = this.#diversions.get(owner);
		if (diversions === undefined) {
			const { control, controlFiles } = this.#package(owner);
			diversions = diversionsOf(controlFiles.has("preinst") ? readFileSync(join(control, "preinst"), "latin1") : "");
			this.#diversions.set(owner, diversions);
		}
		return diversions.get(path);
	}

	#make(path: string, node: Exclude<Node, { kind: "directory" }>): void {
		this.#nodes.set(path, node);
		this.#paths.push(path);
		if (node.kind === "link") {
			symlinkSync(onDisk(node.target), this.#host(path));
			this.#linked.delete(path);
			return;
		}
		const from = onDisk(node.source, node.source.slice(this.#package(node.owner).source.length));
		if (!copiedFolders.some((folder) => path.startsWith(folder)) && this.#link(from, path)) {
			const { size, mtimeMs: modified } = lstatSync(from);
			this.#linked.set(path, { source: from, size, modified });
			return;
		}
		this.#linked.delete(path);
		copyFileSync(from, this.#host(path), constants.COPYFILE_FICLONE);
	}

	/** False where the file system cannot link this file; the caller copies. */
	#link(from: string | Buffer, path: string): boolean {
		try {
			linkSync(from, this.#host(path));
			return true;
		} catch (error) {
			const code = (error as NodeJS.ErrnoException).code ?? "";
			/* Too many links, another file system, links forbidden there. */
			if (["EMLINK", "EXDEV", "EPERM", "EOPNOTSUPP"].includes(code)) return false;
			throw error;
		}
	}

	#same(
		there: Exclude<Node, { kind: "directory" }>,
		node: Exclude<Node, { kind: "directory" }>,
		path: string,
	): boolean {
		if (there.kind === "link" || node.kind === "link") {
			return there.kind === node.kind && "target" in there && "target" in node && there.target === node.target;
		}
		const from = onDisk(node.source, node.source.slice(this.#package(node.owner).source.length));
		const [a, b] = [lstatSync(this.#host(path)), lstatSync(from)];
		if (a.size !== b.size || ((a.mode ^ b.mode) & 0o111) !== 0) return false;
		return readFileSync(this.#host(path)).equals(readFileSync(from));
	}

	#conflict(path: string, first: number | undefined, second: number): never {
		const names = [first, second].flatMap((owner) => (owner === undefined ? [] : [`'${this.#package(owner).name}'`]));
		fail("COMPOSE_CONFLICT", `the packages ${names.join(" and ")} both have /${path}, which they do not share`, {
			hint: "leave one of them out; dpkg would refuse to install them together too",
		});
	}

	#package(owner: number): RootPackage {
		const found = this.#options.packages[owner];
		if (found === undefined) throw new Error(`no package ${owner}`);
		return found;
	}

	#host(path: string): string | Buffer {
		return onDisk(`${this.#options.root}/${path}`, path);
	}
}

/** The topmost folder of a package that has nothing in it but the folder that we added. */
function emptyButForOurs(source: string): string {
	let path = ownFolder;
	for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/")) {
		const above = path.slice(0, slash);
		if (readdirSync(join(source, above)).length > 1) return path;
		path = above;
	}
	return path;
}
