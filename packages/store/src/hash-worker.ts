/** The thread side of the hash pool: one request at a time, one reply each. Layer 2. */

import { parentPort } from "node:worker_threads";
import { DiagnosticError, type Diagnostic } from "@devenv/diagnostics";
import { bytesFromText } from "@devenv/nix-formats";
import { isSmallTree } from "./file-tree.ts";
import { HashPipe } from "./hash-pipe.ts";
import { digestTree, type DigestRequest, type TreeDigest } from "./tree-digest.ts";

export type HashReply =
	| { readonly kind: "digest"; readonly digest: TreeDigest }
	/** With diagnostics where the user can mend it. */
	| { readonly kind: "failed"; readonly message: string; readonly diagnostics: readonly Diagnostic[] | undefined };

/** `prepare` gets no reply. */
export type HashOrder = DigestRequest | "prepare";

parentPort?.on("message", (order: HashOrder) => {
	if (order === "prepare") pipe ??= new HashPipe();
	else parentPort?.postMessage(reply(order));
});

/** Below that, hashing beside reading gains less than the second thread costs. */
const SMALL = { files: 1_000, bytes: 2 ** 25 } as const;

let pipe: HashPipe | undefined;

function reply(request: DigestRequest): HashReply {
	try {
		if (isSmallTree(bytesFromText(request.path), SMALL)) return { kind: "digest", digest: digestTree(request) };
		pipe ??= new HashPipe();
		return { kind: "digest", digest: digestTree(request, pipe) };
	} catch (error) {
		/* It may be in the middle of a stream. */
		void pipe?.close();
		pipe = undefined;
		const diagnostics = error instanceof DiagnosticError ? error.diagnostics : undefined;
		return { kind: "failed", message: String(error), diagnostics };
	}
}
