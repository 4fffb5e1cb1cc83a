/** The diagnostics of builds that failed. Layer 3. */

import type { BuildLimits, BuildOutcome } from "@devenv/builder";
import { describeSandboxFailure } from "@devenv/builder";
import { type Diagnostic, DiagnosticError, diagnose, unreachable } from "@devenv/diagnostics";
import type { BuildFailure } from "../queue/build-failure.ts";

/** What is known of a build beside how it ended. */
export interface FailedBuild {
	readonly name: string;
	/** The program that was to be run, as a path in the sandbox; absent where none was. */
	readonly builder?: string;
	/** Last lines of its log. */
	readonly tail: readonly string[];
	/** The log's file; absent when there is none. */
	readonly log?: string;
	/** Where the folder that it worked in is kept, if it is. */
	readonly kept?: string | undefined;
}

const TIMED_OUT = "BUILD_TIMED_OUT";

/** The diagnostic for an outcome that is not success. */
export function describeOutcome(outcome: BuildOutcome, build: FailedBuild, limits: BuildLimits): Diagnostic {
	switch (outcome.kind) {
		case "exited":
			return buildFailed(build, `its builder left with status ${outcome.status}`);
		case "killed":
			return buildFailed(build, `its builder was killed by signal ${outcome.signal}`);
		case "timed-out":
			return {
				...buildFailed(build, `it took longer than ${seconds(limits.timeoutMs ?? outcome.afterMs)}`),
				code: TIMED_OUT,
			};
		case "silent":
			return {
				...buildFailed(build, `it wrote nothing for ${seconds(limits.silentMs ?? outcome.afterMs)}`),
				code: TIMED_OUT,
			};
		case "log-limit":
			return buildFailed(build, `it wrote more than ${limits.logBytes ?? outcome.bytes} bytes to its log`);
		case "cancelled":
			return buildFailed(build, "it was cancelled");
		case "setup-failed":
			return describeMissingBuilder(outcome, build) ?? describeSandboxFailure(outcome);
		default:
			return unreachable(outcome);
	}
}

/** Where the sandbox was made, but the builder could not be run in it. */
function describeMissingBuilder(
	{ step, error }: Extract<BuildOutcome, { readonly kind: "setup-failed" }>,
	build: FailedBuild,
): Diagnostic | undefined {
	const { builder = "", tail } = build;
	const said = tail.some((line) => line.includes(`execvp ${builder}`));
	if (builder === "" || !(step.endsWith(` ${builder}`) || said)) return undefined;
	return {
		...buildFailed(build, `its builder ${builder} cannot be run: ${error}`),
		hint: "a builder sees the closure of its inputs only, and what sandbox_paths in the user's config.yaml names",
	};
}

/** `BUILD_FAILED` with the end of the log. */
export function buildFailed({ name, tail, log, kept }: FailedBuild, reason: string): Diagnostic {
	const notes = tail.length === 0 ? [] : [{ message: ["the end of its log:", ...tail].join("\n") }];
	if (kept !== undefined) notes.push({ message: `its build folder is kept: ${kept}` });
	return diagnose("BUILD_FAILED", `building '${name}' failed: ${reason}`, {
		notes,
		...(log === undefined ? {} : { hint: `the whole log: ${log}` }),
	});
}

/** An output that came out otherwise when it was built again. */
export interface Differing {
	readonly drvPath: string;
	readonly path: string;
	/** What differs. */
	readonly lines: readonly string[];
	/** Where the second outputs are kept, if they are. */
	readonly kept: string | undefined;
}

/** `BUILD_NOT_DETERMINISTIC`. */
export function notDeterministic({ drvPath, path, lines, kept }: Differing): Diagnostic {
	return diagnose(
		"BUILD_NOT_DETERMINISTIC",
		`derivation '${drvPath}' may not be deterministic: output '${path}' differs`,
		{
			notes: [
				{ message: ["what differs:", ...lines].join("\n") },
				...(kept === undefined ? [] : [{ message: `the second outputs are kept: ${kept}` }]),
			],
			hint:
				kept === undefined
					? "with --keep-failed the second outputs are kept, to be compared"
					: `compare: diff -r '${path}' '${kept}'`,
		},
	);
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
