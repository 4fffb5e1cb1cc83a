/**
 * Resident memory of an idle daemon that has evaluated an environment of the default package set.
 *
 * Usage: node scripts/bench/memory.ts. Uses DEVENV_HOME if set, else a temporary one (which needs the Debian mirror).
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cleanEnvironment } from "./measure.ts";

const devenv = join(import.meta.dirname, "../devenv");
const scratch = mkdtempSync(join(tmpdir(), "devenv-bench-"));
const env = { ...cleanEnvironment(), DEVENV_HOME: process.env["DEVENV_HOME"] ?? join(scratch, "home") };

try {
	writeFileSync(join(scratch, "env.yaml"), "packages: [python3, nodejs, jq, ripgrep, postgresql, git, gcc]\n");
	run(["update"]);
	run(["info", "--json"]);
	await new Promise((resolve) => setTimeout(resolve, 5000));
	const { pid } = JSON.parse(run(["daemon", "status", "--json"])) as { pid: number };
	const status = readFileSync(`/proc/${pid}/status`, "utf8");
	for (const field of ["VmHWM", "VmRSS"]) {
		const kibibytes = Number(new RegExp(`^${field}:\\s*(\\d+) kB$`, "m").exec(status)?.[1]);
		console.log(`${field} ${((kibibytes * 1024) / 1e6).toFixed(0)} MB`);
	}
} finally {
	spawnSync(devenv, ["daemon", "stop"], { env, stdio: "ignore" });
	rmSync(scratch, { recursive: true, force: true });
}

function run(args: readonly string[]): string {
	const result = spawnSync(devenv, args, { cwd: scratch, env, encoding: "utf8" });
	if (result.status !== 0)
		throw new Error(`devenv ${args.join(" ")} ended with ${String(result.status)}:\n${result.stderr}`);
	return result.stdout;
}
