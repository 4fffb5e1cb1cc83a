/** `devenv nix-prefetch-url` in oclif's table, for help and completion; main.ts calls the drop-in itself. Layer 5. */

import { DevenvCommand } from "../devenv-command.ts";

export default class NixPrefetchUrl extends DevenvCommand {
	static override summary = "The drop-in for nix-prefetch-url";
	static override description =
		"Takes the arguments of nix-prefetch-url, such as --type, --unpack, --name, --print-path and -A. Also runs when the launcher is linked under the name nix-prefetch-url.";
	static override strict = false;

	override async run(): Promise<void> {
		// Parsing, which oclif insists on, takes the arguments away.
		const argv = [...this.argv];
		await this.parse(NixPrefetchUrl, []);
		const { main } = await import("../nix-store-main.ts");
		await main(["nix-prefetch-url", ...argv], () => undefined);
	}
}
