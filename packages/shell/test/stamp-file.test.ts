import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { formatStamp, parseStamp, readStamp, type Stamp, stampPath } from "../src/index.ts";
import { writeStampFile } from "../src/stamp-file.ts";

const signature = { device: 2n ** 63n, inode: 7n, size: 0n, modified: -1n, changed: 1_700_000_000_123_456_789n };

const whole: Stamp = {
	project: "/home/ä b/\n",
	lasting: true,
	conditions: [
		{ kind: "file", path: "/a", signature },
		{ kind: "link", path: "/l", signature },
		{ kind: "absent", path: "/b" },
		{ kind: "present", path: "/c" },
		{ kind: "variable", name: "HOME", value: "" },
		{ kind: "variable", name: "NONE", value: null },
	],
	view: { root: "/r", store: "/s", etc: "/e", runtime: "/run", hostLog: "/log", asUser: 1000 },
	changes: [
		{ kind: "set", name: "A", value: "end" },
		{ kind: "unset", name: "B" },
		{ kind: "prepend", name: "PATH", separator: ":", value: "/x" },
		{ kind: "append", name: "PATH", separator: ":", value: "" },
		{ kind: "rehost", name: "SSL_CERT_FILE" },
	],
	clean: ["TERM"],
	shell: ["/bin/bash", "--rcfile", "/x"],
};

test("parsing inverts formatting", (t) => {
	t.deepEqual(parseStamp(formatStamp(whole)), whole);
	const least: Stamp = { ...whole, lasting: false, conditions: [], view: null, changes: [], clean: null, shell: [] };
	t.deepEqual(parseStamp(formatStamp(least)), least);
	t.deepEqual(parseStamp(formatStamp({ ...least, clean: [] })).clean, []);
});

test("every cut and every unknown record is refused", (t) => {
	const bytes = formatStamp(whole);
	for (let length = 0; length < bytes.length; length++) {
		t.throws(() => parseStamp(bytes.subarray(0, length)), { message: /^STAMP_INVALID/ });
	}
	t.throws(() => parseStamp(Buffer.concat([bytes, Buffer.from("\0")])), { message: /^STAMP_INVALID/ });
	t.throws(() => parseStamp(Buffer.from("devenv-stamp\x001\0toString\0end\0")), { message: /^STAMP_INVALID/ });
});

test("a value with a NUL character is refused, since it would end its field", (t) => {
	t.throws(() => formatStamp({ ...whole, shell: ["a\0set\0PATH\0/evil"] }), { message: /^STAMP_VALUE/ });
});

test("names stamps by the project's FNV-1a hash", (t) => {
	t.is(stampPath("/s", "", { asUser: false }), "/s/stamps/cbf29ce484222325.stamp");
	t.is(stampPath("/s", "a", { asUser: true }), "/s/stamps/af63dc4c8601ec8c-user.stamp");
	t.is(stampPath("/s", "a", { asUser: false, profile: "user" }), "/s/stamps/af63dc4c8601ec8c.user.stamp");
});

test("writes for the caller only, in one step", (t) => {
	const folder = mkdtempSync(join(tmpdir(), "devenv-stamp-"));
	t.teardown(() => {
		rmSync(folder, { recursive: true });
	});
	const path = `${folder}/stamps/x.stamp`;
	writeStampFile(path, whole);
	writeStampFile(path, { ...whole, project: "/other" });
	t.is(readStamp(path).project, "/other");
	t.is(statSync(path).mode & 0o777, 0o600);
	t.is(statSync(`${folder}/stamps`).mode & 0o777, 0o700);
	t.deepEqual(readdirSync(`${folder}/stamps`), ["x.stamp"]);
});
