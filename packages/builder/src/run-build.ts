/** Runs one build in a sandbox. Layer 2. */

import { spawn } from "node:child_process";
import { mkdtempSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { DiagnosticError, unreachable } from "@devenv/diagnostics";
import { runInBubblewrap } from "./bubblewrap.ts";
import type { BuildOutcome, BuildRequest, RunningBuild } from "./build-request.ts";
import type { Sandbox } from "./detect-sandbox.ts";
import { helperSpecification } from "./helper-specification.ts";
import { watchProcess } from "./running-process.ts";

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
	const base = mkdtempSync(join(request.temporary ?? tmpdir(), "devenv-root-"));
	let specification: Uint8Array;
	try {
		specification = helperSpecification(request, { base, machine: process.arch });
	} catch (error) {
		rmdirSync(base);
		throw error;
	}
	const child = spawn(helper, ["build", "3", "4"], {
		stdio: ["ignore", "pipe", "pipe", "pipe", "pipe"],
		env: {},
		cwd: "/",
	});
	const input = child.stdio[3] as Writable;
	/* A helper that ends early has said why on its status pipe. */
	input.on("error", () => undefined);
	input.end(specification);
	return watchProcess(child, 4, {
		limits: request.limits ?? {},
		onOutput: request.onOutput ?? (() => undefined),
		signal: request.signal,
		conclude: concludeHelper,
		/* Those who tidy temporary folders may have been here during a long build. */
		cleanUp: () => {
			rmSync(base, { recursive: true, force: true });
		},
	});
}

/** Decodes `exited N | killed N | failed STEP ERROR` (`native/build.c`); the first report counts. */
function concludeHelper(
	status: Buffer,
	exit: { readonly code: number | null; readonly signal: string | null },
): BuildOutcome {
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
