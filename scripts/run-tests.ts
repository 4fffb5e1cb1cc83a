/**
 * Runs every check and every test, or the test files named as arguments, and prints the closing line
 * `N passed, N failed, N skipped`. A check (types, lint, format, layers, unused code) counts as one test.
 *
 * The exit code is 1 when anything failed or when no test ran, else 0. The whole output of the tests is kept in
 * `build/tests.tap`.
 */

import { spawn } from "node:child_process";
import { createWriteStream, mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

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
	/** The test whose comments and details are being read. */
	let current: { readonly title: string; readonly failed: boolean } | undefined;
	const { code } = await run([bin("ava/entrypoints/cli.js"), "--tap", ...patterns], (line) => {
		log.write(`${line}\n`);
		const result = /^(not )?ok \d+ - (.*)$/.exec(line);
		if (result !== null) {
			tests++;
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
	// Some failures show in the exit code only, as when a file ends before its tests.
	if (code !== 0 && failed === 0) {
		failed++;
		console.log(`FAILED  ava ended with exit code ${code}; see build/tests.tap`);
	}
	tally.failed += failed;
	return tests > 0;
}

/** Runs a command on this Node (or as it is, for a native one); its output line by line and as a whole. */
async function run(
	command: readonly string[],
	onLine: (line: string) => void,
): Promise<{ code: number; output: string }> {
	const child = spawn(process.execPath, [...command], {
		cwd: top,
		stdio: ["ignore", "pipe", "pipe"],
		env: { ...process.env, FORCE_COLOR: "0" },
	});
	const lines: string[] = [];
	const read = async (stream: NodeJS.ReadableStream): Promise<void> => {
		for await (const line of createInterface({ input: stream })) {
			lines.push(line);
			onLine(line);
		}
	};
	const code = new Promise<number>((resolve, reject) => {
		child.on("error", reject);
		child.on("close", (exit) => {
			resolve(exit ?? 1);
		});
	});
	await Promise.all([read(child.stdout), read(child.stderr)]);
	return { code: await code, output: lines.join("\n") };
}
