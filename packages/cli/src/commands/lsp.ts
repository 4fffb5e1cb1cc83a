/** `devenv lsp`: the language server for editors. Layer 5. */

import { Flags } from "@oclif/core";
import { DevenvCommand } from "../devenv-command.ts";

export default class Lsp extends DevenvCommand {
	static override summary = "Help editors with .nix files and env.yaml (Language Server Protocol)";
	static override description =
		"Speaks the Language Server Protocol (3.17) on standard input and output; editors start it. It gives diagnostics, completion, hover texts, definitions, references, renaming, outlines and formatting. Expressions are evaluated for completion in a thread with limits of time and memory; nothing is built, fetched or written, and no daemon is started.";
	static override examples = ["<%= config.bin %> lsp"];
	static override flags = {
		stdio: Flags.boolean({ description: "what is done anyway; some editors say it", default: false }),
	};

	override async run(): Promise<void> {
		await this.parse(Lsp);
		const { main } = await import("../lsp-main.ts");
		process.exitCode = await main();
	}
}
