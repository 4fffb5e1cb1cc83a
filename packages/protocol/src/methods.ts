/**
 * The method table: each request declared once, with the decoders of its parameters (used by the daemon) and of its
 * result (used by the client).
 *
 * Layer 1 (pure).
 */

import type { Diagnostic } from "@devenv/diagnostics";
import {
	absolutePath,
	arrayOf,
	boolean,
	count,
	type Decoder,
	type Fields,
	nullable,
	number,
	object,
	oneOf,
	openObject,
	optional,
	recordOf,
	string,
} from "./decoder.ts";
import { diagnostic } from "./diagnostic-decoder.ts";

/** A request: `name` on the wire; `progress` says that {@link ProgressEvent}s may come before the result. */
export interface Method<Params, Result> {
	readonly name: string;
	readonly params: Decoder<Params>;
	readonly result: Decoder<Result>;
	readonly progress: boolean;
}

/** First message of a connection. Both sides ignore keys they do not know. */
export interface HandshakeParams {
	/** {@link PROTOCOL_VERSION} of the client. */
	readonly protocol: number;
	/** Version of the installation the client belongs to, as `package.json` has it. */
	readonly version: string;
}

export interface HandshakeResult {
	readonly protocol: number;
	readonly version: string;
	readonly pid: number;
	/** The daemon takes no new work: it finishes its builds and leaves. Connect again for a new one. */
	readonly retiring: boolean;
}

/** Which project, and what of the caller evaluation and activation may depend on. */
export interface ProjectParams {
	/** Folder that holds env.yaml. */
	readonly project: string;
	/** The caller's environment variables (all of them, or those that matter); never stored but for tracked ones. */
	readonly variables: Readonly<Record<string, string>>;
	/** Fail with `FETCH_OFFLINE` where something would have to be fetched. */
	readonly offline?: boolean;
}

/** A project, and what is chosen in it. */
export interface ProfileParams extends ProjectParams {
	/** The profile of env.yaml that is merged over the rest; absent: none. */
	readonly profile?: string;
}

export interface PrepareParams extends ProfileParams {
	/** User and group id of the client's process, as it sees them. */
	readonly uid: number;
	readonly gid: number;
	/** Its supplementary groups. */
	readonly groups: readonly number[];
	/** Leave host programs and the caller's variables out (`--pure`); absent: as env.yaml says. */
	readonly clean?: boolean;
	/** Variables of the caller that a clean environment has beside those that env.yaml keeps (`--keep`). */
	readonly keep?: readonly string[];
	/** Enter with uid 0 and 1000 exchanged (`--user`). */
	readonly asUser?: boolean;
	/** What to do where env.lock is absent: write it (default), or fail. */
	readonly lock?: "create" | "frozen";
	/** `needed`: refused unless the content is allowed (nobody asked for it by name); default: given. */
	readonly consent?: "given" | "needed";
}

export interface PrepareResult {
	/** The activation stamp: an absolute path, to be entered by @devenv/shell. */
	readonly stamp: string;
	/** The stamp may be used again without the daemon; false where an input changed while it was read. */
	readonly lasting: boolean;
	/** Store path of the environment. */
	readonly environment: string;
	/** Store path of the FHS root, or null. */
	readonly root: string | null;
	readonly name: string;
	/** env.lock was written by this request. */
	readonly lockWritten: boolean;
	/** Warnings and notes. */
	readonly diagnostics: readonly Diagnostic[];
}

export interface PackageInfo {
	/** The name in env.yaml. */
	readonly attr: string;
	readonly name: string;
	readonly version: string;
}

export interface InputInfo {
	readonly name: string;
	readonly url: string;
	/** Date or revision for people, null while not locked. */
	readonly revision: string | null;
}

export interface InfoResult {
	readonly name: string;
	readonly project: string;
	/** Physical folder in which `nix/store` lies. */
	readonly storeRoot: string;
	/** Store path of the environment, and whether it is in the store already. */
	readonly environment: string;
	readonly ready: boolean;
	readonly root: string | null;
	readonly packages: readonly PackageInfo[];
	readonly inputs: readonly InputInfo[];
	/** What `devenv run` runs. */
	readonly scripts: readonly { readonly name: string; readonly description: string }[];
	/** Names of the variables that the environment sets. */
	readonly variables: readonly string[];
	readonly diagnostics: readonly Diagnostic[];
}

export interface SearchParams {
	/** Project whose inputs to search; null: the default package set. What is not locked is searched as it is now. */
	readonly project: string | null;
	/** Words; all must occur in the name or the description. */
	readonly query: string;
	readonly limit: number;
}

export interface SearchHit {
	readonly attr: string;
	readonly version: string;
	readonly description: string;
	readonly input: string;
}

export interface SearchResult {
	readonly hits: readonly SearchHit[];
	/** How many there are in all, at least `hits.length`. */
	readonly total: number;
}

export interface EvalParams {
	/** Project whose package set is in scope (as `pkgs` and its attributes); null for none. */
	readonly project: string | null;
	readonly variables: Readonly<Record<string, string>>;
	/** A Nix expression. */
	readonly expression: string;
	/** Name of the expression in messages: a file or `<command line>`. */
	readonly name: string;
	/** Folder against which relative paths are resolved. */
	readonly baseDir: string;
	/** Attribute path, dotted; empty for the value itself. */
	readonly attrPath: string;
	readonly format: "nix" | "json" | "raw";
	readonly strict: boolean;
}

