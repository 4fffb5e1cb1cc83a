/** `devenv shell`, on the path that loads nothing but what it needs. Layer 5. */

import { enterShell } from "./enter-shell.ts";
import { runToExit } from "./run-to-exit.ts";
import { parseShellArguments } from "./shell-arguments.ts";

/** Runs `devenv shell` with the arguments after `shell`; help and mistakes go to the whole parser. */
export async function main(argv: readonly string[], keepCompiled: () => void): Promise<void> {
	const request = parseShellArguments(argv);
	if (request !== undefined) await runToExit(() => enterShell(request, keepCompiled));
	const oclif = await import("./oclif-main.ts");
	await oclif.main(["shell", ...argv]);
}
