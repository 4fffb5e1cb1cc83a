/** `devenv store import`. Layer 5. */

import { readInput } from "../../nix-programs/byte-output.ts";
import { StoreCommand } from "../../store/store-command.ts";

export default class StoreImport extends StoreCommand {
	static override summary = "Take store objects from standard input, which `devenv store export` wrote";
	static override description =
		"Prints their paths. Reads what `nix-store --export` writes too. There are no signatures: import only what comes from somebody you trust. Nothing keeps the objects: the next `devenv gc` may delete them.";
	static override examples = ["<%= config.bin %> store import < objects"];
	static override enableJsonFlag = true;

	override async run(): Promise<readonly string[]> {
		await this.parse(StoreImport);
		const paths = await this.withStore((store) => store.importPaths(readInput()), true);
		if (paths.length > 0) this.print(paths.join("\n"));
		return paths;
	}
}
