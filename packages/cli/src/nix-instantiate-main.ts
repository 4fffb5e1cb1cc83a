/** `devenv nix-instantiate`: the evaluator in this process, without oclif and without the daemon. Layer 5. */

import { runNixInstantiate } from "./nix-instantiate/run-nix-instantiate.ts";
import { endWithReader, runToExit } from "./run-to-exit.ts";

export async function main(argv: readonly string[], keepCompiled: () => void): Promise<void> {
	endWithReader();
	process.once("exit", keepCompiled);
	await runToExit(() => runNixInstantiate(argv));
}
