/** `devenv repl`: the Nix language, line by line. Layer 5. */

import { resolve } from "node:path";
import { userLayout } from "@devenv/client";
import { Args, Flags } from "@oclif/core";
import { callerEnvironment } from "../caller.ts";
import { DevenvCommand } from "../devenv-command.ts";
import { runRepl } from "../repl/run-repl.ts";

export default class Repl extends DevenvCommand {
	static override summary = "Evaluate Nix expressions line by line, with completion, history and documentation";
	static override description =
		"FILEs are loaded first: the attributes of the sets that they evaluate to become variables. :? lists the commands. Tab completes names, and attributes of what can be evaluated; Ctrl-C ends an evaluation. Lines may come from a pipe too.";
	static override examples = [
		"<%= config.bin %> repl",
		"<%= config.bin %> repl ./default.nix",
		"<%= config.bin %> repl -I nixpkgs=/src/nixpkgs '<nixpkgs>'",
		"echo ':t 1' | <%= config.bin %> repl",
	];
	static override usage = ["repl [FILE...]"];
	static override strict = false;
	static override args = {
		file: Args.string({ description: "files to load; <NAME> is looked up in the search path" }),
	};
	static override flags = {
		expr: Flags.string({ char: "E", description: "expression whose attributes become variables" }),
		include: Flags.string({
			char: "I",
			description: "[NAME=]PATH: entry of the search path",
			multiple: true,
			multipleNonGreedy: true,
		}),
	};

	override async run(): Promise<void> {
		const { flags, argv } = await this.parse(Repl);
		const files = argv.map((file) => {
			const name = String(file);
			return `:l ${name.startsWith("<") ? name : resolve(name)}`;
		});
		const whole = await runRepl({
			layout: userLayout(callerEnvironment(process.env)),
			first: [...files, ...(flags.expr === undefined ? [] : [`:a ${flags.expr}`])],
			include: flags.include ?? [],
			input: process.stdin,
			output: process.stdout,
			error: process.stderr,
		});
		if (!whole) process.exitCode = 1;
	}
}
