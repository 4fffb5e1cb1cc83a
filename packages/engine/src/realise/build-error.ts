/** The diagnostics of builds that failed. Layer 3. */

import type { BuildLimits, BuildOutcome } from "@devenv/builder";
import { describeSandboxFailure } from "@devenv/builder";
import { type Diagnostic, DiagnosticError, diagnose, unreachable } from "@devenv/diagnostics";
import type { BuildFailure } from "../queue/build-failure.ts";

/** What is known of a build beside how it ended. */
export interface FailedBuild {
	readonly name: string;
	/** Last lines of its log. */
	readonly tail: readonly string[];
	/** The log's file; absent when there is none. */
	readonly log?: string;
}

/** The diagnostic for an outcome that is not success. */
export function describeOutcome(outcome: BuildOutcome, build: FailedBuild, limits: BuildLimits): Diagnostic {
	switch (outcome.kind) {
		case "exited":
			return buildFailed(build, `its builder left with status ${outcome.status}`);
		case "killed":
			return buildFailed(build, `its builder was killed by signal ${outcome.signal}`);
		case "timed-out":
			return buildFailed(build, `it took longer than ${seconds(limits.timeoutMs ?? outcome.afterMs)}`);
		case "silent":
			return buildFailed(build, `it wrote nothing for ${seconds(limits.silentMs ?? outcome.afterMs)}`);
		case "log-limit":
			return buildFailed(build, `it wrote more than ${outcome.bytes} bytes to its log`);
		case "cancelled":
			return buildFailed(build, "it was cancelled");
		case "setup-failed":
			return describeSandboxFailure(outcome);
		default:
			return unreachable(outcome);
	}
}

/** `BUILD_FAILED` with the end of the log. */
export function buildFailed({ name, tail, log }: FailedBuild, reason: string): Diagnostic {
	const notes = tail.length === 0 ? [] : [{ message: ["the end of its log:", ...tail].join("\n") }];
	return diagnose("BUILD_FAILED", `building '${name}' failed: ${reason}`, {
		notes,
		...(log === undefined ? {} : { hint: `the whole log: zstd -dc '${log}'` }),
	});
}

/** The error of a request whose derivations failed. A bug among the failures is thrown as it is. */
export function failuresAsError(failures: readonly BuildFailure[]): Error {
	const bug = failures.find(({ diagnostics }) => diagnostics.length === 0);
	if (bug !== undefined) return bug.cause instanceof Error ? bug.cause : new Error(bug.message);
	return new DiagnosticError(failures.flatMap(({ diagnostics }) => diagnostics));
}

function seconds(milliseconds: number): string {
	return `${Math.round(milliseconds / 1000)} s`;
}
