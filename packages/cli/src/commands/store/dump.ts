/** `devenv store dump`. Layer 5. */

import { writeSync } from "node:fs";
import { Args } from "@oclif/core";
import { fail } from "@devenv/diagnostics";
import { findObject, StoreCommand } from "../../store/store-command.ts";

export default class StoreDump extends StoreCommand {
	static override summary = "Write a store object as an archive (NAR) to standard output";
	static override examples = ["<%= config.bin %> store dump ./result > result.nar"];
	static override args = { path: Args.string({ description: "object", required: true }) };

	override async run(): Promise<void> {
		const { args } = await this.parse(StoreDump);
		if (process.stdout.isTTY)
			fail("USAGE_INVALID", "an archive is nothing for a terminal", { hint: "write it to a file" });
		await this.withStore((store) => {
			store.dumpNar(findObject(store, args.path).storePath, (piece) => {
				for (let at = 0; at < piece.length; ) at += writeAll(piece.subarray(at));
			});
		});
	}
}

/** A pipe that is full makes writing wait. */
function writeAll(piece: Uint8Array): number {
	try {
		return writeSync(process.stdout.fd, piece);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
		Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
		return 0;
	}
}
