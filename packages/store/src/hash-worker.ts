/** The thread side of the hash pool: one request at a time, one reply each. Layer 2. */

import { parentPort } from "node:worker_threads";
import { DiagnosticError, type Diagnostic } from "@devenv/diagnostics";
import { digestTree, type DigestRequest, type TreeDigest } from "./tree-digest.ts";

export type HashReply =
	| { readonly kind: "digest"; readonly digest: TreeDigest }
	/** With diagnostics where the user can mend it. */
	| { readonly kind: "failed"; readonly message: string; readonly diagnostics: readonly Diagnostic[] | undefined };

parentPort?.on("message", (request: DigestRequest) => {
	parentPort?.postMessage(reply(request));
});

function reply(request: DigestRequest): HashReply {
	try {
		return { kind: "digest", digest: digestTree(request) };
	} catch (error) {
		const diagnostics = error instanceof DiagnosticError ? error.diagnostics : undefined;
		return { kind: "failed", message: String(error), diagnostics };
	}
}
