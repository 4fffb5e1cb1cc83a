/**
 * Runs every check and every test, or the test files named as arguments, and prints the closing line
 * `N passed, N failed, N skipped`. A check (types, lint, format, layers, unused code) counts as one test.
 *
 * The exit code is 1 when anything failed or when no test ran, else 0. The whole output of the tests is kept in
 * `build/tests.tap`.
 */

import { spawn } from "node:child_process";
import { createWriteStream, globSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describeYounger, killGroup } from "./processes.ts";

interface Tally {
	passed: number;
	failed: number;
	skipped: number;
}

interface Check {
	readonly name: string;
	readonly command: readonly string[];
}

const top = join(import.meta.dirname, "..");
const bin = (path: string): string => join(top, "node_modules", path);

const checks: readonly Check[] = [
	{ name: "types", command: [bin("typescript/bin/tsc"), "--build"] },
	{ name: "format", command: [bin("@biomejs/biome/bin/biome"), "format", "."] },
	{ name: "lint", command: [bin("eslint/bin/eslint.js"), "."] },
	{ name: "layers", command: ["scripts/checks/layers.ts"] },
	{ name: "unused code", command: [bin("knip/bin/knip.js")] },
];

/** Longer than the time that ava gives a test without any result (ava.config.js) and than any test asks for. */
const SILENCE_MINUTES = 20;
const LEFT_BEHIND_SECONDS = 30;

const signals: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
const files = process.argv.slice(2);
mkdirSync(join(top, "build"), { recursive: true });

if (files.length === 0) for (const check of checks) await runCheck(check);
const ran = await runAva(files);
if (!ran) console.error("no test ran");
console.log(`${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped`);
process.exitCode = tally.failed > 0 || !ran ? 1 : 0;

async function runCheck(check: Check): Promise<void> {
	const started = performance.now();
	const { code, output } = await run(check.command, () => undefined);
	const seconds = ((performance.now() - started) / 1000).toFixed(1);
	if (code === 0) {
		tally.passed++;
		console.log(`ok      check: ${check.name} (${seconds} s)`);
	} else {
		tally.failed++;
		console.log(`FAILED  check: ${check.name} (exit ${code})\n${output}`);
	}
}

/** Runs ava, prints failures and skips as they come, and adds to the tally. Whether any test ran. */
async function runAva(patterns: readonly string[]): Promise<boolean> {
	const log = createWriteStream(join(top, "build/tests.tap"));
	let tests = 0;
	let failed = 0;
	const seen = new Set<string>();
	/** The test whose comments and details are being read. */
	let current: { readonly title: string; readonly failed: boolean } | undefined;
	const { code, ended } = await run([bin("ava/entrypoints/cli.js"), "--tap", ...patterns], (line) => {
		log.write(`${line}\n`);
		const result = /^(not )?ok \d+ - (.*)$/.exec(line);
		if (result !== null) {
			tests++;
			seen.add(result[2] ?? "");
			current = { title: result[2] ?? "", failed: result[1] !== undefined };
			if (current.failed) {
				failed++;
				console.log(`FAILED  ${current.title}`);
			} else if (current.title.endsWith(" # SKIP")) {
				tally.skipped++;
				console.log(`skipped ${current.title.slice(0, -" # SKIP".length)}`);
			} else {
				tally.passed++;
			}
			return;
		}
		// What `skip` of @devenv/test-support logs; it follows the result.
		const reason = /^# {3}skipped: (.*)$/.exec(line)?.[1];
		if (reason !== undefined && current?.failed === false) {
			tally.passed--;
			tally.skipped++;
			console.log(`skipped ${current.title}: ${reason}`);
			current = undefined;
		}
		if (current?.failed === true) console.log(line);
	});
	log.end();
	if (!ended && patterns.length === 0) {
		const titles = [...seen];
		// A title begins with the file's path: `packages › store › test › add › hashes a file`.
		const silent = globSync(["packages/*/test/**/*.test.ts", "test/**/*.test.ts"], { cwd: top }).filter((file) => {
			const start = `${file.slice(0, -".test.ts".length).replaceAll("/", " › ")} › `;
			return !titles.some((title) => title.startsWith(start));
		});
		console.log(`Test files without any result: ${silent.join(" ") || "none"}`);
	}
	// Some failures show in the exit code only, as when a file ends before its tests.
	if (code !== 0 && failed === 0) {
		failed++;
		console.log(`FAILED  ava ended with exit code ${code}; see build/tests.tap`);
	}
	tally.failed += failed;
	return tests > 0;
}

/**
 * Runs a command on this Node (or as it is, for a native one); its output line by line and as a whole.
 *
 * Never waits without end: a command that says nothing for {@link SILENCE_MINUTES} is ended, what it left in its process group is
 * ended after it, and what else holds its output open is not waited for. All is said with the processes concerned; the first
 * and the last fail the command (`ended` is false then).
 */
async function run(
	command: readonly string[],
	onLine: (line: string) => void,
): Promise<{ code: number; output: string; ended: boolean }> {
	const child = spawn(process.execPath, [...command], {
		cwd: top,
		stdio: ["ignore", "pipe", "pipe"],
		env: { ...process.env, FORCE_COLOR: "0" },
		// A process group of its own, so that it can be ended with what it started.
		detached: true,
	});
	const pid = child.pid ?? 0;
	const interrupt = (): void => {
		killGroup(pid);
		process.exit(130);
	};
	for (const signal of signals) process.on(signal, interrupt);
	const lines: string[] = [];
	const faults: string[] = [];
	const silence = setTimeout(() => {
		const last = lines.at(-1) ?? "nothing";
		faults.push(`FAILED  nothing was said for ${SILENCE_MINUTES} minutes; the last line: ${last}\n${killGroup(pid)}`);
	}, SILENCE_MINUTES * 60_000);
	const readers = [child.stdout, child.stderr].map((input) => createInterface({ input }));
	const reading = Promise.all(
		readers.map(async (reader) => {
			for await (const line of reader) {
				silence.refresh();
				lines.push(line);
				onLine(line);
			}
		}),
	);
	const code = await new Promise<number>((resolve, reject) => {
		child.on("error", reject);
		child.on("exit", (exit) => {
			resolve(exit ?? 1);
		});
	});
	clearTimeout(silence);
	for (const signal of signals) process.off(signal, interrupt);
	const left = killGroup(pid);
	if (left !== "") console.log(`note    ended what was left behind:\n${left}`);
	const patience = setTimeout(() => {
		faults.push(`FAILED  something left behind holds the output; processes that began since:\n${describeYounger()}`);
		for (const reader of readers) reader.close();
		child.stdout.destroy();
		child.stderr.destroy();
	}, LEFT_BEHIND_SECONDS * 1000);
	await reading;
	clearTimeout(patience);
	for (const fault of faults) console.log(fault);
	return { code: faults.length > 0 ? code || 1 : code, output: lines.join("\n"), ended: faults.length === 0 };
}
