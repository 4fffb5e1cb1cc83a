import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import test from "ava";
import { findProgram, temporaryFolder } from "../src/index.ts";

test("a folder is gone after its test, read-only folders in it included", (t) => {
	const actions: (() => void)[] = [];
	const folder = temporaryFolder({ teardown: (action) => actions.push(action) });
	mkdirSync(`${folder}/a`);
	writeFileSync(`${folder}/a/b`, "");
	chmodSync(`${folder}/a`, 0o555);
	t.true(existsSync(folder));
	for (const action of actions) action();
	t.false(existsSync(folder));
});

test("programs are found on PATH", (t) => {
	t.truthy(findProgram("sh"));
	t.is(findProgram("no-such-program-anywhere"), undefined);
});
