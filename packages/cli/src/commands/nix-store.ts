/** `devenv nix-store` in oclif's table, for help and completion; main.ts calls the drop-in itself. Layer 5. */

import { DevenvCommand } from "../devenv-command.ts";

export default class NixStore extends DevenvCommand {
	static override summary = "The drop-in for nix-store";
	static override description =
		"Takes the operations of nix-store: --realise, --query, --gc, --delete, --add, --dump, --export, --verify, --optimise and all others. Also runs when the launcher is linked under the name nix-store.";
	static override strict = false;

	override async run(): Promise<void> {
		// Parsing, which oclif insists on, takes the arguments away.
		const argv = [...this.argv];
		await this.parse(NixStore, []);
		const { main } = await import("../nix-store-main.ts");
		await main(["nix-store", ...argv], () => undefined);
	}
}
