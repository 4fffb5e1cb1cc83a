/** `--help` and `--version` of the drop-ins, which go before all else. Layer 5. */

import { writeText } from "./byte-output.ts";

/** Answers them; false where neither is asked. */
export async function tellAbout(program: string, usage: string, argv: readonly string[]): Promise<boolean> {
	if (argv.includes("--help")) {
		writeText(usage);
		return true;
	}
	if (!argv.includes("--version")) return false;
	const { NIX_VERSION } = await import("@devenv/evaluator");
	writeText(`${program} (Nix) ${NIX_VERSION}\n`);
	return true;
}
