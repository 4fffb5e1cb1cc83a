/** The user's own program after a build. Layer 3. Source: Nix manual, "post-build-hook". */

import { spawn } from "node:child_process";
import { DiagnosticError, diagnose } from "@devenv/diagnostics";
import type { DrvPath, StorePath } from "@devenv/nix-formats";

export interface HookRun {
	readonly hook: string;
	readonly name: string;
	readonly drvPath: DrvPath;
	readonly outputs: readonly StorePath[];
	/** What the hook writes, cut anywhere. */
	readonly onOutput: (chunk: Uint8Array) => void;
	readonly signal: AbortSignal;
}

/** Runs the hook to its end. The outputs are valid already, and stay so where it fails: `BUILD_HOOK`. */
export function runPostBuildHook({ hook, name, drvPath, outputs, onOutput, signal }: HookRun): Promise<void> {
	const failed = (why: string): DiagnosticError =>
		new DiagnosticError(
			diagnose("BUILD_HOOK", `the post-build hook ${hook} failed after '${name}': ${why}`, {
				hint: "the outputs are in the store; mend the hook, or take post_build_hook out of config.yaml",
			}),
		);
	return new Promise((resolve, reject) => {
		const child = spawn(hook, [], {
			env: { ...process.env, DRV_PATH: drvPath, OUT_PATHS: outputs.join(" ") },
			stdio: ["ignore", "pipe", "pipe"],
			signal,
		});
		child.stdout.on("data", onOutput);
		child.stderr.on("data", onOutput);
		child.once("error", (error) => reject(signal.aborted ? error : failed(error.message)));
		child.once("close", (status, killed) => {
			if (status === 0) resolve();
			else reject(failed(status === null ? `it was killed by ${String(killed)}` : `it left with status ${status}`));
		});
	});
}
