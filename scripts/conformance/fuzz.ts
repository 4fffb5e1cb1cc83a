/**
 * Compares our evaluator with real Nix on random expressions of the Nix language:
 *
 *     node scripts/conformance/fuzz.ts [--count N] [--seed S] [--minutes M] [--bytes]
 *
 * Values must be equal as printed (also as JSON and XML), failures must have the same message; what differs on purpose is
 * listed in `packages/evaluator/test/fuzz/known-differences.ts`. Differences are printed as small as they can be made.
 * `--bytes` tries random and damaged source texts instead: each must be refused or have an outcome in time, and a sample
 * is compared with what real Nix can parse. Stops after M minutes or N texts, whichever is first. The exit status is 1
 * where anything differs, 2 where real Nix is missing.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runBytes } from "../../packages/evaluator/test/fuzz/byte-fuzz.ts";
import { writeFixture } from "../../packages/evaluator/test/fuzz/fixture.ts";
import { newTally, runBatch, type Sides, type Tally } from "../../packages/evaluator/test/fuzz/fuzz.ts";
import { OurNix } from "../../packages/evaluator/test/fuzz/our-nix.ts";
import type { Mode, Outcome } from "../../packages/evaluator/test/fuzz/outcome.ts";
import { RealNix, realNixVersion } from "../../packages/evaluator/test/fuzz/real-nix.ts";

const BATCH = 200;
/** Of ten batches. */
const MODES: readonly Mode[] = ["print", "print", "json", "print", "print", "xml", "print", "print", "print", "print"];
const MOST_DIFFERENCES = 20;

interface Run {
	readonly seed: number;
	readonly count: number;
	/** When to stop, as of `performance.now()`. */
	readonly end: number;
}

const { values } = parseArgs({
	options: {
		count: { type: "string", default: "10000" },
		seed: { type: "string" },
		minutes: { type: "string" },
		bytes: { type: "boolean", default: false },
	},
});

const version = realNixVersion();
if (version === undefined) {
	process.stderr.write("'nix-instantiate' cannot be run: nothing to compare with\n");
	process.exitCode = 2;
} else {
	const folder = mkdtempSync(join(tmpdir(), "devenv-fuzz-"));
	const baseDir = writeFixture(folder);
	const sides: Sides = { ours: new OurNix(baseDir), real: new RealNix(baseDir, join(folder, "real")) };
	const run: Run = {
		seed: values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed),
		count: Number(values.count),
		end: values.minutes === undefined ? Infinity : performance.now() + Number(values.minutes) * 60_000,
	};
	try {
		process.stdout.write(`seed ${run.seed}, real Nix ${version}\n`);
		process.exitCode = await (values.bytes ? fuzzBytes(sides, run) : fuzzExpressions(sides, run));
	} finally {
		await sides.ours.close();
		rmSync(folder, { recursive: true, force: true });
	}
}

async function fuzzExpressions(sides: Sides, { seed, count, end }: Run): Promise<number> {
	const tally = newTally();
	let done = 0;
	for (let batch = 0; done < count && performance.now() < end; batch++) {
		const size = Math.min(BATCH, count - done);
		const before = tally.differences.length;
		const mode = MODES[batch % MODES.length] ?? "print";
		await runBatch(sides, { seed: seed + batch, count: size, mode, shrinking: 400 }, tally);
		done += size;
		for (const each of tally.differences.slice(before)) {
			const { source, mode, ours, theirs } = each;
			process.stdout.write(`\n--- ${mode}, batch seed ${seed + batch}\n${source}\n`);
			process.stdout.write(`ours: ${show(ours)}\nreal: ${show(theirs)}\n`);
		}
		if (tally.differences.length >= MOST_DIFFERENCES) break;
	}
	report(tally, done, seed);
	return tally.differences.length === 0 ? 0 : 1;
}

function show(outcome: Outcome): string {
	return outcome.kind === "value" ? outcome.text : `${outcome.kind}: ${outcome.message}`;
}

function report(tally: Tally, done: number, seed: number): void {
	process.stdout.write(`\n${done} expressions, seed ${seed}\n`);
	process.stdout.write(`${tally.equalValues} equal values\n${tally.equalFailures} equal failures\n`);
	for (const [reason, times] of tally.known) process.stdout.write(`${times} known: ${reason}\n`);
	process.stdout.write(`${tally.differences.length} differences\n`);
}

async function fuzzBytes(sides: Sides, { seed, count, end }: Run): Promise<number> {
	let done = 0;
	let faults = 0;
	let judged = 0;
	for (let batch = 0; done < count && performance.now() < end; batch++) {
		const size = Math.min(BATCH, count - done);
		const result = await runBytes(sides, { seed: seed + batch, count: size, judged: Math.ceil(size / 10) });
		done += size;
		judged += result.judged;
		for (const { text, fault } of result.faults) {
			process.stdout.write(`\n--- batch seed ${seed + batch}\n${JSON.stringify(text)}\n${fault}\n`);
			faults++;
		}
		if (faults >= MOST_DIFFERENCES) break;
	}
	process.stdout.write(
		`\n${done} texts, ${judged} of them compared with real Nix, seed ${seed}\n${faults} differences\n`,
	);
	return faults === 0 ? 0 : 1;
}
