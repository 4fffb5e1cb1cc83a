/**
 * Reads a table of bad texts with the messages they must give. A case is `=== name`, the text, a line `~~~`, and the
 * whole rendered diagnostics. In the text `␉` is a tab and `␛` an escape character, so that both can be seen.
 */

import { readFileSync } from "node:fs";

export interface DiagnosticCase {
	readonly name: string;
	readonly text: string;
	readonly expected: string;
}

export function readDiagnosticCases(file: URL): readonly DiagnosticCase[] {
	return readFileSync(file, "utf8")
		.split(/^=== /m)
		.slice(1)
		.map((block) => {
			const [head = "", expected = ""] = block.split("\n~~~\n");
			const [name = "", ...lines] = head.split("\n");
			const text = `${lines.join("\n")}\n`.replaceAll("␉", "\t").replaceAll("␛", "\u001b");
			return { name, text, expected: expected.trimEnd() };
		});
}
