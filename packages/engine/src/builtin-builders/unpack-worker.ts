/** The thread in which packages are unpacked: one request at a time, a DiagnosticError goes back as plain data. Layer 3. */

import { parentPort } from "node:worker_threads";
import { type Diagnostic, DiagnosticError } from "@devenv/diagnostics";
import { unpackArchive } from "./unpack-archive.ts";

/** To the thread. */
export type UnpackCommand =
	| { readonly kind: "unpack"; readonly source: string; readonly output: string; readonly packageName: string }
	| { readonly kind: "cancel" };

/** From the thread. */
export type UnpackReply =
	| { readonly kind: "progress"; readonly bytes: number }
	| { readonly kind: "done" }
	| { readonly kind: "refused"; readonly diagnostics: readonly Diagnostic[] }
	| { readonly kind: "crashed"; readonly message: string; readonly code: string | undefined; readonly stack: string };

const port = parentPort;
if (port === null) throw new Error("this module runs in a worker thread");

let running = new AbortController();
port.on("message", (command: UnpackCommand) => {
	if (command.kind === "cancel") {
		running.abort(new Error("cancelled"));
		return;
	}
	running = new AbortController();
	let lastProgress = 0;
	const reply = (message: UnpackReply): void => {
		port.postMessage(message);
	};
	unpackArchive({
		source: command.source,
		output: command.output,
		packageName: command.packageName,
		signal: running.signal,
		onProgress: (bytes) => {
			const now = performance.now();
			if (now - lastProgress < 100) return;
			lastProgress = now;
			reply({ kind: "progress", bytes });
		},
	}).then(
		() => {
			reply({ kind: "done" });
		},
		(error: unknown) => {
			if (error instanceof DiagnosticError) reply({ kind: "refused", diagnostics: error.diagnostics });
			else {
				const { message, code, stack } = error as NodeJS.ErrnoException;
				reply({ kind: "crashed", message, code, stack: stack ?? message });
			}
		},
	);
});
