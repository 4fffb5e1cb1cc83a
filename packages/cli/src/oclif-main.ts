/** All commands but the fast ones, through oclif. Layer 5. */

import { fail, nearestNames } from "@devenv/diagnostics";
import { Config, run } from "@oclif/core";
import { addAccountVariables } from "./account-variables.ts";
import { commands } from "./commands.ts";
import { fromOclif } from "./devenv-command.ts";
import { VERSION } from "./installation.ts";
import { RootHelp } from "./root-help.ts";
import { endWithReader, runToExit } from "./run-to-exit.ts";

export { commands, RootHelp };

/** Name of the module that oclif loads the table from: this one, from source or from the bundle. */
const target = import.meta.filename.endsWith(".ts") ? "./oclif-main.ts" : "./oclif-main.cjs";

/** Runs the command line without the program's name. */
export async function main(args: readonly string[]): Promise<void> {
	const argv = args[0] === "help" ? [...args.slice(1), "--help"] : args;
	if (argv[0] !== "shell") endWithReader();
	await runToExit(async () => {
		checkCommand(argv);
		try {
			addAccountVariables();
			const config = await Config.load({ root: import.meta.dirname, pjson });
			if (argv[0] === "--version" || argv[0] === "-V") {
				process.stdout.write(`devenv ${VERSION}\n`);
				return 0;
			}
			await run([...argv], config);
		} catch (error) {
			if (isExit(error)) return error.oclif.exit;
			throw fromOclif(error, argv[0]?.startsWith("-") === false ? argv[0] : undefined);
		}
		return Number(process.exitCode ?? 0);
	});
}

const pjson = {
	name: "devenv",
	version: VERSION,
	description: "A declarative, pinned, reproducible shell for a project, from one file: env.yaml.",
	oclif: {
		bin: "devenv",
		dirname: "devenv",
		topicSeparator: " " as const,
		commands: { strategy: "explicit" as const, target, identifier: "commands" },
		topics: {
			daemon: { description: "See and end the background process" },
			store: { description: "Look into the store" },
		},
		additionalHelpFlags: ["-h"],
		helpClass: { target, identifier: "RootHelp" },
		helpOptions: { flagSortOrder: "none" as const, maxWidth: 100, hideCommandSummaryInDescription: true },
	},
};

/** Refuses a command that does not exist, with the nearest names. */
function checkCommand(argv: readonly string[]): void {
	const [first, second] = argv;
	if (first === undefined || ["--help", "-h", "--version", "-V"].includes(first)) return;
	if (first === "--trace") {
		fail("USAGE_INVALID", "--trace wants a file to write and a command to trace", {
			hint: "for example `devenv --trace trace.json shell -- true`; ui.perfetto.dev shows the file",
		});
	}
	if (first.startsWith("-")) {
		fail("USAGE_INVALID", `there is no option '${first}' before the command`, {
			hint: "`devenv --help` lists the commands",
		});
	}
	const ids = Object.keys(commands);
	const topic = ids.filter((id) => id.startsWith(`${first}:`)).map((id) => id.slice(first.length + 1));
	if (ids.includes(first) || (topic.length > 0 && (second === undefined || second.startsWith("-")))) return;
	if (topic.length > 0) {
		if (!topic.includes(second ?? "")) refuse(`${first} ${second ?? ""}`, second ?? "", topic, `${first} `);
		return;
	}
	refuse(first, first, [...new Set(ids.map((id) => id.split(":")[0] ?? id))], "");
}

function refuse(shown: string, word: string, known: readonly string[], prefix: string): never {
	const near = nearestNames(word, known, { limit: Math.max(2, Math.floor(word.length / 3)), most: 1 })[0];
	return fail("USAGE_UNKNOWN_COMMAND", `there is no command '${shown}'`, {
		hint:
			near === undefined
				? `commands: ${known.map((each) => `${prefix}${each}`).join(", ")}`
				: `did you mean 'devenv ${prefix}${near}'?`,
	});
}

function isExit(error: unknown): error is { readonly oclif: { readonly exit: number } } {
	return error instanceof Error && (error as { readonly code?: unknown }).code === "EEXIT" && "oclif" in error;
}
