/** Processes for people. Layer 5. */

import type { ProcessStatus } from "@devenv/protocol";
import { formatTable } from "./text-table.ts";

/** One line a process: name, state, for how long, ports, and why it is not as it should be. */
export function formatProcesses(processes: readonly ProcessStatus[]): string {
	if (processes.length === 0) return "No processes are declared.\n";
	return formatTable(
		processes.map(({ name, state, seconds, ports, restarts, reason, pid }) => [
			name,
			state,
			duration(seconds),
			pid === null ? "" : String(pid),
			ports.map((each) => `${each.name} ${each.port}`).join(", "),
			[reason, restarts > 0 ? `${restarts} ${restarts === 1 ? "restart" : "restarts"}` : ""]
				.filter((text) => text !== "")
				.join("; "),
		]),
	);
}

/** `7s`, `3m`, `2h`, `5d`. */
function duration(seconds: number): string {
	if (seconds < 60) return `${Math.floor(seconds)}s`;
	if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
	if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h`;
	return `${Math.floor(seconds / 86_400)}d`;
}
