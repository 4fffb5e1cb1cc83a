/** What the terminal's thread of `repl` and the one that evaluates say to each other. Layer 5: plain data. */

import type { MessagePort } from "node:worker_threads";
import type { Question } from "@devenv/engine/eval-io";

/** `workerData` of the evaluating thread. */
export interface ReplSetup {
	readonly storeRoot: string;
	/** Folder for what can be fetched again. */
	readonly cache: string;
	/** Entries of the search path. */
	readonly include: readonly string[];
	/** Where older versions kept build logs. */
	readonly formerLogs: string;
	/** One Int32 cell: the number of answers given so far. */
	readonly wake: SharedArrayBuffer;
	readonly answers: MessagePort;
}

/** To the evaluating thread. */
export type ReplRequest =
	| { readonly kind: "line"; readonly text: string }
	/** What could stand for the last word of a line. */
	| { readonly kind: "complete"; readonly text: string };

export type ReplMessage =
	/** Printed while a line is worked on. */
	| { readonly kind: "print"; readonly text: string; readonly to: "output" | "error" }
	| { readonly kind: "done"; readonly outcome: LineOutcome }
	| { readonly kind: "completions"; readonly names: readonly string[]; readonly word: string }
	| { readonly kind: "ask"; readonly question: Question };

export type LineOutcome =
	| "done"
	/** It failed; what was wrong has been printed. */
	| "failed"
	/** The expression goes on in the next line. */
	| "incomplete"
	| "quit";
