/**
 * Building an index in a process of its own. Layer 3 (engine).
 *
 * It needs some hundred megabytes for a few seconds: in a thread of the daemon they would stay with the daemon, since the
 * allocator keeps what a thread gave back. The job goes to the process's standard input: one line of JSON, then the contents
 * of the Packages files one after the other; its answer is one JSON text on standard output.
 */

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Diagnostic, DiagnosticError } from "@devenv/diagnostics";
import type { BuiltIndex, IndexJob, PackagesFile } from "./build-index.ts";

/** A job without the contents, as it is sent. */
export interface IndexJobHeader extends Omit<IndexJob, "packages"> {
	readonly packages: readonly (Omit<PackagesFile, "contents"> & { readonly size: number })[];
}

/** What the process answers; anything else is a bug in it. */
export type IndexAnswer =
	| { readonly kind: "built"; readonly index: BuiltIndex }
	| { readonly kind: "refused"; readonly diagnostics: readonly Diagnostic[] };

/** Builds an index object. Aborting ends the process; the folder may then be there in part. */
export async function buildIndexInProcess(job: IndexJob, signal?: AbortSignal): Promise<BuiltIndex> {
	signal?.throwIfAborted();
	const program = fileURLToPath(new URL("./build-index-program.ts", import.meta.url));
	const child = spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "pipe"] });
	const abort = (): void => {
		child.kill("SIGKILL");
	};
	signal?.addEventListener("abort", abort, { once: true });
	try {
		const output: Buffer[] = [];
		const complaints: Buffer[] = [];
		child.stdout.on("data", (piece: Buffer) => output.push(piece));
		child.stderr.on("data", (piece: Buffer) => complaints.push(piece));
		const ended = new Promise<string>((resolve, reject) => {
			child.once("error", reject);
			child.once("close", (status, by) => {
				resolve(by ?? `status ${status}`);
			});
		});
		// A process that ends early leaves its input unread; its status tells of that.
		child.stdin.once("error", () => undefined);
		const { packages, ...rest } = job;
		const header: IndexJobHeader = {
			...rest,
			packages: packages.map(({ contents, ...file }) => ({ ...file, size: contents.length })),
		};
		child.stdin.write(`${JSON.stringify(header)}\n`);
		for (const { contents } of packages) child.stdin.write(contents);
		child.stdin.end();
		const end = await ended;
		signal?.throwIfAborted();
		if (end !== "status 0") {
			throw new Error(`building the index ended with ${end}: ${Buffer.concat(complaints).toString().trim()}`);
		}
		const answer = JSON.parse(Buffer.concat(output).toString()) as IndexAnswer;
		if (answer.kind === "refused") throw new DiagnosticError(answer.diagnostics);
		return answer.index;
	} finally {
		signal?.removeEventListener("abort", abort);
	}
}
