import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { temporaryFolder } from "@devenv/test-support";
import { bytesFromText } from "@devenv/nix-formats";
import test from "ava";
import { deleteTree, DiskUsage } from "../src/file-tree.ts";

test("deletes a tree that is deeper than any path, with all that is counted", (t) => {
	const folder = temporaryFolder(t);
	// A process that steps down can go where no path leads.
	const script = `const fs = require("node:fs"); fs.mkdirSync("tree"); process.chdir("tree");
		for (let left = 6000; left > 0; left--) { fs.mkdirSync("d"); process.chdir("d"); fs.writeFileSync("f", "x"); }`;
	execFileSync(process.execPath, ["-e", script], { cwd: folder });
	const usage = new DiskUsage();
	deleteTree(bytesFromText(`${folder}/tree`), usage);
	t.deepEqual(readdirSync(folder), []);
	t.true(usage.bytes >= 6000 * 512, String(usage.bytes));
});
