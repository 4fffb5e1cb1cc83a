/** Failures of the drop-ins in Nix's own words, and their exit statuses. Layer 5. */

import { diagnose, DiagnosticError } from "@devenv/diagnostics";
import { writeError } from "../standard-error.ts";

/** Of these Nix makes the exit status of builds that failed. */
const statusBits = { build: 0x60, timedOut: 0x01, hashMismatch: 0x02, failed: 0x04, notDeterministic: 0x08 } as const;

/** Fails as Nix does on a wrong command line. */
export function failUsage(program: string, message: string): never {
	throw new DiagnosticError(diagnose("USAGE", message, { hint: `Try '${program} --help' for more information.` }));
}

/** Fails with a message in the words of Nix, after which it says nothing more. */
export function failAsNix(code: string, message: string): never {
	throw new DiagnosticError(diagnose(code, message));
}

/** Prints a failure as Nix does, and gives its exit status; what is no diagnostic is thrown on. */
export function reportFailure(error: unknown): number {
	if (!(error instanceof DiagnosticError)) throw error;
	for (const { code, message, notes = [], hint } of error.diagnostics) {
		writeError(`error: ${message}\n`);
		for (const note of notes) writeError(`       ${note.message}\n`);
		if (hint !== undefined) writeError(code === "USAGE" ? `${hint}\n` : `       ${hint}\n`);
	}
	const bits = error.diagnostics.map(({ code }) => statusBit(code)).reduce((all, bit) => all | bit, 0);
	return bits === 0 ? 1 : statusBits.build | bits;
}

function statusBit(code: string): number {
	switch (code) {
		case "BUILD_TIMED_OUT":
			return statusBits.failed | statusBits.timedOut;
		case "BUILD_NOT_DETERMINISTIC":
			return statusBits.notDeterministic;
		case "STORE_HASH_MISMATCH":
		case "FETCH_HASH_MISMATCH":
			return statusBits.failed | statusBits.hashMismatch;
		case "BUILD_CHECK_NOT_VALID":
		case "BUILD_CHECK_BUILTIN":
			return 0;
		default:
			return code.startsWith("BUILD_") ? statusBits.failed : 0;
	}
}
