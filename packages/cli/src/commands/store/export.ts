/** `devenv store export`. Layer 5. */

import { fail } from "@devenv/diagnostics";
import { Args, Flags } from "@oclif/core";
import { writeOutput } from "../../nix-programs/byte-output.ts";
import { findObject, StoreCommand } from "../../store/store-command.ts";

export default class StoreExport extends StoreCommand {
	static override summary = "Write store objects to standard output, for `devenv store import` elsewhere";
	static override description =
		"In the form of `nix-store --export`, which has no signatures: who imports it has to trust where it comes from.";
	static override examples = ["<%= config.bin %> store export --recursive ./result > objects"];
	static override usage = ["store export [--recursive] PATH..."];
	static override strict = false;
	static override args = { path: Args.string({ description: "objects", required: true }) };
	static override flags = {
		recursive: Flags.boolean({ char: "r", description: "with all that they refer to", default: false }),
	};

	override async run(): Promise<void> {
		const { argv, flags } = await this.parse(StoreExport);
		if (process.stdout.isTTY)
			fail("USAGE_INVALID", "a stream is nothing for a terminal", { hint: "write it to a file" });
		await this.withStore((store) => {
			const named = argv.map((each) => findObject(store, String(each)).storePath);
			store.exportPaths(flags.recursive ? store.computeClosure(named) : named, writeOutput);
		});
	}
}
