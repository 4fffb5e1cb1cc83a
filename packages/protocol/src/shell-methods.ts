/** Requests about open shells, and whether they may take what a project's files say. Layer 1 (pure). */

import type { Diagnostic } from "@devenv/diagnostics";
import { absolutePath, arrayOf, count, object, oneOf, recordOf, string } from "./decoder.ts";
import { diagnostic } from "./diagnostic-decoder.ts";
import type { Method, NoParams, NoResult, ProjectParams } from "./methods.ts";

export interface ReloadResult {
	/** How many shells of the project are open. */
	readonly shells: number;
	/** What changed, in one line; empty: nothing. */
	readonly summary: string;
}

export interface TrustParams extends ProjectParams {
	/** `allow`: what the files say now; `always`: whatever they say later too; `revoke`: nothing, until allowed again. */
	readonly decision: "allow" | "always" | "revoke";
}

export interface TrustResult extends ReloadResult {
	readonly diagnostics: readonly Diagnostic[];
}

const project = { project: absolutePath, variables: recordOf(string) };

/** Brings open shells to what the project's files say now. */
export const reloadShells: Method<ProjectParams, ReloadResult> = {
	name: "shells.reload",
	params: object<ProjectParams>(project),
	result: object<ReloadResult>({ shells: count, summary: string }),
	progress: true,
};

/** Decides which changes open shells take without being asked, and has them take what they may. */
export const decideTrust: Method<TrustParams, TrustResult> = {
	name: "trust.decide",
	params: object<TrustParams>({ ...project, decision: oneOf("allow", "always", "revoke") }),
	result: object<TrustResult>({ shells: count, summary: string, diagnostics: arrayOf(diagnostic) }),
	progress: true,
};

/** Does nothing: whoever asks wants a daemon that answers. */
export const wakeDaemon: Method<NoParams, NoResult> = {
	name: "daemon.wake",
	params: object<NoParams>({}),
	result: object<NoResult>({}),
	progress: false,
};
