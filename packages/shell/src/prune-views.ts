/**
 * Removes composed view folders that nothing uses: a change of the host's files or of the environment makes a new one each
 * time. In use is what a stamp names and what a process has mounted; what was just composed may not be named yet. Takes a while
 * where there are many processes. Layer 2.
 */

import { readdirSync, readFileSync, readlinkSync, rmSync, statSync } from "node:fs";
import { readStamp } from "./stamp-file.ts";

/** So many folders are not worth looking for users. */
const unnoticed = 8;

/** Milliseconds after which a composed folder is named by a stamp, if ever. */
const stamped = 60_000;

const keyPattern = /^[0-9a-f]{32}$/;

/** Removes unused folders below `<state>/views`; gives the names of those removed. */
export function pruneViews(state: string, processes: string = "/proc"): string[] {
	for (const name of listOr(`${state}/views`))
		if (isAbandoned(`${state}/views/${name}`)) remove(`${state}/views/${name}`);
	const keys = listOr(`${state}/views`).filter((name) => keyPattern.test(name));
	if (keys.length <= unnoticed) return [];
	const used = new Set([...stampedViews(state), ...mountedViews(processes)]);
	const unused = keys.filter((key) => !used.has(key) && isOlder(`${state}/views/${key}`, stamped));
	for (const key of unused) remove(`${state}/views/${key}`);
	return unused;
}

/** A folder that was never finished, by a process that must have ended long ago. */
function isAbandoned(path: string): boolean {
	return /\/[0-9a-f]{32}\.\w{6}$/.test(path) && isOlder(path, 3_600_000);
}

function isOlder(path: string, milliseconds: number): boolean {
	const info = statSync(path, { throwIfNoEntry: false });
	return info !== undefined && info.mtimeMs < Date.now() - milliseconds;
}

function remove(path: string): void {
	rmSync(path, { recursive: true, force: true });
}

function stampedViews(state: string): string[] {
	return listOr(`${state}/stamps`).flatMap((name) => {
		try {
			return viewKeys(readStamp(`${state}/stamps/${name}`).view?.etc ?? "");
		} catch {
			return []; // a damaged stamp is used by nobody
		}
	});
}

function mountedViews(processes: string): string[] {
	const ids = listOr(processes).filter((name) => /^\d+$/.test(name));
	/** Mount namespaces that were looked at: processes of one see the same. */
	const seen = new Set<string>();
	return ids.flatMap((id) => {
		try {
			const namespace = readlinkSync(`${processes}/${id}/ns/mnt`);
			if (seen.has(namespace)) return [];
			seen.add(namespace);
			return viewKeys(readFileSync(`${processes}/${id}/mountinfo`, "utf8"));
		} catch {
			return []; // ended meanwhile, or another user's, who has folders of his own
		}
	});
}

function viewKeys(text: string): string[] {
	return [...text.matchAll(/\/views\/([0-9a-f]{32})\/etc(?![^\s])/g)].map((match) => match[1] ?? "");
}

function listOr(path: string): string[] {
	try {
		return readdirSync(path);
	} catch {
		return []; // nothing was ever made
	}
}
