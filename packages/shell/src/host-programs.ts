/**
 * Folders of links to the helper, named after host programs: run under such a name, the helper has the host agent run the
 * program (native/host.c). One, last on PATH in a view, has what the root lacks; the other, first, what is setuid. Layer 2.
 */

import { linkSync, mkdirSync, readdirSync, type Stats, statSync, symlinkSync } from "node:fs";
import { helperInView, isHidden } from "./host-tree.ts";

const standardFolders = [
	"/usr/local/sbin",
	"/usr/local/bin",
	"/usr/sbin",
	"/usr/bin",
	"/sbin",
	"/bin",
	"/usr/local/games",
	"/usr/games",
];

/** Folders of host programs that a view hides: the standard ones and those of the caller's PATH; each once. */
export function hostProgramFolders(callerPath: string): string[] {
	const own = callerPath.split(":").filter((each) => each.startsWith("/") && isHidden(each));
	return [...new Set([...own, ...standardFolders])];
}

/**
 * Makes `target` with a link for each program of `hostFolders` whose name is in none of `rootFolders`.
 * Returns how many there are.
 */
export function linkHostPrograms(
	target: string,
	hostFolders: readonly string[],
	rootFolders: readonly string[],
): number {
	const taken = new Set(rootFolders.flatMap(listOr));
	return linkPrograms(target, hostFolders, (name, info) => !taken.has(name) && isProgram(info));
}

/**
 * Makes `target` with a link for each program of the host that is setuid: what the root has under its name cannot be, so
 * that this folder comes first on PATH. For ordinary users only. Returns how many there are.
 */
export function linkSetuidPrograms(target: string, hostFolders: readonly string[]): number {
	return linkPrograms(
		target,
		hostFolders,
		(_, info) => isProgram(info) && (info.mode & 0o4000) !== 0 && info.uid === 0,
	);
}

function linkPrograms(
	target: string,
	folders: readonly string[],
	wants: (name: string, info: Stats) => boolean,
): number {
	const linked = new Set<string>();
	let first: string | undefined;
	mkdirSync(target, { mode: 0o755 });
	for (const folder of folders) {
		for (const name of listOr(folder)) {
			if (linked.has(name)) continue;
			const info = statSync(`${folder}/${name}`, { throwIfNoEntry: false });
			if (info === undefined || !wants(name, info)) continue;
			linked.add(name);
			const link = `${target}/${name}`;
			/* A second name costs less than an inode. */
			if (first === undefined || !giveName(first, link)) symlinkSync(helperInView, link);
			first ??= link;
		}
	}
	return linked.size;
}

/** Makes a second name of a link; false where the file system cannot, or has made enough. */
function giveName(from: string, to: string): boolean {
	try {
		linkSync(from, to);
		return true;
	} catch (error) {
		if (["EMLINK", "EPERM", "EOPNOTSUPP"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
		throw error;
	}
}

function isProgram(info: Stats): boolean {
	return info.isFile() && (info.mode & 0o111) !== 0;
}

function listOr(path: string): string[] {
	try {
		return readdirSync(path);
	} catch {
		return []; // PATH may name folders that are not there
	}
}
