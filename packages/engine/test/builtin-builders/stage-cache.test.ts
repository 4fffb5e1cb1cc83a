import { chmodSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import { StageCache, type KeptStage } from "../../src/builtin-builders/root/stage-cache.ts";
import { makeCanonical } from "../../src/builtin-builders/root/tree-changes.ts";

function key(character: string): string {
	return character.repeat(64);
}

class Bench {
	readonly folder: string;
	readonly notes: string[] = [];
	#count = 0;

	constructor(t: ExecutionContext) {
		this.folder = temporaryFolder(t);
	}

	open(limits = { entries: 3, bytes: 1_000_000 }): StageCache {
		const cache = StageCache.open(join(this.folder, "stages"), (line) => this.notes.push(line), limits);
		if (cache === undefined) throw new Error(this.notes.join("\n"));
		return cache;
	}

	newFolder(): string {
		const folder = join(this.folder, String(++this.#count));
		mkdirSync(folder);
		return folder;
	}

	stage(contents: string): KeptStage {
		const file = join(this.newFolder(), "file");
		writeFileSync(file, contents);
		makeCanonical(file);
		return {
			outcome: { changes: [{ kind: "file", path: "usr/x" }], deferred: [`fc-cache\t${contents}`], calls: [] },
			files: [file],
		};
	}

	get kept(): string[] {
		return readdirSync(join(this.folder, "stages")).sort();
	}

	/** As if last used so many seconds ago. */
	age(name: string, seconds: number): void {
		const time = Date.now() / 1000 - seconds;
		utimesSync(join(this.folder, "stages", name), time, time);
	}
}

test("what was put is taken, by any instance", async (t) => {
	const bench = new Bench(t);
	await bench.open().put(key("a"), bench.stage("contents"));
	const found = await bench.open().take(key("a"), bench.newFolder());
	t.deepEqual(found?.outcome, bench.stage("contents").outcome);
	t.is(found?.files.length, 1);
	t.is(await bench.open().take(key("b"), bench.newFolder()), undefined);
	t.deepEqual(bench.notes, []);
});

test("the outcomes not used for longest leave, by number", async (t) => {
	const bench = new Bench(t);
	const cache = bench.open();
	for (const [index, name] of ["a", "b", "c"].entries()) {
		await cache.put(key(name), bench.stage(name));
		bench.age(key(name), 100 - index);
	}
	await cache.take(key("a"), bench.newFolder());
	await cache.put(key("d"), bench.stage("d"));
	t.deepEqual(bench.kept, [key("a"), key("c"), key("d")]);
});

test("and by bytes", async (t) => {
	const bench = new Bench(t);
	const cache = bench.open({ entries: 10, bytes: 50_000 });
	for (const [index, name] of ["a", "b", "c"].entries()) {
		await cache.put(key(name), bench.stage(name.repeat(10_000)));
		bench.age(key(name), 100 - index);
	}
	t.deepEqual(bench.kept, [key("b"), key("c")]);
	await cache.put(key("e"), bench.stage("e".repeat(30_000)));
	t.deepEqual(
		bench.kept,
		[key("b"), key("c")],
		"one that is too large alone is not kept, and does not displace others",
	);
});

test("what a killed process left half-written is never taken, and leaves in time", async (t) => {
	const bench = new Bench(t);
	const cache = bench.open();
	await cache.put(key("a"), bench.stage("a"));
	for (const name of ["new-old", "new-young"]) mkdirSync(join(bench.folder, "stages", name));
	bench.age("new-old", 7200);
	await cache.put(key("b"), bench.stage("b"));
	t.deepEqual(bench.kept, [key("a"), key("b"), "new-young"]);
});

test("an outcome that leaves while it is taken is whole or not there", async (t) => {
	const bench = new Bench(t);
	const cache = bench.open({ entries: 1, bytes: 1_000_000 });
	await cache.put(key("a"), bench.stage("a"));
	const [found] = await Promise.all([
		cache.take(key("a"), bench.newFolder()),
		cache.put(key("b"), bench.stage("b")),
		cache.put(key("c"), bench.stage("c")),
	]);
	if (found !== undefined) t.deepEqual(found.outcome, bench.stage("a").outcome);
	t.is(bench.kept.length, 1);
});

test("a folder that is a link, or that others can enter, is not used", (t) => {
	const bench = new Bench(t);
	const other = bench.newFolder();
	chmodSync(other, 0o700);
	symlinkSync(other, join(bench.folder, "stages"));
	t.is(
		StageCache.open(join(bench.folder, "stages"), (line) => bench.notes.push(line)),
		undefined,
	);
	chmodSync(other, 0o750);
	t.is(
		StageCache.open(other, (line) => bench.notes.push(line)),
		undefined,
	);
	t.is(bench.notes.length, 2);
});
