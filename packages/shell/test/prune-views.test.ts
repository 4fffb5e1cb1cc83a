import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
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
	for (let index = 0; index < count; index++) {
		mkdirSync(`${folder}/views/${keyOf(index)}/etc`, { recursive: true });
		utimesSync(`${folder}/views/${keyOf(index)}`, 1, 1);
	}
	return folder;
}

test("keeps what a stamp names, what a process has mounted, and what was just composed", (t) => {
	const folder = state(t, 12);
	const view = { root: "/r", store: "/s", etc: `${folder}/views/${keyOf(3)}/etc` };
	const plain = { lasting: true, conditions: [], changes: [], clean: null, shell: [] };
	writeStampFile(`${folder}/stamps/a.stamp`, { project: "/p", view, ...plain });
	writeFileSync(`${folder}/stamps/b.stamp`, "damaged");
	for (const [id, namespace] of [
		["17", 1],
		["18", 2],
		["19", 1],
	] as const) {
		mkdirSync(`${folder}/proc/${id}/ns`, { recursive: true });
		symlinkSync(`mnt:[${namespace}]`, `${folder}/proc/${id}/ns/mnt`);
	}
	mkdirSync(`${folder}/proc/20`);
	utimesSync(`${folder}/views/${keyOf(11)}`, new Date(), new Date());
	writeFileSync(
		`${folder}/proc/17/mountinfo`,
		`1 2 254:0 /home/x/state/views/${keyOf(5)}/etc /etc rw - ext4 /dev/vda rw\n`,
	);
	t.is(pruneViews(folder, `${folder}/proc`).length, 9);
	t.deepEqual(readdirSync(`${folder}/views`).sort(), [keyOf(3), keyOf(5), keyOf(11)]);
});

test("removes what was begun and never finished, once it is old", (t) => {
	const folder = state(t, 1);
	for (const name of ["Old123", "New123"]) mkdirSync(`${folder}/views/${keyOf(1)}.${name}`);
	utimesSync(`${folder}/views/${keyOf(1)}.Old123`, 1, 1);
	pruneViews(folder);
	t.deepEqual(readdirSync(`${folder}/views`).sort(), [keyOf(0), `${keyOf(1)}.New123`]);
});

test("does not look while there are few", (t) => {
	t.deepEqual(pruneViews(state(t, 8)), []);
});
