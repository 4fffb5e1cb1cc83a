/** Columns of text for people. Pure. Layer 5. */

import { printable } from "@devenv/diagnostics";

/** Rows with their columns aligned, two spaces between them, the last one as it is; control characters replaced. */
export function formatTable(rows: readonly (readonly string[])[], indent = ""): string {
	const clean = rows.map((row) => row.map((cell) => printable(cell)));
	const widths: number[] = [];
	for (const row of clean) {
		for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
	}
	return clean
		.map((row) => row.map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0))))
		.map((row) => `${indent}${row.join("  ").trimEnd()}\n`)
		.join("");
}
