/**
 * Folders of links to the helper, named after host programs: run under such a name, the helper has the host agent run the
 * program (native/host.c). One, last on PATH in a view, has what the root lacks; the other, first, what is setuid. Layer 2.
 */

import { mkdirSync, readdirSync, type Stats, statSync, symlinkSync } from "node:fs";
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
	mkdirSync(target, { mode: 0o755 });
	for (const folder of folders) {
		for (const name of listOr(folder)) {
			if (linked.has(name)) continue;
			const info = statSync(`${folder}/${name}`, { throwIfNoEntry: false });
			if (info === undefined || !wants(name, info)) continue;
			linked.add(name);
			symlinkSync(helperInView, `${target}/${name}`);
		}
	}
	return linked.size;
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
