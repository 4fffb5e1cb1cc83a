/** Requests that edit a project's env.yaml. Layer 1 (pure). */

import type { Diagnostic } from "@devenv/diagnostics";
import { absolutePath, arrayOf, boolean, nullable, object, oneOf, optional, recordOf, string } from "./decoder.ts";
import { diagnostic } from "./diagnostic-decoder.ts";
import type { Method, ProjectParams } from "./methods.ts";

export interface EditParams extends ProjectParams {
	readonly edit: "add" | "remove";
	/** As env.yaml takes them. */
	readonly packages: readonly string[];
}

export interface EditedPackage {
	/** As it was asked for. */
	readonly package: string;
	/** What the environment has now; null for one that was removed. */
	readonly version: string | null;
}

export interface EditResult {
	/** Packages that the file has now, or has no more. */
	readonly edited: readonly EditedPackage[];
	/** Packages to add that were there already. */
	readonly present: readonly string[];
	/** env.lock was written by this request. */
	readonly lockWritten: boolean;
	/** An error among them means that the environment, as it is written now, cannot be evaluated. */
	readonly diagnostics: readonly Diagnostic[];
}

/**
 * Adds packages to env.yaml or takes them out. Packages are added only once the environment has been evaluated with them;
 * they are taken out in any case. Fails with `ENV_UNKNOWN_PACKAGE`, `EDIT_…`, `USAGE_PACKAGE` and what evaluation says.
 */
export const editPackages: Method<EditParams, EditResult> = {
	name: "packages.edit",
	params: object<EditParams>({
		project: absolutePath,
		variables: recordOf(string),
		offline: optional(boolean),
		edit: oneOf("add", "remove"),
		packages: arrayOf(string),
	}),
	result: object<EditResult>({
		edited: arrayOf(object<EditedPackage>({ package: string, version: nullable(string) })),
		present: arrayOf(string),
		lockWritten: boolean,
		diagnostics: arrayOf(diagnostic),
	}),
	progress: true,
};
