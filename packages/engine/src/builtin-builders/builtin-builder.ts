/**
 * The shape of a builder that runs inside this process, for derivations whose `builder` is `builtin:<name>`.
 *
 * A builtin builder writes the output into a scratch path, and nothing else: it neither registers, nor hashes, nor sets
 * final modes and times; the queue does that with what is there when the promise settles.
 */

import type { Sandbox } from "@devenv/builder";
import type { Fetcher } from "../fetch/fetcher.ts";
import type { FirstStage } from "./root/first-stage.ts";
import type { ReadyStage } from "./root/ready-stage.ts";

/** What a builtin builder reads of its derivation. Strings are byte strings, as in the derivation. */
export interface BuiltinAttributes {
	/** Name of the derivation without `.drv`. */
	readonly name: string;
	readonly system: string;
	/** The derivation's environment, `outputHash` and the like included. */
	readonly env: ReadonlyMap<string, string>;
	/** Logical path of output `out`. */
	readonly outPath: string;
}

/** Bytes done of a total, for the display. */
export interface BuiltinProgress {
	readonly phase: "fetch" | "unpack" | "merge" | "configure" | "finish";
	/** What the work is on at present: a URL, a package. */
	readonly subject?: string;
	readonly done: number;
	/** Unknown: absent. */
	readonly total?: number;
	readonly unit: "bytes" | "packages" | "files";
}

export interface BuiltinContext {
	/** The host path of a logical store path (or of a path inside one). */
	physical(path: string): string;
	/** Host path to write the output to. Nothing is there yet; its folder exists, on the file system of the store. */
	readonly output: string;
	/** A private, empty host folder (0700) on the file system of the store; whoever called removes it. */
	readonly scratch: string;
	/** A folder for what builders keep between builds, on the file system of the store; it need not be there yet. Absent: nothing is kept. */
	readonly cache?: string;
	/** The next root's first stage. Absent: none is made beforehand. */
	readonly readyStage?: ReadyStage<FirstStage>;
	/** One line for the build log, without its line end. */
	log(line: string): void;
	progress(progress: BuiltinProgress): void;
	/** Aborted: stop soon and reject. */
	readonly signal: AbortSignal;
	readonly fetcher: Fetcher;
	readonly sandbox: Sandbox;
}

/** Rejects with a DiagnosticError where the input or the machine is at fault; any other error is a bug. */
export type BuiltinBuilder = (attributes: BuiltinAttributes, context: BuiltinContext) => Promise<void>;
