/**
 * Records what real Nix prints for each of `expressions.txt`: `node record.ts NIX_INSTANTIATE…` (by hand, when the list
 * changes). Failures are recorded as null, since their wording differs between versions of Nix.
 */

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { readExpressions } from "./expressions.ts";

const [program = "nix-instantiate", ...options] = process.argv.slice(2);
const recorded: Record<string, string | null> = {};
for (const expression of readExpressions()) {
	const run = spawnSync(program, [...options, "--eval", "--strict", "-E", expression], { cwd: "/", encoding: "utf8" });
	recorded[expression] = run.status === 0 ? run.stdout.trimEnd() : null;
}
writeFileSync(new URL("recorded.json", import.meta.url), `${JSON.stringify(recorded, null, "\t")}\n`);
