/** `devenv completion`: a script that teaches a shell to complete devenv's commands. Layer 5. */

import { Args } from "@oclif/core";
import { commandTable } from "../completion/command-table.ts";
import { completionScripts, type CompletionShell } from "../completion/completion-script.ts";
import { DevenvCommand } from "../devenv-command.ts";

const shells: readonly CompletionShell[] = ["bash", "zsh", "fish"];

export default class Completion extends DevenvCommand {
	static override summary = "Print a completion script for a shell";
	static override examples = [
		{ description: "bash, in ~/.bashrc", command: 'eval "$(<%= config.bin %> completion bash)"' },
		{ description: "zsh, in ~/.zshrc after compinit", command: 'eval "$(<%= config.bin %> completion zsh)"' },
		{ description: "fish", command: "<%= config.bin %> completion fish > ~/.config/fish/completions/devenv.fish" },
	];
	static override args = { shell: Args.string({ description: "the shell", options: [...shells], required: true }) };

	override async run(): Promise<void> {
		const { args } = await this.parse(Completion);
		const shell = shells.find((each) => each === args.shell) ?? "bash";
		this.print(completionScripts[shell](commandTable(this.config.commands)));
	}
}
