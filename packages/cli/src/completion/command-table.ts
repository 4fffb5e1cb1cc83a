/** The commands as completion needs them, taken from oclif's table. Layer 5. */

import type { Command } from "@oclif/core";

export interface CompletionFlag {
	/** `--limit`, and `-n` where there is a short one. */
	readonly long: string;
	readonly short?: string;
	readonly summary: string;
	readonly takesValue: boolean;
}

export interface CompletionCommand {
	/** Words of the command: `daemon`, `status`. */
	readonly words: readonly string[];
	readonly summary: string;
	readonly flags: readonly CompletionFlag[];
	/** The words that an argument may be; empty where it is free. */
	readonly choices: readonly string[];
	/** The argument is a file. */
	readonly takesFile: boolean;
}

export function commandTable(commands: readonly Command.Loadable[]): readonly CompletionCommand[] {
	return commands
		.filter((command) => !command.hidden)
		.map((command) => ({
			words: command.id.split(":"),
			summary: command.summary ?? "",
			flags: Object.entries(command.flags).map(([name, flag]) => ({
				long: `--${name}`,
				...(flag.char === undefined ? {} : { short: `-${flag.char}` }),
				summary: flag.summary ?? flag.description ?? "",
				takesValue: flag.type === "option",
			})),
			choices: Object.values(command.args).flatMap((argument) => argument.options ?? []),
			takesFile: Object.keys(command.args).includes("file"),
		}))
		.sort((a, b) => (a.words.join(" ") < b.words.join(" ") ? -1 : 1));
}
