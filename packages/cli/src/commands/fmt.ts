/** `devenv fmt`: Nix files in the official layout. Layer 5. */

import { readFileSync } from "node:fs";
import { type Diagnostic, DiagnosticError } from "@devenv/diagnostics";
import { Args, Flags } from "@oclif/core";
import { DevenvCommand } from "../devenv-command.ts";
import { exitCodes } from "../failure.ts";

export default class Fmt extends DevenvCommand {
	static override summary = "Format Nix files in the official style (RFC 166)";
	static override description =
		"Folders are searched for *.nix; without arguments, the current one. - formats standard input to standard output. What a file says does not change: its syntax tree and its comments are compared before it is written.";
	static override examples = [
		"<%= config.bin %> fmt",
		"<%= config.bin %> fmt env.nix nix/ --check",
		"<%= config.bin %> fmt - < env.nix",
	];
	static override strict = false;
	static override args = { file: Args.string({ description: "files and folders" }) };
	static override flags = {
		check: Flags.boolean({
			description: "write nothing; name the files, and exit with 1 if there are any",
			default: false,
		}),
	};

	override async run(): Promise<void> {
		const { argv, flags } = await this.parse(Fmt);
		const paths = argv.length === 0 ? ["."] : argv.map(String);
		const changed = paths.includes("-") ? await formatInput(flags.check) : false;
		const failures = await this.#formatFiles(
			paths.filter((path) => path !== "-"),
			flags.check,
		);
		if (changed && flags.check) process.exitCode = exitCodes.failure;
		if (failures.length > 0) throw new DiagnosticError(failures);
	}

	/** Formats files, and names those that change; gives what failed. */
	async #formatFiles(paths: readonly string[], check: boolean): Promise<Diagnostic[]> {
		const { findNixFiles } = await import("../fmt/nix-files.ts");
		const { formatFile } = await import("../fmt/format-file.ts");
		const failures: Diagnostic[] = [];
		for (const file of paths.flatMap(findNixFiles)) {
			const outcome = formatFile(file, check);
			if (outcome.kind === "failed") failures.push(outcome.diagnostic);
			if (outcome.kind !== "changed") continue;
			this.print(file);
			if (check) process.exitCode = exitCodes.failure;
		}
		return failures;
	}
}

/** Formats standard input; with `check` nothing is printed. Whether it was not formatted. */
async function formatInput(check: boolean): Promise<boolean> {
	const { formatNix } = await import("@devenv/evaluator/format");
	const source = readFileSync(0).toString("latin1");
	const result = formatNix(source, { kind: "stdin" });
	if (result.kind === "failed") throw new DiagnosticError(result.error);
	if (!check) process.stdout.write(Buffer.from(result.value, "latin1"));
	return result.value !== source;
}
