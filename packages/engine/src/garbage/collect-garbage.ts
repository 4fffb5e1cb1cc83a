/**
 * Garbage collection of the engine's store, on a thread of its own, so that requests are answered meanwhile. Layer 3.
 *
 * Beside what Nix keeps, the unpacked packages of every root that is kept stay: another root of nearly the same packages is
 * then made without a download. Their files are those of the root (hard links), so they cost little.
 */

import { Worker } from "node:worker_threads";
import { type Diagnostic, DiagnosticError } from "@devenv/diagnostics";
import type { StorePlace } from "@devenv/store";
import type { GarbageOutcome, GarbageRequest } from "../engine-interface.ts";

export interface CollectRequest extends GarbageRequest {
	readonly place: StorePlace;
}

export type CollectReply =
	| { readonly kind: "report"; readonly report: GarbageOutcome }
	| { readonly kind: "refused"; readonly diagnostics: readonly Diagnostic[] }
	| { readonly kind: "bug"; readonly message: string; readonly stack: string };

/** Rejects with `STORE_…`. */
export async function collectInThread(request: CollectRequest): Promise<GarbageOutcome> {
	const worker = new Worker(new URL("./collect-worker.ts", import.meta.url), { workerData: request });
	const { promise, resolve, reject } = Promise.withResolvers<CollectReply>();
	worker.once("message", resolve);
	worker.once("error", reject);
	worker.once("exit", (code) => {
		reject(new Error(`the collector's thread ended with ${code}`));
	});
	const reply = await promise;
	switch (reply.kind) {
		case "report":
			return reply.report;
		case "refused":
			throw new DiagnosticError(reply.diagnostics);
		case "bug":
			throw Object.assign(new Error(reply.message), { stack: reply.stack });
	}
}
