/** An evaluation that ended in diagnostics. Layer 3. */

import { type Diagnostic, DiagnosticError } from "@devenv/diagnostics";
import type { TrackedRead } from "../engine-interface.ts";

/** With what was read until then: the evaluation may end otherwise when one of these changes. */
export class EvaluationRefused extends DiagnosticError {
	readonly tracked: readonly TrackedRead[];

	constructor(diagnostics: readonly Diagnostic[], tracked: readonly TrackedRead[]) {
		super(diagnostics);
		this.tracked = tracked;
	}
}
