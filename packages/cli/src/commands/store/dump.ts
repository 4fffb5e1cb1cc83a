/** `devenv store dump`. Layer 5. */

import { Args } from "@oclif/core";
import { fail } from "@devenv/diagnostics";
import { writeOutput } from "../../nix-programs/byte-output.ts";
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
			store.dumpNar(findObject(store, args.path).storePath, writeOutput);
		});
	}
}
