/** What is wrong with a store, for people. Pure. Layer 5. */

import { unreachable } from "@devenv/diagnostics";
import { formatHash } from "@devenv/nix-formats";
import type { VerifyFault } from "@devenv/store";

export function describeFault(fault: VerifyFault): string {
	switch (fault.kind) {
		case "missing":
			return `${fault.path} is not there`;
		case "modified":
			return `${fault.path} was changed: its hash is ${formatHash(fault.found, "sri")} instead of ${formatHash(fault.expected, "sri")}`;
		case "unreadable":
			return `${fault.path} cannot be read: ${fault.reason}`;
		case "link":
			return `${fault.file}, which store objects share, was changed`;
		case "database":
			return `the database is damaged: ${fault.reason}`;
		default:
			return unreachable(fault);
	}
}
