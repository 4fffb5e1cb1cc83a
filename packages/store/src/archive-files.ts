/** Files and folders anywhere as NARs, and back. Layer 2. No store is concerned. */

import { bytesFromText, NarParser } from "@devenv/nix-formats";
import { fail } from "@devenv/diagnostics";
import { deleteTree, lstatIfThere } from "./file-tree.ts";
import { dumpTree } from "./nar-dump.ts";
import { NarRestorer } from "./nar-restore.ts";
import { translateFailure, translateFailures } from "./store-failure.ts";

/** Hands the NAR of a file or folder over, piece by piece; a piece is valid during the call only. */
export function dumpFiles(path: string, sink: (piece: Uint8Array) => void): void {
	translateFailures(`read ${path}`, () => dumpTree(bytesFromText(path), sink));
}

/** Writes what a NAR holds at a path where nothing may be. Of an archive that turns out not to be one, nothing stays. */
export async function restoreFiles(path: string, nar: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
	const place = bytesFromText(path);
	if (lstatIfThere(place) !== undefined) {
		fail("STORE_RESTORE_PLACE", `cannot restore to ${path}: something is there already`, {
			hint: "move it away, or choose another place",
		});
	}
	const restorer = new NarRestorer(place, { canonical: false });
	const parser = new NarParser((event) => {
		restorer.write(event);
	});
	try {
		for await (const piece of nar) {
			parser.pushPart(piece);
			// As in Nix, what follows is left to who reads next.
			if (parser.done) break;
		}
		parser.finish();
	} catch (error) {
		restorer.abandon();
		deleteTree(place);
		throw translateFailure(`restore ${path}`, error);
	}
}
