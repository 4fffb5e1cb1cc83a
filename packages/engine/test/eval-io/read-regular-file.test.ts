import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { FileRefused, readRegularFile } from "../../src/eval-io/index.ts";

function folder(t: ExecutionContext): string {
	const made = mkdtempSync(join(tmpdir(), "devenv-read-"));
	t.teardown(() => rmSync(made, { recursive: true, force: true }));
	return made;
}

test("reads a file up to the limit, and none above it", (t) => {
	const file = join(folder(t), "file");
	writeFileSync(file, "0123456789");
	t.is(readRegularFile(file, 10).toString(), "0123456789");
	t.is(t.throws(() => readRegularFile(file, 9), { instanceOf: FileRefused }).reason, "too-large");
	writeFileSync(file, "");
	t.is(readRegularFile(file, 10).length, 0);
	truncateSync(file, 2 ** 40);
	t.is(t.throws(() => readRegularFile(file, 2 ** 20), { instanceOf: FileRefused }).reason, "too-large");
});

test("reads files that do not tell their size, up to the limit", (t) => {
	const whole = readFileSync("/proc/self/environ");
	t.deepEqual(readRegularFile("/proc/self/environ", 2 ** 24), whole);
	t.is(t.throws(() => readRegularFile("/proc/self/maps", 100), { instanceOf: FileRefused }).reason, "too-large");
});

test("refuses what is no file without waiting for it", (t) => {
	const made = folder(t);
	const fifo = join(made, "fifo");
	execFileSync("mkfifo", [fifo]);
	symlinkSync("/dev/zero", join(made, "zero"));
	for (const path of [fifo, join(made, "zero"), "/dev/null"]) {
		t.is(t.throws(() => readRegularFile(path, 100), { instanceOf: FileRefused }).reason, "not-regular");
	}
	mkdirSync(join(made, "sub"));
	t.throws(() => readRegularFile(join(made, "sub"), 100), { code: "EISDIR" });
	t.throws(() => readRegularFile(join(made, "gone"), 100), { code: "ENOENT" });
});
