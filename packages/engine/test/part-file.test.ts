import { spawnSync } from "node:child_process";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { temporaryFolder } from "@devenv/test-support";
import test from "ava";
import { abandonedParts, partPath } from "../src/part-file.ts";

test("only what an ended process of the same space left is abandoned", (t) => {
	const folder = temporaryFolder(t);
	const path = join(folder, "file");
	const space = String(statSync("/proc/self/ns/pid").ino);
	const ended = spawnSync("true").pid;
	const left = `${path}.${space}-${ended}-0123456789ab.part`;
	const others = [
		partPath(path),
		`${path}.1-${ended}-0123456789ab.part`,
		`${path}x.${space}-${ended}-0123456789ab.part`,
		`${path}.${space}-${ended}-0123456789ab`,
		path,
	];
	for (const each of [left, ...others]) writeFileSync(each, "");
	t.deepEqual(abandonedParts(path), [left]);
	t.is(readdirSync(folder).length, 6);
	t.true(basename(partPath(path)).startsWith("file."));
	t.not(partPath(path), partPath(path));
	t.deepEqual(abandonedParts(join(folder, "none/file")), []);
});
