/** `devenv shell`, on the path that loads nothing but what it needs. Layer 5. */

import { addAccountVariables, removeAccountVariables } from "./account-variables.ts";
import { enterShell } from "./enter-shell.ts";
import { runToExit } from "./run-to-exit.ts";
import { parseShellArguments } from "./shell-arguments.ts";

/** Runs `devenv shell` with the arguments after `shell`; help and mistakes go to the whole parser. */
export async function main(argv: readonly string[], keepCompiled: () => void): Promise<void> {
	const request = parseShellArguments(argv);
	if (request !== undefined) await runToExit(() => enterShell(request, keepCompiled));
	addAccountVariables();
	const oclif = await import("./oclif-main.ts");
	removeAccountVariables();
	await oclif.main(["shell", ...argv]);
}
