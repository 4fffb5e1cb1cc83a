/** Runs one build in a sandbox. Layer 2. */

import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DiagnosticError, unreachable } from "@devenv/diagnostics";
import { runInBubblewrap } from "./bubblewrap.ts";
import type { BuildOutcome, BuildRequest, RunningBuild } from "./build-request.ts";
import { startBuild } from "./build-server.ts";
import type { Sandbox } from "./detect-sandbox.ts";
import { helperSpecification } from "./helper-specification.ts";
import { watchProcess } from "./running-process.ts";
import type { ProcessExit } from "./watched-process.ts";

/**
 * Starts the build. Fails with a DiagnosticError when the sandbox is of kind `none`, or when the request asks for what the
 * sandbox cannot give; everything later is an outcome.
 */
export function runBuild(sandbox: Sandbox, request: BuildRequest): RunningBuild {
	switch (sandbox.kind) {
		case "helper":
			return runInHelper(sandbox.helper, request);
		case "bwrap":
			return runInBubblewrap(sandbox.bwrap, request);
		case "none":
			throw new DiagnosticError(sandbox.diagnostic);
		default:
			return unreachable(sandbox);
	}
}

function runInHelper(helper: string, request: BuildRequest): RunningBuild {
	const base = placeOfRoot(request);
	let specification: Uint8Array;
	try {
		specification = helperSpecification(request, { base: base.path, machine: process.arch });
	} catch (error) {
		base.remove();
		throw error;
	}
	return watchProcess(startBuild(helper, specification), {
		limits: request.limits ?? {},
		onOutput: request.onOutput ?? (() => undefined),
		signal: request.signal,
		conclude: concludeHelper,
		cleanUp: base.remove,
	});
}

/** Where the new root is mounted: a tree on itself, anything else on an empty folder. */
function placeOfRoot({ root, mountPoint, temporary }: BuildRequest): {
	readonly path: string;
	readonly remove: () => void;
} {
	const there = root.kind === "tree" ? root.path : mountPoint;
	if (there !== undefined) return { path: there, remove: () => undefined };
	const path = mkdtempSync(join(temporary ?? tmpdir(), "devenv-root-"));
	const remove = (): void => {
		try {
			rmdirSync(path);
		} catch (error) {
			/* Those who tidy temporary folders may have been here during a long build. */
			if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
		}
	};
	return { path, remove };
}

/** Decodes `exited N | killed N | failed STEP ERROR` (`native/build.h`); the first report counts. */
function concludeHelper(status: Buffer, exit: ProcessExit): BuildOutcome {
	const [kind, first, second] = status.toString("utf8").split("\0");
	if (kind === "exited" && first !== undefined) return { kind: "exited", status: Number(first) };
	if (kind === "killed" && first !== undefined) return { kind: "killed", signal: Number(first) };
	if (kind === "failed" && first !== undefined)
		return { kind: "setup-failed", step: first, error: second ?? "unknown" };
	/* No report: something outside ended the helper or its first process. */
	return {
		kind: "setup-failed",
		step: "run the sandbox helper",
		error: `it ended by ${exit.signal ?? `status ${exit.code}`}`,
	};
}
