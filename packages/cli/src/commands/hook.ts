/** `devenv hook`: text for a shell's startup file, by which cd enters and leaves projects. Layer 5. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fail } from "@devenv/diagnostics";
import { quoteForFish, quoteForNu, quoteForSh } from "@devenv/shell";
import { Args, Flags } from "@oclif/core";
import { DevenvCommand } from "../devenv-command.ts";
import { installationRoot } from "../installation.ts";

const shells = ["bash", "zsh", "fish", "nu", "direnv"] as const;

export default class Hook extends DevenvCommand {
	static override summary = "Print what makes a shell enter projects on cd";
	static override description = [
		"With the text in your shell's startup file, going into the folder of an allowed project (`devenv allow`) opens its shell there, and going out of it leaves that again; `exit` leaves it and stays outside until the next time. A project that is not allowed gets one line, and nothing of it is run.",
		"With --shims your shell stays itself: it gets the project's variables, and launchers of its programs come first on PATH, until you leave.",
		"`direnv` prints the function behind `use devenv` in an .envrc.",
	].join("\n\n");
	static override examples = [
		{ description: "bash, in ~/.bashrc", command: 'eval "$(<%= config.bin %> hook bash)"' },
		{ description: "zsh, in ~/.zshrc", command: 'eval "$(<%= config.bin %> hook zsh)"' },
		{ description: "fish, in ~/.config/fish/config.fish", command: "<%= config.bin %> hook fish | source" },
		{
			description: "nushell, once",
			command: '<%= config.bin %> hook nu | save --force ($nu.data-dir | path join "vendor/autoload/devenv.nu")',
		},
		{ description: "direnv", command: "<%= config.bin %> hook direnv > ~/.config/direnv/lib/devenv.sh" },
	];
	static override args = { shell: Args.string({ description: "the shell", options: [...shells], required: true }) };
	static override flags = {
		shims: Flags.boolean({ description: "variables and launchers instead of a shell of its own", default: false }),
	};

	override async run(): Promise<void> {
		const { args, flags } = await this.parse(Hook);
		const shell = shells.find((each) => each === args.shell) ?? "bash";
		if (shell === "direnv" && flags.shims) {
			fail("USAGE_INVALID", "--shims is for shells", { hint: "`use devenv` works by shims in any case" });
		}
		if (shell === "nu" && flags.shims) {
			fail("USAGE_INVALID", "nushell takes no --shims", { hint: "without it, cd opens a shell of the project's own" });
		}
		const root = installationRoot();
		const launcher = join(root, "scripts/devenv");
		const first =
			shell === "nu"
				? `const __devenv_launcher = ${quoteForNu(launcher)}`
				: shell === "fish"
					? `set -g __devenv_launcher ${quoteForFish(launcher)}`
					: `__devenv_launcher=${quoteForSh(launcher)}`;
		// Written by the install step; the launcher prints it too, without this program's start (scripts/devenv).
		const text = readFileSync(join(root, `build/hooks/${shell}-${flags.shims ? "shims" : "view"}`), "utf8");
		this.print(`${first}\n${text}`);
	}
}
