/**
 * Draws packages from the whole index by a seed, composes an environment of each one alone, and starts its commands.
 *
 * Usage: node scripts/conformance/packages.ts [--count N] [--seed N] [--from N]
 *
 * A package fails when its environment cannot be resolved or composed, or when a command of it (the files that it has in
 * bin, sbin and games) does not start: not found, not executable, a library or module missing, a crash. Commands are run
 * as `COMMAND --version` without input, for at most ten seconds; what they answer does not matter. Prints a line a
 * package, the failures with reasons, and a closing line; the exit code is 1 when anything failed. Run it as an ordinary
 * user: it starts programs that nobody here has read. Uses DEVENV_HOME if set, else a temporary one.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

const { values } = parseArgs({
	options: {
		count: { type: "string", default: "200" },
		seed: { type: "string", default: String(Date.now() % 1_000_000) },
		from: { type: "string", default: "0" },
	},
});
const [count, seed, from] = [Number(values.count), Number(values.seed), Number(values.from)];
const devenv = join(import.meta.dirname, "../devenv");
const scratch = mkdtempSync(join(tmpdir(), "devenv-packages-"));
const home = join(scratch, "user-home");
mkdirSync(home);
const env = {
	PATH: process.env["PATH"],
	TERM: "dumb",
	LANG: "C.UTF-8",
	HOME: home,
	DEVENV_HOME: process.env["DEVENV_HOME"] ?? join(scratch, "home"),
};

/** Each command's name, exit status and last line of error output, one line a command, fields separated by tabs. */
const startCommands = `
name=$1
# Programs with windows have no display here.
export QT_QPA_PLATFORM=offscreen
for list in "/var/lib/dpkg/info/$name.list" "/var/lib/dpkg/info/$name":*.list; do
  [ -e "$list" ] || continue
  grep -E '^/(usr/)?(bin|sbin|games)/[^/]+$' "$list" | while read -r command; do
    [ -f "$command" ] || continue
    timeout -k 1 10 "$command" --version </dev/null >/dev/null 2>errors
    printf '%s\\t%s\\t%s\\n' "$command" "$?" "$(tail -n 3 errors | tr '\\n\\t' '  ' | cut -c 1-300)"
  done
done
`;

const missing =
	/error while loading shared libraries|cannot execute|required file not found|ModuleNotFoundError|ImportError|Can't locate \\S+ in @INC|Cannot find module|cannot load such file|Could not find or load main class|can't find package/;

try {
	console.log(`seed ${seed}, ${count} packages${from > 0 ? `, from number ${from}` : ""}`);
	const names = draw(allNames(), count, seed).slice(from);
	const failures: string[] = [];
	let commands = 0;
	for (const [index, name] of names.entries()) {
		const started = performance.now();
		const result = tryPackage(name);
		commands += result.commands;
		const seconds = ((performance.now() - started) / 1000).toFixed(1);
		const outcome = result.failures.length === 0 ? `ok, ${result.commands} commands` : "FAILED";
		console.log(`${String(from + index + 1).padStart(4)} ${name} ${result.version}: ${outcome} (${seconds} s)`);
		for (const failure of result.failures) {
			console.log(`       ${failure}`);
			failures.push(`${name}: ${failure}`);
		}
	}
	const failed = new Set(failures.map((failure) => failure.slice(0, failure.indexOf(":")))).size;
	console.log(`\n${names.length - failed} of ${names.length} packages, ${commands} commands started`);
	for (const failure of failures) console.log(`  ${failure}`);
	process.exitCode = failed > 0 ? 1 : 0;
} finally {
	run(["daemon", "stop"], scratch);
	spawnSync("chmod", ["-R", "u+w", scratch]);
	rmSync(scratch, { recursive: true, force: true });
}

interface Trial {
	readonly version: string;
	readonly commands: number;
	readonly failures: readonly string[];
}

function tryPackage(name: string): Trial {
	const folder = join(scratch, "project");
	rmSync(folder, { recursive: true, force: true });
	mkdirSync(folder);
	writeFileSync(join(folder, "env.yaml"), `packages: [${JSON.stringify(name)}]\n`);
	const { status, stdout, stderr } = run(["shell", "--", "sh", "-c", startCommands, "sh", name], folder);
	const version = /"version":\s*"([^"]+)"/.exec(run(["info", "--json"], folder).stdout)?.[1] ?? "?";
	if (status !== 0) {
		const lines = stderr.split("\n").filter((line) => line !== "" && !line.startsWith("devenv: "));
		return { version, commands: 0, failures: [`no environment: ${lines.slice(0, 12).join("\n         ")}`] };
	}
	const rows = stdout.split("\n").filter((line) => line !== "");
	const failures = rows.flatMap((row) => {
		const [command = "", code = "", message = ""] = row.split("\t");
		const reason = notStarted(Number(code), message);
		return reason === undefined ? [] : [`${command} ${reason}: ${message}`];
	});
	return { version, commands: rows.length, failures };
}

/** Why an exit status and the end of the error output mean that the command did not start. */
function notStarted(code: number, message: string): string | undefined {
	if (missing.test(message)) return "misses something";
	if (code === 126 || code === 127) return `could not be run (${code})`;
	// 124 and 137 are our own timeout's; a program that waits has started.
	if (code > 128 && code < 193 && code !== 137 && code !== 141) return `ended by signal ${code - 128}`;
	return undefined;
}

/** Every package name of the locked index, in the index's order. */
function allNames(): string[] {
	const folder = join(scratch, "all");
	mkdirSync(folder);
	writeFileSync(join(folder, "env.yaml"), "packages: []\n");
	for (const args of [["update"], ["shell", "--", "true"]]) {
		const { status, stderr } = run(args, folder);
		if (status !== 0) throw new Error(stderr);
	}
	const store = join(env.DEVENV_HOME, "root/nix/store");
	const index = readdirSync(store).find((name) => name.includes("-debian-index-"));
	if (index === undefined) throw new Error(`no index object in ${store}`);
	return Object.keys(JSON.parse(readFileSync(join(store, index, "versions.json"), "utf8")) as Record<string, string>);
}

/** `count` different names, drawn with mulberry32 from the seed. */
function draw(names: readonly string[], most: number, start: number): string[] {
	let state = start >>> 0;
	const random = (): number => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
	};
	const drawn = new Set<string>();
	while (drawn.size < Math.min(most, names.length)) {
		const name = names[Math.floor(random() * names.length)];
		if (name !== undefined) drawn.add(name);
	}
	return [...drawn];
}

function run(args: readonly string[], cwd: string): { status: number | null; stdout: string; stderr: string } {
	return spawnSync(devenv, args, { cwd, env, encoding: "utf8", input: "", maxBuffer: 1 << 28, timeout: 900_000 });
}
