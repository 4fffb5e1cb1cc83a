/** `devenv store load-db`. Layer 5. */

import { parseRegistrations } from "@devenv/nix-formats";
import { readWholeInput } from "../../nix-programs/byte-output.ts";
import { StoreCommand } from "../../store/store-command.ts";

export default class StoreLoadDb extends StoreCommand {
	static override summary = "Make objects valid that lie in the store folder already";
	static override description =
		"Reads what `devenv store dump-db` or `nix-store --dump-db` wrote from standard input. Every object is hashed; unless all are as the text says, nothing is registered.";
	static override examples = ["<%= config.bin %> store load-db < registrations"];
	static override enableJsonFlag = true;

	override async run(): Promise<{ readonly objects: number }> {
		await this.parse(StoreLoadDb);
		const objects = await this.withStore(async (store) => {
			const registrations = parseRegistrations(readWholeInput(), { withHashes: true, storeDir: store.storeDir });
			await store.registerValidity(registrations, { reregister: true });
			return registrations.length;
		}, true);
		this.print(`${objects} objects are valid.`);
		return { objects };
	}
}
