/**
 * The tree of a root: unpacked packages merged, folders made, files hard-linked, `/etc` and `/var` copied. Layer 3.
 *
 * Two packages with the same path: as dpkg decides it. Equal files and folders are shared, Replaces and diversions say whose file
 * stays, a link to a folder and a folder are one folder; anything else is an error that names both packages.
 *
 * Packages come in two lots, before and after the maintainer scripts. What a later package finds that no package brought (scripts
 * made it) gives way to the package's file; folders are shared, and what scripts diverted goes where they said.
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
	type Stats,
	symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { fail, unreachable } from "@devenv/diagnostics";
import { onDisk } from "../archives/tree-writer.ts";
import { diversionsOf, type ScriptDiversion } from "./diversions.ts";
import { type RootPackage, replaces } from "./root-package.ts";
import { ownFolder } from "../unpack-archive.ts";

/** A path of the merged tree; `owner` is an index into the packages, absent where a script or this program made it. */
type Node =
	| { readonly kind: "directory" }
	| { readonly kind: "file"; readonly owner: number; readonly source: string }
	| { readonly kind: "link"; readonly owner: number; readonly source: string; readonly target: string }
	| MadeNode;

/** What lies there by the work of a script, or of this program: a package's file takes its place. */
type MadeNode = { readonly kind: "made-file" } | { readonly kind: "made-link"; readonly target: string };

/** What a package can have beside folders. */
type PackageNode = Extract<Node, { readonly owner: number }>;

/** A file whose inode is shared, as it was when it was linked. */
export interface SharedFile {
	/** Host path; for a name that is not ASCII the bytes. */
	readonly source: string | Buffer;
	readonly size: number;
	/** Milliseconds. */
	readonly modified: number;
}

export interface RootTreeOptions {
	/** Host folder, existing and empty. */
	readonly root: string;
	/** Called for things that are decided without an error, one line each. */
	readonly onNote: (line: string) => void;
	readonly signal: AbortSignal;
}

/** Folders whose files scripts and users' copies change: they get inodes of their own. */
const copiedFolders = ["etc/", "var/"];

/** Whether a file at this path may share its inode. */
export function mayShare(path: string): boolean {
	return !copiedFolders.some((folder) => path.startsWith(folder));
}

export class RootTree {
	/** All packages merged so far. */
	readonly packages: RootPackage[] = [];
	/** Paths per package, as byte strings without leading slash, for dpkg's lists. */
	readonly pathsOf: Map<RootPackage, readonly string[]> = new Map();
	/** Paths that share their inode with a package's file or a kept outcome's, with that file. */
	readonly linked: Map<string, SharedFile> = new Map();
	#options: RootTreeOptions;
	readonly #nodes = new Map<string, Node>();
	readonly #diversions = new Map<number, ReadonlyMap<string, string>>();
	#paths: string[] = [];
	/** The folder of the present package that is not merged. */
	#leaveOut: string = ownFolder;
	/** Set once more than packages can lie in the tree: paths that are not known are looked up on disk. */
	#configured: { readonly diversions: readonly ScriptDiversion[] } | undefined;

	constructor(options: RootTreeOptions) {
		this.#options = options;
	}

	get root(): string {
		return this.#options.root;
	}

	/** Moves the tree to another place on its file system, where nothing is, for someone else to go on with. */
	moveTo(options: RootTreeOptions): void {
		renameSync(this.root, options.root);
		this.#options = options;
	}

	/** How many paths of packages are known. */
	get size(): number {
		return this.#nodes.size;
	}

