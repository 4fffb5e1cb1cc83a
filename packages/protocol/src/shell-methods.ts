/** Requests about open shells, and whether they may take what a project's files say. Layer 1 (pure). */

import type { Diagnostic } from "@devenv/diagnostics";
import {
	absolutePath,
	arrayOf,
	boolean,
	count,
	type Decoder,
	nullable,
	object,
	oneOf,
	optional,
	recordOf,
	string,
} from "./decoder.ts";
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

export interface PrintParams extends ProjectParams {
	/** User and group id of the client's process, as it sees them, and its supplementary groups. */
	readonly uid: number;
	readonly gid: number;
	readonly groups: readonly number[];
	/** `given`: a person asked for it by name; `needed`: refused unless the content is allowed. */
	readonly consent: "given" | "needed";
}

/** An environment as data: `EnvironmentReport` of @devenv/shell, whose fields it documents. */
export interface PrintedEnvironment {
	readonly version: number;
	readonly project: string;
	readonly name: string;
	readonly environment: string;
	readonly root: string | null;
	readonly variables: Readonly<Record<string, string>>;
	readonly unset: readonly string[];
	readonly path: readonly string[];
	readonly headers: readonly string[];
	readonly libraries: readonly string[];
	readonly pkg_config: readonly string[];
	readonly watched: readonly string[];
}

export interface PrintResult {
	readonly report: PrintedEnvironment;
	/** What a process that follows the environment writes about itself: see live-shell.ts of @devenv/shell. */
	readonly registration: string;
	readonly diagnostics: readonly Diagnostic[];
}

const project = { project: absolutePath, variables: recordOf(string), offline: optional(boolean) };

export const printedEnvironment: Decoder<PrintedEnvironment> = object<PrintedEnvironment>({
	version: count,
	project: absolutePath,
	name: string,
	environment: absolutePath,
	root: nullable(absolutePath),
	variables: recordOf(string),
	unset: arrayOf(string),
	path: arrayOf(string),
	headers: arrayOf(string),
	libraries: arrayOf(string),
	pkg_config: arrayOf(string),
	watched: arrayOf(string),
});

/**
 * Makes the environment and says what it is to programs outside of its view. Never writes env.lock. Fails with
 * `TRUST_NEEDED` and `TRUST_DENIED`; only what is allowed is put in place for shims.
 */
export const printEnvironment: Method<PrintParams, PrintResult> = {
	name: "environment.print",
	params: object<PrintParams>({
		...project,
		uid: count,
		gid: count,
		groups: arrayOf(count),
		consent: oneOf("given", "needed"),
	}),
	result: object<PrintResult>({ report: printedEnvironment, registration: string, diagnostics: arrayOf(diagnostic) }),
	progress: true,
};

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
