/** `devenv store delete`. Layer 5. */

import { Args } from "@oclif/core";
import { formatBytes } from "../../progress/render-progress.ts";
import { findObject, StoreCommand } from "../../store/store-command.ts";

interface DeleteResult {
	readonly deleted: readonly string[];
	readonly bytesFreed: number;
}

export default class StoreDelete extends StoreCommand {
	static override summary = "Delete store objects that nothing keeps";
	static override description =
		"Fails, and says why, where a root keeps one of them or an object that is not named refers to it.";
	static override examples = ["<%= config.bin %> store delete /nix/store/…-data"];
	static override usage = ["store delete PATH..."];
	static override enableJsonFlag = true;
	static override strict = false;
	static override args = { path: Args.string({ description: "objects", required: true }) };

	override async run(): Promise<DeleteResult> {
		const { argv } = await this.parse(StoreDelete);
		const { deleted, bytesFreed } = await this.withStore((store) => {
			const paths = argv.map((each) => findObject(store, String(each)).storePath);
			return store.collectGarbage({ paths });
		}, true);
		this.print(`Freed ${formatBytes(bytesFreed)} in ${deleted.length} store objects.`);
		return { deleted: deleted.map(({ path }) => path), bytesFreed };
	}
}
