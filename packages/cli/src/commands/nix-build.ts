/** `devenv nix-build`: the drop-in. Layer 5. */

import { DevenvCommand } from "../devenv-command.ts";
import { runNixBuild } from "../nix-build/run-nix-build.ts";

export default class NixBuild extends DevenvCommand {
	static override summary = "The drop-in for nix-build";
	static override description =
		"Takes the arguments of nix-build, such as -A, -E, --arg, --argstr, -I, -o, --no-out-link, --dry-run, -k and -Q. Also runs when the launcher is linked under the name nix-build.";
	static override strict = false;

	override async run(): Promise<void> {
		// Parsing, which oclif insists on, takes the arguments away.
		const argv = [...this.argv];
		await this.parse(NixBuild, []);
		process.exitCode = await runNixBuild(argv);
	}
}
