import { readFileSync } from "node:fs";

/** The expressions of `expressions.txt`, without comments. */
export function readExpressions(): string[] {
	const lines = readFileSync(new URL("expressions.txt", import.meta.url), "utf8").split("\n");
	return lines.filter((line) => line !== "" && !line.startsWith("#"));
}
