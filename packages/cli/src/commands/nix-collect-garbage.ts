/** `devenv nix-collect-garbage` in oclif's table, for help and completion; main.ts calls the drop-in itself. Layer 5. */

import { DevenvCommand } from "../devenv-command.ts";

export default class NixCollectGarbage extends DevenvCommand {
	static override summary = "The drop-in for nix-collect-garbage";
	static override description =
		"Takes the arguments of nix-collect-garbage: -d, --delete-older-than, --max-freed, --dry-run. Also runs when the launcher is linked under the name nix-collect-garbage.";
	static override strict = false;

	override async run(): Promise<void> {
		// Parsing, which oclif insists on, takes the arguments away.
		const argv = [...this.argv];
		await this.parse(NixCollectGarbage, []);
		const { main } = await import("../nix-store-main.ts");
		await main(["nix-collect-garbage", ...argv], () => undefined);
	}
}
