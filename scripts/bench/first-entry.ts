/**
 * First entry with seven packages into an empty DEVENV_HOME, maintainer scripts included, beside downloading, unpacking
 * and configuring the same closure into an empty root with apt-get and dpkg (through mmdebstrap), in one run.
 *
 * Usage: node scripts/bench/first-entry.ts [ROUNDS]. Needs root (dpkg configures in a chroot), `mmdebstrap`, and the
 * Debian mirror. Both sides download everything in every round.
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cleanEnvironment, type Contestant, measureCold, report } from "./measure.ts";

const rounds = Number(process.argv[2] ?? "3");
const packages = ["python3", "nodejs", "jq", "ripgrep", "postgresql", "git", "gcc"];
const devenv = join(import.meta.dirname, "../devenv");
const scratch = mkdtempSync(join(tmpdir(), "devenv-bench-"));
const folder = join(scratch, "project");
const home = join(scratch, "home");
const root = join(scratch, "root");
const env = { DEVENV_HOME: home };

try {
	mkdirSync(folder);
	writeFileSync(join(folder, "env.yaml"), `packages: [${packages.join(", ")}]\n`);
	const names = closure();
	console.log(`closure: ${names.length} packages`);
	const contestants: readonly Contestant[] = [
		{
			name: "apt-get and dpkg",
			command: ["mmdebstrap", "--variant=apt", `--include=${names.join(",")}`, "trixie", root, ...mirror()],
			before: () => {
				rmSync(root, { recursive: true, force: true });
			},
		},
		{
			name: "devenv shell -- true, first entry",
			command: [devenv, "shell", "--", "true"],
			cwd: folder,
			env,
			before: () => {
				stop();
				rmSync(home, { recursive: true, force: true });
			},
		},
	];
	report(
		`first entry with ${packages.join(" ")} (${rounds} rounds)`,
		measureCold(contestants, rounds),
		"apt-get and dpkg",
	);
} finally {
	stop();
	rmSync(scratch, { recursive: true, force: true });
}

/** Enters once, so that env.lock is there for every round, and lists what the root is composed of. */
function closure(): string[] {
	run(["shell", "--", "true"]);
	const status = run(["shell", "--", "cat", "/var/lib/dpkg/status"]);
	return [...status.matchAll(/^Package: (.+)$/gm)].map((match) => match[1] ?? "");
}

function run(args: readonly string[]): string {
	const result = spawnSync(devenv, args, {
		cwd: folder,
		env: { ...cleanEnvironment(), ...env },
		encoding: "utf8",
		maxBuffer: 1 << 28,
	});
	if (result.status !== 0)
		throw new Error(`devenv ${args.join(" ")} ended with ${String(result.status)}:\n${result.stderr}`);
	return result.stdout;
}

function stop(): void {
	if (existsSync(home))
		spawnSync(devenv, ["daemon", "stop"], { env: { ...cleanEnvironment(), ...env }, stdio: "ignore" });
}

/** The first `URIs:` of the machine's apt configuration; nothing where apt's own default shall hold. */
function mirror(): string[] {
	const sources = "/etc/apt/sources.list.d/debian.sources";
	if (!existsSync(sources)) return [];
	const uri = /^URIs:\s*(\S+)/m.exec(readFileSync(sources, "utf8"))?.[1];
	return uri === undefined ? [] : [uri];
}
