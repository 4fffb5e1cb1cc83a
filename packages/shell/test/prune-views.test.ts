import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { pruneViews } from "../src/prune-views.ts";
import { writeStampFile } from "../src/stamp-file.ts";

const keyOf = (index: number): string => index.toString(16).padStart(32, "0");

function state(t: ExecutionContext, count: number): string {
	const folder = mkdtempSync(join(tmpdir(), "devenv-views-"));
	t.teardown(() => {
		rmSync(folder, { recursive: true });
	});
	for (let index = 0; index < count; index++) mkdirSync(`${folder}/views/${keyOf(index)}/etc`, { recursive: true });
	return folder;
}

test("keeps what a stamp names, what a process has mounted, and the newest", (t) => {
	const folder = state(t, 12);
	const view = { root: "/r", store: "/s", etc: `${folder}/views/${keyOf(3)}/etc` };
	const plain = { lasting: true, conditions: [], changes: [], clean: null, shell: [] };
	writeStampFile(`${folder}/stamps/a.stamp`, { project: "/p", view, ...plain });
	writeFileSync(`${folder}/stamps/b.stamp`, "damaged");
	mkdirSync(`${folder}/proc/17`, { recursive: true });
	mkdirSync(`${folder}/proc/18`);
	writeFileSync(
		`${folder}/proc/17/mountinfo`,
		`1 2 254:0 /home/x/state/views/${keyOf(5)}/etc /etc rw - ext4 /dev/vda rw\n`,
	);
	t.is(pruneViews(folder, keyOf(11), `${folder}/proc`).length, 9);
	t.deepEqual(readdirSync(`${folder}/views`).sort(), [keyOf(3), keyOf(5), keyOf(11)]);
});

test("removes what was begun and never finished, once it is old", (t) => {
	const folder = state(t, 1);
	for (const name of ["Old123", "New123"]) mkdirSync(`${folder}/views/${keyOf(1)}.${name}`);
	utimesSync(`${folder}/views/${keyOf(1)}.Old123`, 1, 1);
	pruneViews(folder, keyOf(0), "/proc");
	t.deepEqual(readdirSync(`${folder}/views`).sort(), [keyOf(0), `${keyOf(1)}.New123`]);
});

test("does not look while there are few", (t) => {
	t.deepEqual(pruneViews(state(t, 8), keyOf(0), "/proc"), []);
});
