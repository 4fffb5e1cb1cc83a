/**
 * How fast a shell starts, beside `node -e 0` on the pinned Node:
 *
 * - `devenv shell -- true` with nothing changed and 500 tracked inputs, without a view and with one;
 * - the same through the daemon, with a changed `env:` value before each round.
 *
 * Usage: node scripts/bench/shell-start.ts [ROUNDS]. Uses DEVENV_HOME if set, else a temporary one; the view needs the
 * package `jq` and so, the first time, the Debian mirror.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Contestant, cleanEnvironment, measure, report } from "./measure.ts";

const rounds = Number(process.argv[2] ?? "60");
const devenv = join(import.meta.dirname, "../devenv");
const scratch = mkdtempSync(join(tmpdir(), "devenv-bench-"));
const home = process.env["DEVENV_HOME"] ?? join(scratch, "home");
const env = { DEVENV_HOME: home };

try {
	const plain = project("plain", "[]");
	const view = project("view", "[jq]");
	const node: Contestant = { name: "node -e 0", command: [process.execPath, "-e", "0"] };
	const shell = (name: string, cwd: string, before?: (round: number) => void): Contestant => ({
		name,
		command: [devenv, "shell", "--", "true"],
		cwd,
		env,
		...(before === undefined ? {} : { before }),
	});
	for (const each of [plain, view]) prepare(each);
	report(
		`devenv shell -- true, nothing changed, 500 tracked inputs (${rounds} rounds)`,
		measure(
			[node, shell("no view", plain), shell("view", view)].map((each) => ({ ...each, repeat: 10 })),
			rounds,
		),
		"node -e 0",
	);
	const changed = Math.max(10, Math.floor(rounds / 3));
	report(
		`devenv shell -- true through the daemon, env: value changed before each round (${changed} rounds)`,
		measure(
			[
				node,
				shell("no view, changed env", plain, (round) => {
					writeProject(plain, "[]", `round ${round} of ${scratch}`);
				}),
				shell("view, changed env", view, (round) => {
					writeProject(view, "[jq]", `round ${round} of ${scratch}`);
				}),
			],
			changed,
		),
		"node -e 0",
	);
} finally {
	spawnSync(devenv, ["daemon", "stop"], { env: { ...cleanEnvironment(), ...env }, stdio: "ignore" });
	rmSync(scratch, { recursive: true, force: true });
}

/** A project whose overlay imports 498 files, so that about 500 inputs are tracked. */
function project(name: string, packages: string): string {
	const folder = join(scratch, name);
	mkdirSync(join(folder, "parts"), { recursive: true });
	const imports: string[] = [];
	for (let index = 0; index < 498; index++) {
		writeFileSync(join(folder, "parts", `part-${index}.nix`), `{ value${index} = ${index}; }\n`);
		imports.push(`(import ./parts/part-${index}.nix)`);
	}
	writeFileSync(
		join(folder, "overlay.nix"),
		`final: prev: let parts = [ ${imports.join(" ")} ]; in builtins.deepSeq parts { }\n`,
	);
	writeProject(folder, packages, "first");
	return folder;
}

function writeProject(folder: string, packages: string, value: string): void {
	const text = `packages: ${packages}\noverlays: [./overlay.nix]\nenv: { GREETING: ${JSON.stringify(value)} }\n`;
	writeFileSync(join(folder, "env.yaml"), text);
}

function prepare(folder: string): void {
	const result = spawnSync(devenv, ["shell", "--", "true"], {
		cwd: folder,
		env: { ...cleanEnvironment(), ...env },
		encoding: "utf8",
	});
	if (result.status !== 0) throw new Error(`devenv shell ended with ${String(result.status)}:\n${result.stderr}`);
}
