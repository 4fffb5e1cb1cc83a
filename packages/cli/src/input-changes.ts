/** What was locked otherwise, for people. Layer 5. */

import type { InputChange } from "@devenv/protocol";
import { formatTable } from "./text-table.ts";

export function formatInputChanges(changes: readonly InputChange[]): string {
	return formatTable(
		changes.map(({ input, from, to }) => [input, formatChange(from, to)]),
		"  ",
	);
}

function formatChange(from: string | null, to: string | null): string {
	if (to === null) return "(not declared any more)";
	// Of one date, and yet another content.
	if (from === to) return `${to} (other content)`;
	return `${from ?? "(new)"} → ${to}`;
}
