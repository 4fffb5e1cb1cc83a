/** `devenv store restore`. Layer 5. */

import { resolve } from "node:path";
import { restoreFiles } from "@devenv/store";
import { Args } from "@oclif/core";
import { readInput } from "../../nix-programs/byte-output.ts";
import { StoreCommand } from "../../store/store-command.ts";

export default class StoreRestore extends StoreCommand {
	static override summary = "Make a file or folder of an archive (NAR) from standard input";
	static override description = "Nothing may be at the path yet. The store is not concerned.";
	static override examples = ["<%= config.bin %> store dump ./result | <%= config.bin %> store restore ./copy"];
	static override args = { path: Args.string({ description: "where it is made", required: true }) };

	override async run(): Promise<void> {
		const { args } = await this.parse(StoreRestore);
		await restoreFiles(resolve(args.path), readInput());
	}
}
