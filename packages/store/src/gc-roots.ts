/**
 * Permanent roots in Nix's form: symlinks to store paths in `gcroots` and `profiles`, at any depth; and indirect
 * ones, links in `gcroots/auto` to a link elsewhere, which count as long as that is there. Layer 2.
 */

import { lstatSync, mkdirSync, readdirSync, readlinkSync, renameSync, symlinkSync, unlinkSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fail } from "@devenv/diagnostics";
import { encodeBase32, hashBytes, isStorePath, splitStorePath, type StorePath } from "@devenv/nix-formats";
import { hasCode } from "./store-failure.ts";
import type { GcRoot } from "./store.ts";
import type { StoreLayout } from "./store-layout.ts";

/** Makes `link`, outside the store, point to the path, in one step where it exists already. */
export function writeRootLink(layout: StoreLayout, link: string, path: StorePath): void {
	const file = resolve(link);
	if (splitStorePath(file, layout.storeFolder) !== undefined) {
		fail("STORE_ROOT_LINK", `a root's link cannot lie in the store itself: ${file}`);
	}
	const existing = lstatSync(file, { throwIfNoEntry: false });
	if (existing !== undefined && !existing.isSymbolicLink()) {
		fail("STORE_ROOT_LINK", `cannot make the root ${file}: something that is not a link is there`, {
			hint: "move it away, or choose another name",
		});
	}
	mkdirSync(dirname(file), { recursive: true });
	replaceLink(file, path);
}

/** Records a link as an indirect root. */
export function writeIndirectRoot(layout: StoreLayout, link: string): void {
	const file = resolve(link);
	const name = encodeBase32(hashBytes("sha1", Buffer.from(file)).bytes);
	replaceLink(`${layout.gcRoots}/auto/${name}`, file);
}

/** All permanent roots. Indirect ones whose link is gone are removed with `prune`. */
export function readGcRoots(layout: StoreLayout, options: { readonly prune: boolean }): GcRoot[] {
	const roots: GcRoot[] = [];
	const visit = (folder: string): void => {
		for (const entry of entriesOf(folder)) {
			const file = `${folder}/${entry.name}`;
			if (entry.isDirectory()) visit(file);
			else if (entry.isSymbolicLink()) addLink(layout, file, roots, options.prune);
			else if (entry.isFile()) {
				// A file named as a store path keeps that.
				const path = `${layout.storeDir}/${entry.name}`;
				if (isStorePath(path, layout.storeDir)) roots.push({ link: file, path });
			}
		}
	};
	visit(layout.gcRoots);
	visit(layout.profiles);
	return roots;
}

function addLink(layout: StoreLayout, link: string, roots: GcRoot[], prune: boolean): void {
	const target = targetOf(link);
	if (target === undefined) return;
	const direct = inStore(layout, target);
	if (direct !== undefined) {
		roots.push({ link, path: direct });
		return;
	}
	const absolute = resolve(dirname(link), target);
	const further = targetOf(absolute);
	if (further !== undefined) {
		const path = inStore(layout, resolve(dirname(absolute), further));
		if (path !== undefined) roots.push({ link: absolute, path });
	} else if (prune && dirname(link) === `${layout.gcRoots}/auto` && isGone(absolute)) {
		unlinkIfThere(link);
	}
}

/** A link may name the store's logical or its physical folder. */
function inStore(layout: StoreLayout, target: string): StorePath | undefined {
	const logical = splitStorePath(target, layout.storeDir)?.storePath;
	if (logical !== undefined) return logical;
	const physical = splitStorePath(target, layout.storeFolder)?.storePath;
	if (physical === undefined) return undefined;
	const path = layout.storeDir + physical.slice(layout.storeFolder.length);
	return isStorePath(path, layout.storeDir) ? path : undefined;
}

/** Undefined when it is no symlink, or not there. */
function targetOf(link: string): string | undefined {
	try {
		return readlinkSync(link);
	} catch (error) {
		if (hasCode(error, "ENOENT", "EINVAL", "ENOTDIR", "EACCES")) return undefined;
		throw error;
	}
}

/** Surely gone: what cannot be looked at counts as there. */
function isGone(file: string): boolean {
	try {
		return lstatSync(file, { throwIfNoEntry: false }) === undefined;
	} catch (error) {
		return hasCode(error, "ENOTDIR");
	}
}

function entriesOf(folder: string): import("node:fs").Dirent[] {
	try {
		return readdirSync(folder, { withFileTypes: true });
	} catch (error) {
		if (hasCode(error, "ENOENT")) return [];
		throw error;
	}
}

function replaceLink(file: string, target: string): void {
	const temporary = `${file}.${process.pid}.new`;
	unlinkIfThere(temporary);
	symlinkSync(target, temporary);
	renameSync(temporary, file);
}

function unlinkIfThere(file: string): void {
	try {
		unlinkSync(file);
	} catch (error) {
		if (!hasCode(error, "ENOENT")) throw error;
	}
}