	/** Adds packages to the tree. Rejects with `COMPOSE_CONFLICT`. Gives way to other work between packages. */
	async merge(packages: readonly RootPackage[]): Promise<void> {
		for (const each of packages) {
			await setImmediate(undefined, { signal: this.#options.signal });
			const owner = this.packages.push(each) - 1;
			this.#paths = [];
			this.#leaveOut = emptyButForOurs(each.source);
			this.#mergeFolder(owner, "", "");
			this.pathsOf.set(each, this.#paths);
		}
	}

	/**
	 * Says that scripts have changed the tree: what they removed or made into something else is no package's any more, and what
	 * they diverted holds for packages merged from now on.
	 * @param suspects paths where that may have happened; without them every path is looked at
	 */
	afterScripts(suspects: readonly string[] | undefined, diversions: readonly ScriptDiversion[]): void {
		this.#configured = { diversions };
		const gone = new Set<string>();
		for (const path of suspects ?? this.#nodes.keys()) {
			const node = this.#nodes.get(path);
			if (node !== undefined && !this.#isStill(path, node)) gone.add(path);
		}
		if (gone.size === 0) return;
		/* A folder comes before what is in it. */
		for (const path of this.#nodes.keys()) {
			if (!gone.has(path) && !gone.has(folderOf(path))) continue;
			gone.add(path);
			this.#nodes.delete(path);
			this.linked.delete(path);
		}
	}

	#isStill(path: string, node: Node): boolean {
		const info = lstatOnWay(this.#host(path));
		switch (node.kind) {
			case "directory":
				return info?.isDirectory() === true;
			case "file":
			case "made-file":
				return info?.isFile() === true;
			case "link":
			case "made-link":
				return info?.isSymbolicLink() === true && readlinkSync(this.#host(path), "latin1") === node.target;
			default:
				return unreachable(node);
		}
	}

	/** Paths of packages' symbolic links, whose inodes may be shared too. */
	*links(): Iterable<readonly [path: string, target: string]> {
		for (const [path, node] of this.#nodes) if (node.kind === "link") yield [path, node.target];
	}

	#at(path: string): Node | undefined {
		const known = this.#nodes.get(path);
		if (known !== undefined || this.#configured === undefined) return known;
		/* Looked up through a link, it could be a file of the host. */
		if (!this.#isFolder(folderOf(path))) return undefined;
		const info = lstatSync(this.#host(path), { throwIfNoEntry: false });
		if (info === undefined) return undefined;
		const node: Node = info.isDirectory()
			? { kind: "directory" }
			: info.isSymbolicLink()
				? { kind: "made-link", target: readlinkSync(this.#host(path), "latin1") }
				: { kind: "made-file" };
		this.#nodes.set(path, node);
		return node;
	}

	#isFolder(path: string): boolean {
		return path === "" || this.#at(path)?.kind === "directory";
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
				this.#place(path, { kind: "link", owner, source: folder + inPackage, target });
			} else {
				this.#place(path, { kind: "file", owner, source: folder + inPackage });
			}
		}
	}

	/** Makes the folder, or gives the one that stands for it. */
	#folder(owner: number, path: string): string {
		const node = this.#at(path);
		if (node?.kind === "directory") return path;
		if (node !== undefined) {
			const resolved = node.kind === "link" || node.kind === "made-link" ? this.#resolve(path) : undefined;
			if (resolved !== undefined) return resolved;
			if ("owner" in node) return this.#conflict(path, node, owner);
			rmSync(this.#host(path));
		}
		mkdirSync(this.#host(path), 0o755);
		this.#nodes.set(path, { kind: "directory" });
		return path;
	}

	/** Where a link leads in the tree so far, if that is a folder. */
	#resolve(path: string): string | undefined {
		let current = path;
		for (let steps = 0; steps < 40; steps++) {
			const node = this.#at(current);
			if (node?.kind === "directory") return current;
			if (node?.kind !== "link" && node?.kind !== "made-link") return undefined;
			const base = node.target.startsWith("/") ? "" : folderOf(current);
			const parts: string[] = [];
			for (const part of `${base}/${node.target}`.split("/")) {
				if (part === "..") parts.pop();
				else if (part !== "" && part !== ".") parts.push(part);
			}
			current = parts.join("/");
		}
		return undefined;
	}

	#place(path: string, node: PackageNode): void {
		const there = this.#at(path);
		if (there === undefined) {
			this.#make(this.#scriptDiversion(node.owner, path), node);
			return;
		}
		if (there.kind === "directory") {
			/* dpkg keeps a folder where a package has a link. */
			if (node.kind === "link") return;
			this.#conflict(path, there, node.owner);
		}
		if (!("owner" in there)) {
			const diverted = this.#scriptDiversion(node.owner, path);
			if (diverted === path) rmSync(this.#host(path));
			this.#make(diverted, node);
			return;
		}
		if (this.#same(there, node)) {
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
		if (aside !== undefined && this.#isFree(aside)) {
			this.#options.onNote(`${young.name} diverts /${path} of ${old.name} to /${aside}`);
			renameSync(this.#host(path), this.#host(aside));
			this.#nodes.set(aside, there);
			const shared = this.linked.get(path);
			if (shared !== undefined) this.linked.set(aside, shared);
			this.#make(path, node);
			return;
		}
		const instead = this.#diversion(there.owner, path);
		if (instead !== undefined && this.#isFree(instead)) {
			this.#options.onNote(`${old.name} diverts /${path} of ${young.name} to /${instead}`);
			this.#make(instead, node);
			return;
		}
		const diverted = this.#scriptDiversion(node.owner, path);
		if (diverted !== path) {
			this.#make(diverted, node);
			return;
		}
		this.#conflict(path, there, node.owner);
	}

	/** Whether a file can be put there: a diversion's target is whatever a script's text says. */
	#isFree(path: string): boolean {
		if (path.split("/").some((part) => part === "" || part === "." || part === "..")) return false;
		return this.#isFolder(folderOf(path)) && this.#at(path) === undefined;
	}

	/** Where a package's file goes by what scripts have diverted: to `path` itself, unless another package diverted it. */
	#scriptDiversion(owner: number, path: string): string {
		const found = this.#configured?.diversions.find((each) => each.path === path);
		if (found === undefined || found.package === this.#package(owner).name) return path;
		if (!this.#isFree(found.target)) this.#conflict(found.target, undefined, owner);
		this.#options.onNote(
			`/${path} of ${this.#package(owner).name} is diverted to /${found.target} by ${found.package ?? "the administrator"}`,
		);
		return found.target;
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

	#make(path: string, node: PackageNode): void {
		this.#nodes.set(path, node);
		this.#paths.push(path);
		const from = this.#source(node);
		if (node.kind === "link") {
			this.linked.delete(path);
			/* A second name costs less than an inode. */
			if (!mayShare(path) || !linkFile(from, this.#host(path))) symlinkSync(onDisk(node.target), this.#host(path));
			return;
		}
		if (mayShare(path) && linkFile(from, this.#host(path))) {
			const { size, mtimeMs: modified } = lstatSync(from);
			this.linked.set(path, { source: from, size, modified });
			return;
		}
		this.linked.delete(path);
		copyFileSync(from, this.#host(path), constants.COPYFILE_FICLONE);
	}

	#same(there: PackageNode, node: PackageNode): boolean {
		if (there.kind === "link" || node.kind === "link") {
			return there.kind === "link" && node.kind === "link" && there.target === node.target;
		}
		const [one, other] = [this.#source(there), this.#source(node)];
		const [a, b] = [lstatSync(one), lstatSync(other)];
		if (a.size !== b.size || ((a.mode ^ b.mode) & 0o111) !== 0) return false;
		return readFileSync(one).equals(readFileSync(other));
	}

	/** @param there what `owner`'s path meets: of another package, or made by a script */
	#conflict(path: string, there: Node | undefined, owner: number): never {
		const own = `'${this.#package(owner).name}'`;
		if (there === undefined || !("owner" in there)) {
			fail("COMPOSE_CONFLICT", `the package ${own} has /${path}, where there is something else already`, {
				hint: "a folder, or what another package's script made, cannot be replaced by a file; leave the package out",
			});
		}
		const names = `'${this.#package(there.owner).name}' and ${own}`;
		fail("COMPOSE_CONFLICT", `the packages ${names} both have /${path}, which they do not share`, {
			hint: "leave one of them out; dpkg would refuse to install them together too",
		});
	}

	#source({ owner, source }: PackageNode): string | Buffer {
		return onDisk(source, source.slice(this.#package(owner).source.length));
	}

	#package(owner: number): RootPackage {
		const found = this.packages[owner];
		if (found === undefined) throw new Error(`no package ${owner}`);
		return found;
	}

	#host(path: string): string | Buffer {
		return onDisk(`${this.root}/${path}`, path);
	}
}

/** Undefined also where a script put a file, or a link that leads nowhere, in the place of a folder on the way. */
function lstatOnWay(path: string | Buffer): Stats | undefined {
	try {
		return lstatSync(path, { throwIfNoEntry: false });
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code === "ENOTDIR" || code === "ELOOP") return undefined;
		throw error;
	}
}

function folderOf(path: string): string {
	return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** Gives a file a second name; false where the file system cannot, and the caller has to copy. */
export function linkFile(from: string | Buffer, to: string | Buffer): boolean {
	try {
		linkSync(from, to);
		return true;
	} catch (error) {
		const code = (error as NodeJS.ErrnoException).code ?? "";
		/* Too many links, another file system, links forbidden there. */
		if (["EMLINK", "EXDEV", "EPERM", "EOPNOTSUPP"].includes(code)) return false;
		throw error;
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
