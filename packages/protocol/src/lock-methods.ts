/** Requests about env.lock. Layer 1 (pure). */

import type { Diagnostic } from "@devenv/diagnostics";
import { absolutePath, arrayOf, boolean, nullable, object, oneOf, optional, recordOf, string } from "./decoder.ts";
import { diagnostic } from "./diagnostic-decoder.ts";
import type { Method, ProjectParams } from "./methods.ts";

export interface UpdateParams extends ProjectParams {
	/** Names of the inputs to update; empty for all. */
	readonly inputs: readonly string[];
	/** Say what would change, write nothing. */
	readonly dryRun: boolean;
	/** What to pin instead of the newest state: a date (`2026-11-01`, or with a time in UTC), or a revision. */
	readonly to?: string;
}

export interface InputChange {
	readonly input: string;
	/** For people: the date or revision before (null: not locked before) and after (null: dropped). */
	readonly from: string | null;
	readonly to: string | null;
}

/** A package whose version differs between two environments. */
export interface PackageChange {
	/** As env.yaml names it where `requested`, else the package's own name. */
	readonly name: string;
	/** null: was not there. */
	readonly from: string | null;
	/** null: is not there any more. */
	readonly to: string | null;
	/** Whether env.yaml names it; else it came along as a dependency. */
	readonly requested: boolean;
}

export interface UpdateResult {
	readonly changes: readonly InputChange[];
	/** What the environment has otherwise, requested ones first; null where there is none to compare with. */
	readonly packages: readonly PackageChange[] | null;
	readonly diagnostics: readonly Diagnostic[];
}

export interface LockParams extends ProjectParams {
	/** `write`: lock what is not locked, and keep the rest. `check`: say what would have to be, without the network. */
	readonly mode: "write" | "check";
}

export interface LockResult {
	/** With `write`: what was locked. */
	readonly changes: readonly InputChange[];
	/** With `check`: in what env.yaml and env.lock differ; none: nothing would have to be locked. */
	readonly differences: readonly Diagnostic[];
	readonly written: boolean;
	readonly diagnostics: readonly Diagnostic[];
}

export interface ResolveParams {
	readonly project: string;
	/** Texts of the two locks. */
	readonly ours: string;
	readonly theirs: string;
	/** What both began with; null: unknown. */
	readonly base: string | null;
	/** The sides may hold parts of each other, so that index objects, which depend on the whole, count for nothing. */
	readonly mixed: boolean;
}

/** What was taken of an input: `LockChoice` of @devenv/env-file. */
export interface ResolvedInput {
	readonly input: string;
	readonly ours: string | null;
	readonly theirs: string | null;
	readonly taken: "ours" | "theirs" | "both" | "neither";
}

export interface ResolveResult {
	readonly choices: readonly ResolvedInput[];
}

const project = { project: absolutePath, variables: recordOf(string), offline: optional(boolean) };
const inputChanges = arrayOf(object<InputChange>({ input: string, from: nullable(string), to: nullable(string) }));
const packageChange = object<PackageChange>({
	name: string,
	from: nullable(string),
	to: nullable(string),
	requested: boolean,
});

/**
 * Locks the newest state of inputs, or the one of `to`, and writes env.lock. Refused where the environment can be evaluated
 * before and not after.
 */
export const updateInputs: Method<UpdateParams, UpdateResult> = {
	name: "inputs.update",
	params: object<UpdateParams>({ ...project, inputs: arrayOf(string), dryRun: boolean, to: optional(string) }),
	result: object<UpdateResult>({
		changes: inputChanges,
		packages: nullable(arrayOf(packageChange)),
		diagnostics: arrayOf(diagnostic),
	}),
	progress: true,
};

/** Makes env.lock say every input of env.yaml, or tells whether it does. */
export const lockInputs: Method<LockParams, LockResult> = {
	name: "inputs.lock",
	params: object<LockParams>({ ...project, mode: oneOf("write", "check") }),
	result: object<LockResult>({
		changes: inputChanges,
		differences: arrayOf(diagnostic),
		written: boolean,
		diagnostics: arrayOf(diagnostic),
	}),
	progress: true,
};

/** Merges two locks into env.lock. */
export const resolveLock: Method<ResolveParams, ResolveResult> = {
	name: "inputs.resolve",
	params: object<ResolveParams>({
		project: absolutePath,
		ours: string,
		theirs: string,
		base: nullable(string),
		mixed: boolean,
	}),
	result: object<ResolveResult>({
		choices: arrayOf(
			object<ResolvedInput>({
				input: string,
				ours: nullable(string),
				theirs: nullable(string),
				taken: oneOf("ours", "theirs", "both", "neither"),
			}),
		),
	}),
	progress: false,
};