export interface EvalResult {
	readonly text: string;
	/** Output of `builtins.trace`. */
	readonly traces: readonly string[];
}

export interface StatusResult {
	readonly version: string;
	readonly protocol: number;
	readonly pid: number;
	/** Seconds since the start. */
	readonly uptime: number;
	readonly storeRoot: string;
	/** NIX_REMOTE for programs of real Nix that are to use this daemon; older daemons serve none. */
	readonly nixRemote?: string;
	readonly log: string;
	/** Open connections, this one included. */
	readonly clients: number;
	readonly requests: number;
	readonly builds: readonly { readonly drvPath: string; readonly name: string; readonly seconds: number }[];
	/** Resident set size, bytes. */
	readonly memory: number;
	/** Seconds without work after which it leaves; 0: never. */
	readonly idleExit: number;
	readonly retiring: boolean;
}

export interface StopParams {
	/** `retire`: take no new work, finish what runs, leave. `now`: cancel what runs, leave. */
	readonly mode: "retire" | "now";
}

/** Nothing to say: an object without keys. */
export type NoParams = Readonly<Record<string, never>>;
export type NoResult = Readonly<Record<string, never>>;

const project = { project: absolutePath, variables: recordOf(string), offline: optional(boolean) };
const packageInfo = object<PackageInfo>({ attr: string, name: string, version: string });
const diagnostics = arrayOf(diagnostic);
const runningBuild = object<StatusResult["builds"][number]>({ drvPath: string, name: string, seconds: number });

/** For {@link object}. */
export const profileParams: Fields<ProfileParams> = {
	...project,
	profile: optional(string),
};

export const handshake: Method<HandshakeParams, HandshakeResult> = {
	name: "handshake",
	params: openObject<HandshakeParams>({ protocol: count, version: string }),
	result: openObject<HandshakeResult>({ protocol: count, version: string, pid: count, retiring: boolean }),
	progress: false,
};

/** Locks if needed, evaluates, realises and writes the activation stamp. */
export const prepareEnvironment: Method<PrepareParams, PrepareResult> = {
	name: "environment.prepare",
	params: object<PrepareParams>({
		...project,
		uid: count,
		gid: count,
		groups: arrayOf(count),
		clean: optional(boolean),
		keep: optional(arrayOf(string)),
		asUser: optional(boolean),
		profile: optional(string),
		lock: optional(oneOf("create", "frozen")),
		consent: optional(oneOf("given", "needed")),
	}),
	result: object<PrepareResult>({
		stamp: absolutePath,
		lasting: boolean,
		environment: string,
		root: nullable(string),
		name: string,
		lockWritten: boolean,
		diagnostics,
	}),
	progress: true,
};

export interface QuickResult {
	/** The activation stamp; null: ask by {@link prepareEnvironment}, there is something to wait for or to say. */
	readonly stamp: string | null;
}

/** {@link prepareEnvironment} for a caller that can show nothing and waits no longer than a moment: native/ask.c. */
export const prepareQuickly: Method<PrepareParams, QuickResult> = {
	name: "environment.prepareQuickly",
	params: prepareEnvironment.params,
	result: object<QuickResult>({ stamp: nullable(absolutePath) }),
	progress: false,
};

/** Says what the environment is, evaluating but not realising it. */
export const environmentInfo: Method<ProfileParams, InfoResult> = {
	name: "environment.info",
	params: object<ProfileParams>(profileParams),
	result: object<InfoResult>({
		name: string,
		project: absolutePath,
		storeRoot: absolutePath,
		environment: string,
		ready: boolean,
		root: nullable(string),
		packages: arrayOf(packageInfo),
		inputs: arrayOf(object<InputInfo>({ name: string, url: string, revision: nullable(string) })),
		scripts: arrayOf(object<InfoResult["scripts"][number]>({ name: string, description: string })),
		variables: arrayOf(string),
		diagnostics,
	}),
	progress: true,
};

export const searchPackages: Method<SearchParams, SearchResult> = {
	name: "packages.search",
	params: object<SearchParams>({ project: nullable(absolutePath), query: string, limit: count }),
	result: object<SearchResult>({
		hits: arrayOf(object<SearchHit>({ attr: string, version: string, description: string, input: string })),
		total: count,
	}),
	progress: true,
};

export const evaluateExpression: Method<EvalParams, EvalResult> = {
	name: "expression.eval",
	params: object<EvalParams>({
		project: nullable(absolutePath),
		variables: recordOf(string),
		expression: string,
		name: string,
		baseDir: absolutePath,
		attrPath: string,
		format: oneOf("nix", "json", "raw"),
		strict: boolean,
	}),
	result: object<EvalResult>({ text: string, traces: arrayOf(string) }),
	progress: true,
};

export const daemonStatus: Method<NoParams, StatusResult> = {
	name: "daemon.status",
	params: object<NoParams>({}),
	result: object<StatusResult>({
		version: string,
		protocol: count,
		pid: count,
		uptime: number,
		storeRoot: absolutePath,
		nixRemote: optional(string),
		log: absolutePath,
		clients: count,
		requests: count,
		builds: arrayOf(runningBuild),
		memory: count,
		idleExit: number,
		retiring: boolean,
	}),
	progress: false,
};

/** Understood by every version, so that a newer client can ask an older daemon to leave. */
export const daemonStop: Method<StopParams, NoResult> = {
	name: "daemon.stop",
	params: openObject<StopParams>({ mode: oneOf("retire", "now") }),
	result: openObject<NoResult>({}),
	progress: false,
};
