/** Compares what is registered with what is there. Layer 2. */

import { DiagnosticError } from "@devenv/diagnostics";
import { bytesFromText, equalHashes, textFromBytes, type StorePath } from "@devenv/nix-formats";
import { closureOf } from "./closure.ts";
import type { Database } from "./database.ts";
import { lstatIfThere } from "./file-tree.ts";
import { hashPaths } from "./hash-pool.ts";
import { linkName, linkNames } from "./optimise.ts";
import type { PathTable } from "./path-table.ts";
import type { VerifyFault } from "./store.ts";

/** Objects that are hashed at once. */
const BATCH = 32;

export interface VerifyContext {
	readonly database: Database;
	readonly paths: PathTable;
	readonly physical: (path: StorePath) => string;
	/** Physical folder of the files that objects share. */
	readonly links: string;
}

/** Finds what is wrong with the store; an empty list is a sound one. */
export async function verifyStore(context: VerifyContext, checkContents: boolean): Promise<VerifyFault[]> {
	const { database, paths, physical } = context;
	const faults: VerifyFault[] = [];
	for (const row of database.all(checkContents ? "pragma integrity_check" : "pragma quick_check")) {
		const reason = Object.values(row)[0];
		if (reason !== "ok") faults.push({ kind: "database", reason: String(reason) });
	}
	const there: StorePath[] = [];
	for (const path of paths.all()) {
		if (lstatIfThere(bytesFromText(physical(path))) === undefined) faults.push({ kind: "missing", path });
		else there.push(path);
	}
	if (!checkContents) return faults;
	faults.push(...verifyLinks(context));
	for (let at = 0; at < there.length; at += BATCH) {
		const found = await Promise.all(there.slice(at, at + BATCH).map((path) => verifyContents(context, path)));
		faults.push(...found.filter((fault) => fault !== undefined));
	}
	return faults;
}

/** Files that objects share (see {@link ./optimise.ts}), which are named after their contents. */
function verifyLinks({ links }: VerifyContext): VerifyFault[] {
	const folder = bytesFromText(links);
	return linkNames(folder).flatMap((name): VerifyFault[] => {
		const file = `${folder}/${name}`;
		const found = linkName(file);
		return found === name ? [] : [{ kind: "link", file: textFromBytes(file), found }];
	});
}

async function verifyContents(context: VerifyContext, path: StorePath): Promise<VerifyFault | undefined> {
	const expected = context.paths.info(path)?.narHash;
	if (expected === undefined) return undefined;
	try {
		const [digest] = await hashPaths([{ path: context.physical(path) }]);
		if (digest === undefined || equalHashes(digest.narHash, expected)) return undefined;
		return { kind: "modified", path, expected, found: digest.narHash };
	} catch (error) {
		if (!(error instanceof DiagnosticError)) throw error;
		return { kind: "unreadable", path, reason: error.message };
	}
}

/** Forgets what is not there, referrers first; what something that is there refers to stays. Gives what was forgotten. */
export function forgetMissing({ database, paths, physical }: Omit<VerifyContext, "links">): StorePath[] {
	const graph = paths.graph();
	const isThere = (path: StorePath): boolean => lstatIfThere(bytesFromText(physical(path))) !== undefined;
	const missing = [...graph.keys()].filter((path) => !isThere(path)).sort();
	const candidates = new Set(missing);
	const order = closureOf(missing, (path) => (graph.get(path) ?? []).filter((each) => candidates.has(each))).reverse();
	return order.filter((path) =>
		database.transaction(() => {
			// Another process may have brought it back.
			if (isThere(path) || paths.hasReferrers(path)) return false;
			paths.remove(path);
			return true;
		}),
	);
}
