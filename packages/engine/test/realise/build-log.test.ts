import { spawnSync } from "node:child_process";
import {
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import test, { type ExecutionContext } from "ava";
import { BuildLog } from "../../src/realise/build-log.ts";

function folder(t: ExecutionContext): string {
	const path = mkdtempSync(join(tmpdir(), "devenv-build-log-"));
	t.teardown(() => rmSync(path, { recursive: true }));
	return path;
}

for (const repeats of [1, 400]) {
	test(`keeps everything, tells lines, remembers the last (${repeats})`, async (t) => {
		const path = join(folder(t), "ab", "log");
		const lines: string[] = [];
		const log = new BuildLog(path, (line) => lines.push(line));
		const text =
			"before\n".repeat(30 * (repeats - 1)) +
			Array.from({ length: 50 }, (_, index) => `line ${index} ä\r\n`).join("") +
			"no end";
		const bytes = Buffer.from(text);
		for (let at = 0; at < bytes.length; at += 7) log.write(bytes.subarray(at, at + 7));
		t.is(log.tail.at(-1), "no end");
		t.is(await log.close(), undefined);
		t.is(readFileSync(path).toString(), text);
		t.is(lines.length, 51 + 30 * (repeats - 1));
		t.is(lines.at(-48), "line 3 ä");
		t.is(log.tail.length, 20);
		t.is(log.tail[0], "line 31 ä");
	});
}

for (const length of [5, 70_000]) {
	test(`removes what a killed process left of the same log (${length})`, async (t) => {
		const path = join(folder(t), "ab/log");
		mkdirSync(dirname(path));
		writeFileSync(`${path}.${statSync("/proc/self/ns/pid").ino}-${spawnSync("true").pid}-0123456789ab.part`, "half");
		const log = new BuildLog(path, () => undefined);
		log.write(Buffer.alloc(length, "x"));
		t.is(await log.close(), undefined);
		t.deepEqual(readdirSync(dirname(path)), ["log"]);
	});
}

test("writes no file when nothing was said, unless there was a builder", async (t) => {
	const path = join(folder(t), "log");
	const log = new BuildLog(path, () => undefined);
	t.is(await log.close(), undefined);
	t.false(log.used);
	t.false(existsSync(path));
	const begun = new BuildLog(path, () => undefined);
	begun.begin();
	t.is(await begun.close(), undefined);
	t.is(readFileSync(path, "utf8"), "");
});

test("asks to wait where it is told more than can be written, and keeps all", async (t) => {
	const path = join(folder(t), "log");
	const log = new BuildLog(path, () => undefined);
	const chunk = Buffer.from("a line of some length\n".repeat(3_000));
	let waits = 0;
	for (let index = 0; index < 300; index++) {
		const full = log.write(chunk);
		if (full !== undefined) waits++;
		await full;
	}
	t.is(await log.close(), undefined);
	t.true(waits > 0);
	t.is(readFileSync(path).length, 300 * chunk.length);
});

test("cuts endless lines", async (t) => {
	const lines: string[] = [];
	const log = new BuildLog(join(folder(t), "log"), (line) => lines.push(line));
	for (let index = 0; index < 100; index++) log.write(Buffer.from("x".repeat(1_000)));
	await log.close();
	t.true((lines[0]?.length ?? 0) <= 4_097);
});

for (const { length, wait } of [
	{ length: 5, wait: 0 },
	{ length: 70_000, wait: 0 },
	{ length: 70_000, wait: 100 },
]) {
	test(`a log that cannot be written is reported, not thrown (${length}, after ${wait} ms)`, async (t) => {
		const parent = folder(t);
		writeFileSync(join(parent, "file"), "");
		const log = new BuildLog(join(parent, "file", "log"), () => undefined);
		log.writeLine("x".repeat(length));
		await sleep(wait);
		t.truthy(await log.close());
		t.is(log.tail.length, 1);
	});
}
