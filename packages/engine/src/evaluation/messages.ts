/**
 * What the main thread and an evaluator thread say to each other. Layer 3: plain data, structured-cloned.
 *
 * The main thread gives one task at a time. While a task runs, the evaluator may ask the main thread for something that
 * it cannot do itself (build an imported derivation, fetch a URL); it then sleeps on the shared `wake` cell until the
 * answer lies in its port.
 */

import type { MessagePort } from "node:worker_threads";
import type { Diagnostic, Location } from "@devenv/diagnostics";
import type { EnvVariable, ModuleValue, PackageOverride } from "@devenv/env-file";
import type { StorePlace } from "@devenv/store";
import type { PackageReasons, TrackedRead } from "../engine-interface.ts";
import type { GitTree, GitTreeRequest } from "../fetch-tree/git-tree.ts";

/** `workerData` of an evaluator thread. */
export interface EvaluatorSetup {
	readonly place: StorePlace;
	/** Folder for what can be fetched again. */
	readonly cache: string;
	readonly system: string;
	/** One Int32 cell: the number of answers given so far. */
	readonly wake: SharedArrayBuffer;
	/** Answers come here. */
	readonly answers: MessagePort;
}

/** The package set that a task sees. */
export interface PackageSetRequest {
	/** Store path of the index object; valid. */
	readonly index: string;
	/** Absolute paths of overlay files, in the order of application. */
	readonly overlays: readonly string[];
	/** Changes of packages, by attribute; `src` is an absolute path. */
	readonly overrides: readonly OverrideRequest[];
	readonly trees: readonly TreeSetRequest[];
	readonly system: string;
}

/** A package set that lies beside: a folder of Nix files of an input. */
export interface TreeSetRequest {
	/** Of the input. */
	readonly name: string;
	/** Its store path; valid. */
	readonly source: string;
	/** Absolute paths of overlay files. */
	readonly overlays: readonly string[];
}

export interface OverrideRequest {
	readonly attr: string;
	readonly changes: PackageOverride["changes"];
}

export interface RequestedPackage {
	/** The tree that it is of; absent: of the package set itself. */
	readonly tree?: string;
	/** Of a tree: a path, its parts joined by dots. */
	readonly attr: string;
	readonly version?: string;
	readonly outputs?: readonly string[];
	readonly location?: Location;
}

/** A project's env.nix. */
export interface ModuleRequest {
	/** Absolute. */
	readonly file: string;
	/** The name of the chosen profile, or `default`. */
	readonly profile: string;
	/** What env.yaml says, as JSON, for the module to see. */
	readonly declared: string;
}

/** Evaluates a module and gives what it says. */
export interface ModuleTask {
	readonly kind: "module";
	readonly set: PackageSetRequest;
	readonly module: ModuleRequest;
}

export interface ModuleReply {
	readonly kind: "module";
	readonly value: ModuleValue;
	readonly tracked: readonly TrackedRead[];
}

export interface EnvironmentTask {
	readonly kind: "environment";
	readonly set: PackageSetRequest;
	/** Its packages may be among those asked for, and its texts may name store paths. */
	readonly module?: ModuleRequest;
	/** Where the overrides of `set` are written, in the same order. */
	readonly overridePlaces: readonly (Location | undefined)[];
	readonly name: string;
	readonly packages: readonly RequestedPackage[];
	/** Their values may have places of packages in them: see `valueParts` of @devenv/env-file. */
	readonly variables: readonly EnvVariable[];
	readonly enterShell: string;
	/** The shell that the root has to hold. */
	readonly shell: string;
	readonly locales: readonly string[];
	/** Say why this package is there. */
	readonly explain?: string;
}

export interface EnvironmentReply {
	readonly kind: "environment";
	readonly drvPath: string;
	readonly outPath: string;
	readonly root: { readonly drvPath: string; readonly outPath: string } | null;
	readonly packages: readonly { readonly attr: string; readonly name: string; readonly version: string }[];
	readonly tracked: readonly TrackedRead[];
	readonly warnings: readonly string[];
	/** Null where it is not there; absent where it was not asked for. */
	readonly reasons?: PackageReasons | null;
}

export interface ExpressionTask {
	readonly kind: "expression";
	/** Its packages are in scope, and the set itself as `pkgs`. */
	readonly set: PackageSetRequest | null;
	readonly text: string;
	readonly name: string;
	readonly baseDir: string;
	readonly attrPath: string;
	readonly format: "nix" | "json" | "raw";
	readonly strict: boolean;
	readonly variables: Readonly<Record<string, string>>;
}

export interface ExpressionReply {
	readonly kind: "expression";
	readonly text: string;
	readonly traces: readonly string[];
}

export type EvaluationTask = EnvironmentTask | ModuleTask | ExpressionTask;
export type EvaluationReply = EnvironmentReply | ModuleReply | ExpressionReply;

/** The reply that a task gets. */
export type ReplyTo<Task extends EvaluationTask> = Extract<EvaluationReply, { readonly kind: Task["kind"] }>;

/** Main thread to evaluator. */
export interface TaskMessage {
	readonly id: number;
	readonly task: EvaluationTask;
}

/** Evaluator to main thread. */
export type EvaluatorMessage =
	| { readonly kind: "ready" }
	| { readonly kind: "done"; readonly id: number; readonly reply: EvaluationReply }
	/** The user's to mend. */
	| {
			readonly kind: "failed";
			readonly id: number;
			readonly diagnostics: readonly Diagnostic[];
			readonly tracked: readonly TrackedRead[];
	  }
	/** A bug. */
	| { readonly kind: "bug"; readonly id: number; readonly message: string; readonly stack: string }
	| { readonly kind: "ask"; readonly question: Question };

/** What an evaluator asks while it works; an answer comes to its port, after which `wake` is raised. */
export type Question =
	/** Make these outputs (all when absent) valid. */
	| { readonly kind: "realise"; readonly drvPath: string; readonly outputs: readonly string[] }
	/** Fetch a URL into a file. */
	| { readonly kind: "fetch"; readonly url: string; readonly destination: string }
	/** Fetch a tarball and unpack it into an empty folder. */
	| { readonly kind: "unpack"; readonly url: string; readonly destination: string }
	/** The commit that a ref of a git repository is at. */
	| { readonly kind: "resolve-ref"; readonly remote: string; readonly ref: string }
	/** A tree of a git repository into an empty folder; `scratch` is another. */
	| {
			readonly kind: "git";
			readonly request: GitTreeRequest;
			readonly destination: string;
			readonly scratch: string;
	  };

/** What is said beside "done", by the kind of the question. */
export interface Answers {
	readonly realise: null;
	readonly fetch: null;
	/** The latest time of change in it: seconds since 1970. */
	readonly unpack: { readonly lastModified: number };
	/** In base 16. */
	readonly "resolve-ref": { readonly rev: string };
	readonly git: GitTree;
}

export type AnswerValue = Answers[Question["kind"]];

export type Answer =
	| { readonly kind: "ok"; readonly value: AnswerValue }
	| { readonly kind: "failed"; readonly diagnostics: readonly Diagnostic[]; readonly message: string };
