import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { skip } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import { runBytes } from "./byte-fuzz.ts";
import { writeFixture } from "./fixture.ts";
import { newTally, runBatch, type Sides } from "./fuzz.ts";
import { OurNix } from "./our-nix.ts";
import { RealNix, realNixVersion } from "./real-nix.ts";

/** Fixed, so that the outcome depends on the code alone; `scripts/conformance/fuzz.ts` tries others. */
const SEED = 20;

function makeSides(t: ExecutionContext): Sides {
	const folder = mkdtempSync(join(tmpdir(), "devenv-fuzz-"));
	const baseDir = writeFixture(folder);
	const ours = new OurNix(baseDir);
	t.teardown(async () => {
		await ours.close();
		rmSync(folder, { recursive: true });
	});
	return { ours, real: new RealNix(baseDir, join(folder, "real")) };
}

test("random expressions come to what real Nix says", async (t) => {
	const version = realNixVersion();
	if (version?.startsWith("2.8.") !== true) {
		skip(t, "no nix-instantiate 2.8 on PATH");
		return;
	}
	const sides = makeSides(t);
	const tally = newTally();
	await runBatch(sides, { seed: SEED, count: 200, mode: "print", shrinking: 50 }, tally);
	t.deepEqual(tally.differences, []);
	t.true(tally.equalValues > 80 && tally.equalFailures > 20);
});

test("lists nested deeply are read in a time that grows with the text", async (t) => {
	const [outcome] = await makeSides(t).ours.parse(["[".repeat(40_000) + "]".repeat(40_000)]);
	t.is(outcome?.kind, "value");
});

test("random and damaged texts are refused or have an outcome, in time", async (t) => {
	const { faults } = await runBytes(makeSides(t), { seed: SEED, count: 300, judged: 0 });
	t.deepEqual(faults, []);
});
