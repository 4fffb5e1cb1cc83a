/** What the threads of `eval-jobs` and the one that leads them say to each other. Layer 5: plain data. */

import type { MessagePort } from "node:worker_threads";
import type { Question, RecordedRead } from "@devenv/engine/eval-io";

/** Where the jobs are. */
export type JobSource =
	| { readonly kind: "file"; readonly path: string }
	| { readonly kind: "expression"; readonly text: string; readonly baseDir: string }
	/** A flake reference, and an attribute path of its outputs. */
	| { readonly kind: "flake"; readonly reference: string; readonly attrPath: string };

export interface JobsRequest {
	readonly source: JobSource;
	/** Selection path of the set whose jobs are wanted; empty for the value itself. */
	readonly attrPath: string;
	/** Arguments for a function, by name. */
	readonly args: readonly { readonly name: string; readonly kind: "expression" | "string"; readonly text: string }[];
	/** Entries of the search path. */
	readonly include: readonly string[];
	readonly impure: boolean;
	readonly readOnly: boolean;
	readonly meta: boolean;
	readonly forceRecurse: boolean;
	readonly showTrace: boolean;
	/** Folder for links that keep the store derivations from garbage collection. */
	readonly gcRoots: string | undefined;
}

/** `workerData` of a thread. */
export interface JobsSetup {
	readonly request: JobsRequest;
	readonly storeRoot: string;
	/** Folder for what can be fetched again. */
	readonly cache: string;
	/** Real path of the tree of sources; undefined where nothing is told about reads. */
	readonly sourceRoot: string | undefined;
	/** One Int32 cell: the number of answers given so far. */
	readonly wake: SharedArrayBuffer;
	readonly answers: MessagePort;
}

/** One line of the output. */
export interface Job {
	readonly attr: string;
	readonly attrPath: readonly string[];
	readonly name?: string;
	readonly system?: string;
	readonly drvPath?: string;
	readonly outputs?: Readonly<Record<string, string>>;
	readonly meta?: Readonly<Record<string, unknown>>;
	readonly error?: string;
}

/** What lies at an attribute path. */
export type Found =
	/** A derivation, or an attribute that cannot be evaluated. */
	| { readonly kind: "job"; readonly job: Job }
	/** A set to be looked into. */
	| { readonly kind: "set"; readonly names: readonly string[] }
	/** Something else, which is no job. */
	| { readonly kind: "nothing" };

/** What a thread has read, by numbers of its own. */
export interface FoundReads {
	/** Those that had no number yet when it told last. */
	readonly fresh: readonly RecordedRead[];
	/** What everything depends on; told once. */
	readonly base?: readonly number[];
	/** What the found depends on beside that. */
	readonly own: readonly number[];
}

/** To a thread: look at this. */
export interface JobsTask {
	readonly attrPath: readonly string[];
}

export interface FoundMessage {
	readonly kind: "found";
	readonly found: Found;
	/** MiB of the thread's heap. */
	readonly used: number;
	/** Missing where nothing is told about reads. */
	readonly reads?: FoundReads;
}

/** From a thread. */
export type JobsMessage =
	/** The thread has started. */
	| { readonly kind: "ready" }
	| FoundMessage
	/** A message of the evaluation, with its prefix. */
	| { readonly kind: "log"; readonly text: string }
	| { readonly kind: "ask"; readonly question: Question };
