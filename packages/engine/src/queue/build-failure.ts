/** Failures of single derivations. Layer 3. */

import { type Diagnostic, DiagnosticError } from "@devenv/diagnostics";
import type { StepIdentity } from "../engine-event.ts";
import { systemFailure } from "../system-failure.ts";

/** Why a derivation could not be realised. */
export interface BuildFailure extends StepIdentity {
	readonly message: string;
	/** What to tell the user; empty when the failure is a bug of this program. */
	readonly diagnostics: readonly Diagnostic[];
	/** What was thrown. */
	readonly cause: unknown;
}

/** Nobody waits for this any more. */
export class BuildCancelled extends Error {
	constructor() {
		super("cancelled");
		this.name = "BuildCancelled";
	}
}

/** Describes what a build threw. */
export function failureOf(error: unknown, { drvPath, name }: StepIdentity): BuildFailure {
	if (error instanceof DiagnosticError) {
		return { drvPath, name, message: error.message, diagnostics: error.diagnostics, cause: error };
	}
	const system = systemFailure(error);
	if (system !== undefined) return { drvPath, name, message: system.message, diagnostics: [system], cause: error };
	const message = error instanceof Error ? error.message : String(error);
	return { drvPath, name, message, diagnostics: [], cause: error };
}
