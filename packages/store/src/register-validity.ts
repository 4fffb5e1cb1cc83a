/**
 * Objects that lie in the store folder already are made valid: by a dump of the database, or by who put them there. Layer 2.
 *
 * Each is hashed, as everything is before it becomes valid; a hash and size that are given must agree.
 */

import { readFileSync } from "node:fs";
import { fail } from "@devenv/diagnostics";
import {
	bytesFromText,
	equalHashes,
	formatHash,
	isDrvPath,
	type Derivation,
	type DrvPath,
	type StorePath,
	type ValidityRegistration,
} from "@devenv/nix-formats";
import { closureOf } from "./closure.ts";
import type { Database } from "./database.ts";
import { canonicalise, canonicaliseLink, lstatIfThere } from "./file-tree.ts";
import { hashPaths } from "./hash-pool.ts";
import type { PathTable } from "./path-table.ts";
import { failHash } from "./register-outputs.ts";
import type { PathInfo, RegisterOptions } from "./store.ts";

/** Objects that are hashed at once. */
const BATCH = 32;

export interface ValidityContext {
	readonly database: Database;
	readonly paths: PathTable;
	readonly storeDir: string;
	readonly physical: (path: StorePath) => string;
	readonly addTempRoot: (path: StorePath) => void;
	/** Reads a derivation whose inputs are valid, and fails unless its output paths are those that follow from the rest of it. */
	readonly derivation: (path: DrvPath, text: string) => Derivation;
}

/** Registers all or none. */
export async function registerValidity(
	context: ValidityContext,
	registrations: readonly ValidityRegistration[],
	{ reregister = false }: RegisterOptions,
): Promise<void> {
	const byPath = new Map(registrations.map((each) => [each.path, each]));
	for (const path of byPath.keys()) context.addTempRoot(path);
	const wanted = [...byPath.values()].filter(({ path }) => reregister || !context.paths.isValid(path));
	const infos: PathInfo[] = [];
	for (let at = 0; at < wanted.length; at += BATCH) {
		infos.push(...(await Promise.all(wanted.slice(at, at + BATCH).map((each) => infoOf(context, each)))));
	}
	const { database, paths } = context;
	database.transaction(() => {
		const fresh = infos.filter(({ path }) => !paths.isValid(path));
		const known = infos.filter(({ path }) => paths.isValid(path));
		paths.insert(fresh);
		for (const info of known) paths.update(info);
		requireNoCycle(infos);
		for (const { path } of infos) {
			if (!isDrvPath(path, context.storeDir)) continue;
			const { outputs } = context.derivation(path, readFileSync(context.physical(path), "latin1"));
			paths.insertOutputs(
				path,
				[...outputs].flatMap(([name, output]) => (output.path === "" ? [] : [[name, output.path] as const])),
			);
		}
	});
}

async function infoOf(context: ValidityContext, registration: ValidityRegistration): Promise<PathInfo> {
	const { path, nar, deriver, references } = registration;
	const physical = context.physical(path);
	const place = bytesFromText(physical);
	const stats = lstatIfThere(place);
	if (stats === undefined) {
		fail("STORE_FILE_MISSING", `cannot register ${path}: there is no such file`, {
			hint: "put the object into the store folder first",
		});
	}
	const [digest] = await hashPaths([{ path: physical, canonicalise: true }]);
	if (digest === undefined) throw new Error(`no digest of ${path}`);
	if (stats.isSymbolicLink()) canonicaliseLink(place, stats);
	else canonicalise(place, lstatIfThere(place) ?? stats);
	if (nar !== undefined && !(equalHashes(nar.hash, digest.narHash) && nar.size === digest.narSize)) {
		failHash(path, formatHash(nar.hash, "sri"), formatHash(digest.narHash, "sri"));
	}
	const before = context.paths.info(path);
	return {
		path,
		narHash: digest.narHash,
		narSize: digest.narSize,
		references: [...new Set(references)].sort(),
		deriver,
		registrationTime: before?.registrationTime ?? Math.floor(Date.now() / 1000),
		ultimate: before?.ultimate ?? false,
		signatures: before?.signatures ?? [],
		contentAddress: before?.contentAddress,
	};
}

/** Fails with `STORE_CYCLE`. */
function requireNoCycle(infos: readonly PathInfo[]): void {
	const references = new Map(infos.map((info) => [info.path, info.references]));
	const done = new Set<StorePath>();
	const order = closureOf(references.keys(), (path) => references.get(path) ?? []);
	for (const path of order) {
		const open = references.get(path)?.find((each) => each !== path && references.has(each) && !done.has(each));
		if (open !== undefined)
			fail("STORE_CYCLE", `${path} and ${open} refer to one another, of which no store can hold both`);
		done.add(path);
	}
}
