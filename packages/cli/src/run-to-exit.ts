/** Runs a command to its exit code, however it ends. Layer 5. */

import { failureOf, renderFailure } from "./failure.ts";
import { standardErrorTerminal, writeError } from "./standard-error.ts";

/** Runs the work and ends the process with the exit code that it resolves to, or with its failure, printed. */
export async function runToExit(work: () => number | Promise<number>): Promise<never> {
	try {
		return process.exit(await work());
	} catch (error) {
		const failure = failureOf(error);
		writeError(renderFailure(failure, standardErrorTerminal().color));
		return process.exit(failure.exitCode);
	}
}

/** Lets a reader that leaves (`devenv search x | head`) end the command as SIGPIPE would. Not for what starts a shell. */
export function endWithReader(): void {
	process.stdout.on("error", (error: NodeJS.ErrnoException) => {
		if (error.code === "EPIPE") process.exit(141);
		throw error;
	});
}
