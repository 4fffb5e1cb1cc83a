/** What came of bringing open shells to another environment, in a sentence. Layer 5. */

import type { ReloadResult } from "@devenv/protocol";

export function describeReload({ shells, summary }: ReloadResult): string {
	const count = shells === 1 ? "1 shell" : `${shells} shells`;
	if (shells === 0) return "No shell of this project is open.";
	if (summary === "") return `Nothing has changed for ${count}.`;
	return `${count} ${shells === 1 ? "takes" : "take"} at the next prompt: ${summary}`;
}
