/** `devenv eval`: a Nix expression, with the project's packages in scope. Layer 5. */

import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fail } from "@devenv/diagnostics";
import { evaluateExpression } from "@devenv/protocol";
import { Args, Flags } from "@oclif/core";
import { callerEnvironment } from "../caller.ts";
import { callDaemon } from "../daemon-connection.ts";
import { DevenvCommand } from "../devenv-command.ts";
import { currentFolder, findProject } from "../find-project.ts";
import { writeError } from "../standard-error.ts";

export default class Eval extends DevenvCommand {
	static override summary = "Evaluate a Nix expression with the project's packages in scope";
	static override description =
		"`pkgs` is the package set of the nearest env.yaml. FILE may be - for standard input; without FILE and --expr, `pkgs` itself is evaluated (use it with --attr).";
	static override examples = [
		"<%= config.bin %> eval --expr '1 + 2'",
		"<%= config.bin %> eval --attr jq.version",
		"<%= config.bin %> eval --expr '{ a = [ 1 2 ]; }' --json",
	];
	static override args = { file: Args.string({ description: "file with a Nix expression" }) };
	static override flags = {
		expr: Flags.string({ char: "E", description: "the expression itself" }),
		attr: Flags.string({ char: "A", description: "attribute of the result, dotted", default: "" }),
		json: Flags.boolean({ description: "print the whole value as JSON", default: false, exclusive: ["raw"] }),
		raw: Flags.boolean({ description: "print a string without quotes", default: false }),
		strict: Flags.boolean({ description: "evaluate nested values too", default: false }),
	};

	override async run(): Promise<void> {
		const { flags, args } = await this.parse(Eval);
		const folder = currentFolder();
		if (flags.expr !== undefined && args.file !== undefined) {
			fail("USAGE_INVALID", "both a file and --expr are given", { hint: "leave one of them out" });
		}
		const source = readExpression(flags.expr, args.file, folder);
		const result = await callDaemon(evaluateExpression, {
			project: findProject(folder) ?? null,
			variables: callerEnvironment(process.env),
			...source,
			attrPath: flags.attr,
			format: flags.json ? "json" : flags.raw ? "raw" : "nix",
			strict: flags.strict || flags.json,
		});
		for (const line of result.traces) writeError(`${line}\n`);
		process.stdout.write(flags.raw ? result.text : `${result.text.replace(/\n$/, "")}\n`);
	}
}

interface ExpressionSource {
	readonly expression: string;
	readonly name: string;
	readonly baseDir: string;
}

function readExpression(expr: string | undefined, file: string | undefined, folder: string): ExpressionSource {
	if (file === undefined) return { expression: expr ?? "pkgs", name: "<command line>", baseDir: folder };
	if (file === "-") return { expression: readFileSync(0, "utf8"), name: "<stdin>", baseDir: folder };
	const path = resolve(folder, file);
	try {
		return { expression: readFileSync(path, "utf8"), name: path, baseDir: dirname(path) };
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		const reasons: Readonly<Record<string, string>> = {
			ENOENT: "there is no such file",
			ENOTDIR: "there is no such file",
			EACCES: "permission denied",
			EISDIR: "it is a folder",
		};
		const reason = reasons[code ?? ""];
		if (reason === undefined) throw error;
		return fail("EVAL_FILE", `${file} cannot be read: ${reason}`);
	}
}
