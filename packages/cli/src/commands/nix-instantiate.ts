/** `devenv nix-instantiate` in oclif's table, for help and completion; main.ts calls the drop-in itself. Layer 5. */

import { DevenvCommand } from "../devenv-command.ts";

export default class NixInstantiate extends DevenvCommand {
	static override summary = "The drop-in for nix-instantiate";
	static override description =
		"Takes the arguments of nix-instantiate, such as --eval, --strict, --parse, --json, --xml, -A, -E, --arg, --argstr, -I, --readonly-mode and --show-trace. Also runs when the launcher is linked under the name nix-instantiate.";
	static override strict = false;

	override async run(): Promise<void> {
		// Parsing, which oclif insists on, takes the arguments away.
		const argv = [...this.argv];
		await this.parse(NixInstantiate, []);
		const { main } = await import("../nix-instantiate-main.ts");
		await main(argv, () => undefined);
	}
}
