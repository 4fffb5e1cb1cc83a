/** Checks the layers of ARCHITECTURE.md over every source; fails when it has read no module. */

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

interface Violation {
	readonly from: string;
	readonly to: string;
	readonly rule: { readonly name: string };
}

interface CruiseOutput {
	readonly modules: readonly { readonly source: string }[];
	readonly summary: { readonly violations: readonly Violation[] };
}

const top = join(import.meta.dirname, "../..");
const cruiser = join(top, "node_modules/dependency-cruiser/bin/dependency-cruiser.mjs");
const run = spawnSync(
	process.execPath,
	[cruiser, "--config", ".dependency-cruiser.cjs", "--output-type", "json", "packages"],
	{
		cwd: top,
		encoding: "utf8",
		maxBuffer: 1 << 28,
	},
);
if (run.error !== undefined) throw run.error;
if (run.stdout === "") throw new Error(`dependency-cruiser printed nothing: ${run.stderr}`);
const output = JSON.parse(run.stdout) as CruiseOutput;

const read = new Set(output.modules.map((module) => module.source));
const packages = readdirSync(join(top, "packages"));
const unread = packages.filter((name) => !read.has(`packages/${name}/src/index.ts`));
for (const { from, to, rule } of output.summary.violations) console.error(`${rule.name}: ${from} → ${to}`);
for (const name of unread) console.error(`not read: packages/${name}/src/index.ts`);
console.log(`layers: ${read.size} modules read, ${output.summary.violations.length} violations`);
process.exitCode = unread.length > 0 || packages.length === 0 || output.summary.violations.length > 0 ? 1 : 0;
