/**
 * Space that is kept for collecting garbage: where the disk has not one byte free, nothing else could be written down either.
 * Layer 2. It is Nix's `db/reserved`, a file that goes before a collection and comes back after it.
 */

import { closeSync, lstatSync, openSync, rmSync, writeSync } from "node:fs";
import { hasCode } from "./store-failure.ts";
import type { StoreLayout } from "./store-layout.ts";

const PIECE = 1 << 20;

/** Makes the file where it is not there with that size; where there is no space for it, there is none. */
export function keepReserve({ reserve }: StoreLayout, size: number): void {
	if (lstatSync(reserve, { throwIfNoEntry: false })?.size === size) return;
	releaseReserve({ reserve });
	if (size === 0) return;
	// Not zeros, which some file systems would not store.
	const piece = Buffer.alloc(Math.min(PIECE, size), "X");
	const file = openSync(reserve, "wx", 0o600);
	try {
		for (let left = size; left > 0; ) left -= writeSync(file, piece, 0, Math.min(piece.length, left));
	} catch (error) {
		if (!hasCode(error, "ENOSPC", "EDQUOT")) throw error;
		releaseReserve({ reserve });
	} finally {
		closeSync(file);
	}
}

export function releaseReserve({ reserve }: Pick<StoreLayout, "reserve">): void {
	rmSync(reserve, { force: true });
}
