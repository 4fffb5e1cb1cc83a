/** What all oclif commands share: failures as diagnostics, `--json`, and the daemon's warnings. Layer 5. */

import { type Diagnostic, DiagnosticError, diagnose, renderDiagnostic } from "@devenv/diagnostics";
import type { ProjectParams } from "@devenv/protocol";
import { Command } from "@oclif/core";
import { removeAccountVariables } from "./account-variables.ts";
import { callerEnvironment } from "./caller.ts";
import { failureOf, failureToJson } from "./failure.ts";
import { currentFolder, requireProject } from "./find-project.ts";
import { standardErrorTerminal, writeError } from "./standard-error.ts";

export abstract class DevenvCommand extends Command {
	protected override init(): Promise<void> {
		removeAccountVariables();
		return super.init() as Promise<void>;
	}

	/** With `--json` a failure is an object on standard output; else it is printed where the process ends. */
	protected override catch(error: Error): Promise<void> {
		if (!this.jsonEnabled()) return Promise.reject(error);
		const failure = failureOf(fromOclif(error, this.id));
		this.logJson(failureToJson(failure));
		process.exitCode = failure.exitCode;
		return Promise.resolve();
	}

	/** The project of the current folder, with the caller's variables. */
	protected projectParams(): ProjectParams {
		return { project: requireProject(currentFolder()), variables: callerEnvironment(process.env) };
	}

	/** Prints the daemon's warnings and notes on standard error. */
	protected showDiagnostics(diagnostics: readonly Diagnostic[]): void {
		if (this.jsonEnabled()) return;
		const { color } = standardErrorTerminal();
		for (const each of diagnostics) writeError(renderDiagnostic(each, { color }));
	}

	/** Prints lines on standard output, unless `--json` speaks there. */
	protected print(text: string): void {
		if (!this.jsonEnabled()) process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
	}
}

/** oclif's own errors (wrong flags, missing arguments) as diagnostics; other errors as they are. */
export function fromOclif(error: unknown, command: string | undefined): unknown {
	if (error instanceof DiagnosticError || !(error instanceof Error) || !("oclif" in error)) return error;
	const [first = "", ...more] = error.message
		.replace(/\nSee more help with --help$/, "")
		.trim()
		.split("\n");
	const message = [`${first.charAt(0).toLowerCase()}${first.slice(1).replace(/[.:]$/, "")}`, ...more].join("\n");
	const trace = /nonexistent flags?:.*--trace\b/i.test(message);
	const hint = trace
		? "it stands before the command: `devenv --trace FILE COMMAND`"
		: `\`devenv ${command === undefined ? "" : `${command.replaceAll(":", " ")} `}--help\` shows how it is used`;
	return new DiagnosticError(diagnose("USAGE_INVALID", message, { hint }));
}
