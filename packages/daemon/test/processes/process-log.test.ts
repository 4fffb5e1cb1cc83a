import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { ProcessLog } from "../../src/processes/process-log.ts";

test("lines come whole, however the output is cut, and long ones in parts", (t) => {
	const folder = mkdtempSync(join(tmpdir(), "devenv-process-log-"));
	t.teardown(() => {
		rmSync(folder, { recursive: true });
	});
	const lines: string[] = [];
	const log = new ProcessLog(join(folder, "a.log"), (line) => lines.push(line));
	const text = Buffer.from(`ä one\r\ntwo\n${"x".repeat(20_000)}\nlast`);
	for (let at = 0; at < text.length; at += 7) log.write(text.subarray(at, at + 7));
	log.close();
	t.deepEqual(lines.slice(0, 2), ["ä one", "two"]);
	t.is(lines.slice(2, -1).join(""), "x".repeat(20_000));
	t.is(lines.at(-1), "last");
	t.deepEqual(readFileSync(join(folder, "a.log")), text);
});

test("the file does not grow without end, and no link is followed", (t) => {
	const folder = mkdtempSync(join(tmpdir(), "devenv-process-log-"));
	t.teardown(() => {
		rmSync(folder, { recursive: true });
	});
	const path = join(folder, "a.log");
	const log = new ProcessLog(path, () => undefined, 1000);
	for (let index = 0; index < 100; index++) log.write(Buffer.from(`${"y".repeat(99)}\n`));
	log.close();
	t.true(readFileSync(path).length <= 1000);
	t.true(readFileSync(`${path}.1`).length <= 1000);
	symlinkSync(join(folder, "elsewhere"), join(folder, "b.log"));
	t.throws(() => new ProcessLog(join(folder, "b.log"), () => undefined), { code: "ELOOP" });
});
