/** `devenv store dump-db`. Layer 5. */

import { Args } from "@oclif/core";
import { writeText } from "../../nix-programs/byte-output.ts";
import { registrationsOf } from "../../nix-store/store-archives.ts";
import { findObject, StoreCommand } from "../../store/store-command.ts";

export default class StoreDumpDb extends StoreCommand {
	static override summary = "Write what the database knows of all objects, or of some";
	static override description = "In the form of `nix-store --dump-db`; `devenv store load-db` reads it.";
	static override examples = ["<%= config.bin %> store dump-db > registrations"];
	static override usage = ["store dump-db [PATH...]"];
	static override strict = false;
	static override args = { path: Args.string({ description: "objects; default: all" }) };

	override async run(): Promise<void> {
		const { argv } = await this.parse(StoreDumpDb);
		await this.withStore((store) => {
			const named = argv.map((each) => findObject(store, String(each)).storePath);
			writeText(registrationsOf(store, named.length > 0 ? named : store.queryAllValidPaths()));
		});
	}
}
