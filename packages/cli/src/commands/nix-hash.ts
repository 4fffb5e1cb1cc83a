/** `devenv nix-hash` in oclif's table, for help and completion; main.ts calls the drop-in itself. Layer 5. */

import { DevenvCommand } from "../devenv-command.ts";

export default class NixHash extends DevenvCommand {
	static override summary = "The drop-in for nix-hash";
	static override description =
		"Takes the arguments of nix-hash, such as --flat, --type, --base32 and --to-sri. Also runs when the launcher is linked under the name nix-hash.";
	static override strict = false;

	override async run(): Promise<void> {
		// Parsing, which oclif insists on, takes the arguments away.
		const argv = [...this.argv];
		await this.parse(NixHash, []);
		const { main } = await import("../nix-store-main.ts");
		await main(["nix-hash", ...argv], () => undefined);
	}
}
