/** Compares what is registered with what is there. Layer 2. */

import { DiagnosticError } from "@devenv/diagnostics";
import { bytesFromText, equalHashes, type StorePath } from "@devenv/nix-formats";
import type { Database } from "./database.ts";
import { lstatIfThere } from "./file-tree.ts";
import { hashPaths } from "./hash-pool.ts";
import type { PathTable } from "./path-table.ts";
import type { VerifyFault } from "./store.ts";

/** Objects that are hashed at once. */
const BATCH = 32;

export interface VerifyContext {
	readonly database: Database;
	readonly paths: PathTable;
	readonly physical: (path: StorePath) => string;
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
	for (let at = 0; at < there.length; at += BATCH) {
		const found = await Promise.all(there.slice(at, at + BATCH).map((path) => verifyContents(context, path)));
		faults.push(...found.filter((fault) => fault !== undefined));
	}
	return faults;
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
