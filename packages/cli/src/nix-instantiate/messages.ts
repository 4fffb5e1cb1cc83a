/** What the thread that evaluates and the one that waits for it say to each other. Layer 5: plain data. */

import type { MessagePort } from "node:worker_threads";
import type { Question } from "@devenv/engine/eval-io";
import type { InstantiateArguments } from "./arguments.ts";
import type { FoundDerivation } from "./derivation-search.ts";

/** `workerData` of the evaluating thread. */
export interface InstantiateTask {
	readonly arguments: InstantiateArguments;
	/** Root of the store; undefined for none, where nothing can be written. */
	readonly storeRoot: string | undefined;
	/** Folder for what can be fetched again. */
	readonly cache: string;
	/** Say which derivations there are, instead of printing them. */
	readonly collect: boolean;
	/** One Int32 cell: the number of answers given so far. */
	readonly wake: SharedArrayBuffer;
	readonly answers: MessagePort;
}

/** From the evaluating thread. */
export type InstantiateMessage =
	| { readonly kind: "exit"; readonly status: number }
	| { readonly kind: "derivation"; readonly derivation: FoundDerivation }
	/** To be answered at the port, see MainThread. */
	| { readonly kind: "ask"; readonly question: Question };
