/**
 * Records anew what real Nix prints for each expression of `recorded.json`: `node record.ts NIX_INSTANTIATE…` (by hand,
 * when expressions were added with any output).
 */

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

const [program = "nix-instantiate", ...options] = process.argv.slice(2);
const file = new URL("recorded.json", import.meta.url);
const recorded: Record<string, string> = {};
for (const expression of Object.keys(JSON.parse(readFileSync(file, "utf8")) as object)) {
	const run = spawnSync(program, [...options, "--eval", "--strict", "-E", expression], { cwd: "/", encoding: "utf8" });
	if (run.status !== 0) throw new Error(`${expression}: ${run.stderr}`);
	recorded[expression] = run.stdout.trimEnd();
}
writeFileSync(file, `${JSON.stringify(recorded, null, "\t")}\n`);
