import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { openLog } from "../src/log.ts";

test("writes one object a line, and replaces the file when it is full", (t) => {
	const folder = mkdtempSync(join(tmpdir(), "devenv-log-"));
	t.teardown(() => rmSync(folder, { recursive: true }));
	const log = openLog(join(folder, "deep", "daemon.log"), { maxBytes: 1_000, keep: 2 });
	for (let index = 0; index < 40; index++) log.write("info", "tick", { index });
	log.close();
	log.write("info", "late");
	const names = readdirSync(join(folder, "deep")).sort();
	t.deepEqual(names, ["daemon.log", "daemon.log.1", "daemon.log.2"]);
	const lines = names.flatMap((name) => {
		const text = readFileSync(join(folder, "deep", name), "utf8");
		t.true(text.length <= 1_000);
		return text
			.trimEnd()
			.split("\n")
			.map((line) => JSON.parse(line) as { event: string; index: number; pid: number });
	});
	t.true(lines.every(({ event, pid }) => event === "tick" && pid === process.pid));
	t.is(Math.max(...lines.map(({ index }) => index)), 39);
});
