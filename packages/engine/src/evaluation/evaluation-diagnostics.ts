/** Errors of evaluation as diagnostics. Layer 3. */

import { type Diagnostic, DiagnosticError } from "@devenv/diagnostics";
import { EvalError, type Evaluator } from "@devenv/evaluator";
import { packageSetFolder } from "@devenv/package-set";
import { systemFailure } from "../system-failure.ts";

/** Frames shown; the innermost are what helps. */
const FRAME_LIMIT = 12;

/**
 * The diagnostics of what an evaluation threw; undefined for a bug. Where evaluation failed because of something outside
 * of it (a build, a download), those diagnostics.
 */
export function evaluationDiagnostics(error: unknown, evaluator?: Evaluator): readonly Diagnostic[] | undefined {
	for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
		if (cause instanceof DiagnosticError) return cause.diagnostics;
		const system = systemFailure(cause);
		if (system !== undefined) return [system];
	}
	if (!(error instanceof EvalError) || evaluator === undefined) return undefined;
	const diagnostic = evaluator.diagnose(error);
	// How the package set came to the user's file is nothing that he could change.
	const notes = diagnostic.notes
		?.filter(({ location }) => location?.file.startsWith(`${packageSetFolder}/`) !== true)
		.slice(0, FRAME_LIMIT);
	return [{ ...diagnostic, ...(notes === undefined ? {} : { notes }) }];
}
