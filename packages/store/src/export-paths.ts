/** Store objects as the stream of `nix-store --export`. Layer 2. */

import { createHash } from "node:crypto";
import { fail } from "@devenv/diagnostics";
import {
	bytesFromText,
	equalHashes,
	EXPORT_END,
	EXPORT_OBJECT,
	formatExportedObject,
	formatHash,
	type Hash,
	type NarSink,
	type StorePath,
} from "@devenv/nix-formats";
import { closureOf } from "./closure.ts";
import { dumpTree } from "./nar-dump.ts";
import type { PathInfo } from "./store.ts";
import { translateFailures } from "./store-failure.ts";

export interface ExportContext {
	/** Fails with `STORE_PATH_NOT_VALID`. */
	readonly pathInfo: (path: StorePath) => PathInfo;
	readonly physical: (path: StorePath) => string;
}

/**
 * Writes these objects, and no others: what one of them refers to comes before it. Fails with `STORE_MODIFIED` on one whose
 * contents are not what was registered; the stream is of no use then.
 */
export function exportPaths(context: ExportContext, paths: Iterable<StorePath>, sink: NarSink): void {
	for (const path of referencesFirst(paths, (each) => context.pathInfo(each).references)) {
		const { narHash, references, deriver } = context.pathInfo(path);
		const hash = createHash("sha256");
		sink(EXPORT_OBJECT);
		translateFailures(`export ${path}`, () =>
			dumpTree(bytesFromText(context.physical(path)), (piece) => {
				hash.update(piece);
				sink(piece);
			}),
		);
		const found: Hash = { algo: "sha256", bytes: hash.digest() };
		if (!equalHashes(found, narHash)) {
			const [was, is] = [formatHash(narHash, "base32"), formatHash(found, "base32")];
			fail("STORE_MODIFIED", `hash of path '${path}' has changed from 'sha256:${was}' to 'sha256:${is}'!`, {
				hint: "`devenv store verify --check-contents --repair` makes it anew",
			});
		}
		sink(formatExportedObject({ path, references, deriver }));
	}
	sink(EXPORT_END);
}

/** These paths in Nix's order: sorted, but each after those of them that it refers to. */
export function referencesFirst(
	paths: Iterable<StorePath>,
	referencesOf: (path: StorePath) => readonly StorePath[],
): StorePath[] {
	const among = new Set(paths);
	return closureOf([...among].sort(), (path) => referencesOf(path).filter((each) => among.has(each)));
}
