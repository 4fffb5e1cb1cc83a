/** `devenv nix-copy-closure` in oclif's table, for help and completion; main.ts calls the drop-in itself. Layer 5. */

import { DevenvCommand } from "../devenv-command.ts";

export default class NixCopyClosure extends DevenvCommand {
	static override summary = "The drop-in for nix-copy-closure";
	static override description =
		"Takes the arguments of nix-copy-closure, such as --to, --from, --include-outputs and --use-substitutes. Also runs when the launcher is linked under the name nix-copy-closure.";
	static override strict = false;

	override async run(): Promise<void> {
		// Parsing, which oclif insists on, takes the arguments away.
		const argv = [...this.argv];
		await this.parse(NixCopyClosure, []);
		const { main } = await import("../nix-store-main.ts");
		await main(["nix-copy-closure", ...argv], () => undefined);
	}
}
