/** How a command fails: what is printed, and the exit code. Layer 5. */

import { type Diagnostic, DiagnosticError, diagnose, renderDiagnostic } from "@devenv/diagnostics";

/** Exit codes of devenv itself; `devenv shell -- CMD` passes on those of CMD (128 + n for signal n). */
export const exitCodes: {
	readonly failure: 1;
	/** Wrong use of the command line, or a project that is not trusted. */
	readonly usage: 2;
	/** A fault of devenv (EX_SOFTWARE of sysexits.h). */
	readonly fault: 70;
	/** Ctrl-C: 128 + SIGINT. */
	readonly interrupted: 130;
} = { failure: 1, usage: 2, fault: 70, interrupted: 130 };

export interface Failure {
	readonly exitCode: number;
	readonly diagnostics: readonly Diagnostic[];
}

/** The failure that an error means. An error without diagnostics is a fault of this program. */
export function failureOf(error: unknown): Failure {
	if (error instanceof DiagnosticError) {
		return { exitCode: exitCodeOf(error.diagnostics), diagnostics: error.diagnostics };
	}
	const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
	const fault = diagnose("FAULT", `devenv failed: ${text}`, {
		hint: "this is a fault of devenv; please report it with the lines above",
	});
	return { exitCode: exitCodes.fault, diagnostics: [fault] };
}

function exitCodeOf(diagnostics: readonly Diagnostic[]): number {
	const codes = diagnostics.filter((each) => each.severity === "error").map((each) => each.code);
	if (codes.includes("CANCELLED")) return exitCodes.interrupted;
	if (codes.some((code) => code.startsWith("USAGE_") || code.startsWith("TRUST_"))) return exitCodes.usage;
	if (codes.some((code) => code === "DAEMON_INTERNAL" || code === "FAULT")) return exitCodes.fault;
	return exitCodes.failure;
}

/** The failure as text for a terminal or a log. */
export function renderFailure(failure: Failure, color: boolean): string {
	return failure.diagnostics.map((each) => renderDiagnostic(each, { color })).join("");
}

/** The failure as one JSON object, for `--json`. */
export function failureToJson(failure: Failure): { readonly diagnostics: readonly Diagnostic[] } {
	return { diagnostics: failure.diagnostics };
}
