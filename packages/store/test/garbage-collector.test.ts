import { chownSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { spawn } from "node:child_process";
import { DatabaseSync } from "node:sqlite";
import { canRunAs, skip, temporaryFolder } from "@devenv/test-support";
import type { StorePath } from "@devenv/nix-formats";
import test from "ava";
import { type GarbageOptions, openStore, type Store } from "../src/index.ts";
import { ended, runChild, startChild } from "./children/run-child.ts";
import { addSample, buildSample, objectNames, sampleDerivation, writeTree } from "./sample-store.ts";

/** The store, opened again: its temporary roots are gone. */
function reopened(t: { teardown: (action: () => void) => void }, store: Store): Store {
	const { root } = store;
	const again = openStore({ root });
	t.teardown(() => {
		again.close();
	});
	return again;
}

/** A store with a chain of references a ← b ← c, without temporary roots. */
function chain(t: { teardown: (action: () => void) => void }): {
	store: Store;
	paths: [StorePath, StorePath, StorePath];
} {
	const folder = temporaryFolder(t);
	const first = openStore({ root: `${folder}/root` });
	const a = first.addText({ name: "a", contents: folder });
	const b = first.addText({ name: "b", contents: `b${folder}`, references: [a] });
	const c = first.addText({ name: "c", contents: `c${folder}`, references: [b] });
	first.close();
	return { store: reopened(t, first), paths: [a, b, c] };
}

function deleted(store: Store): StorePath[] {
	return store
		.collectGarbage()
		.deleted.map(({ path }) => path)
		.sort();
}

test("without roots everything goes, referrers first", (t) => {
	const { store, paths } = chain(t);
	const [a, b, c] = paths;
	t.deepEqual(
		store.collectGarbage().deleted.map(({ path }) => path),
		[c, b, a],
	);
	t.deepEqual(store.queryAllValidPaths(), []);
	t.deepEqual(objectNames(store), []);
});

test("a root keeps what it refers to", (t) => {
	const { store, paths } = chain(t);
	const [a, b, c] = paths;
	const link = `${store.root}/result`;
	store.addRoot(link, b);
	const again = reopened(t, store);
	store.close();
	t.deepEqual(
		again.roots().filter((root) => !root.link.startsWith("{")),
		[{ link, path: b }],
	);
	t.deepEqual(deleted(again), [c]);
	t.deepEqual(again.queryAllValidPaths(), [a, b].sort());
	rmSync(link);
	t.deepEqual(deleted(again), [a, b].sort());
	t.deepEqual(readdirSync(`${again.root}/nix/var/nix/gcroots/auto`), []);
});

test("direct links, profiles and files named as paths are roots too", (t) => {
	const { store, paths } = chain(t);
	const [a, b, c] = paths;
	const state = `${store.root}/nix/var/nix`;
	mkdirSync(`${state}/gcroots/deep/er`, { recursive: true });
	symlinkSync(a, `${state}/gcroots/deep/er/direct`);
	symlinkSync(store.physical(b), `${state}/profiles/default-1-link`);
	symlinkSync("default-1-link", `${state}/profiles/default`);
	writeFileSync(`${state}/gcroots/${c.slice("/nix/store/".length)}`, "");
	t.deepEqual([...new Set(store.roots().map((root) => root.path))].sort(), [a, b, c].sort());
	t.deepEqual(deleted(store), []);
});

test("a link elsewhere is an indirect root while it points into the store", (t) => {
	const { store, paths } = chain(t);
	const link = `${store.root}/my-link`;
	symlinkSync(paths[2], link);
	store.addIndirectRoot(link);
	t.deepEqual(deleted(store), []);
	rmSync(link);
	symlinkSync("/etc/passwd", link);
	t.is(deleted(store).length, 3);
});

test("a root's link is not written over a file, nor into the store", (t) => {
	const { store, paths } = chain(t);
	writeFileSync(`${store.root}/file`, "precious");
	for (const link of [`${store.root}/file`, store.physical(paths[0])]) {
		t.throws(
			() => {
				store.addRoot(link, paths[0]);
			},
			{ message: /^STORE_ROOT_LINK: / },
		);
	}
	store.addRoot(`${store.root}/new/link`, paths[0]);
	store.addRoot(`${store.root}/new/link`, paths[1]);
	t.deepEqual(store.roots().find((root) => root.link === `${store.root}/new/link`)?.path, paths[1]);
});

test("what this connection or another process works with stays", async (t) => {
	const { store, paths } = chain(t);
	const [a, b, c] = paths;
	store.addTempRoot(b);
	const { child, line } = await startChild(t, "hold", [store.root, "text", "held"]);
	t.deepEqual(deleted(store), [c]);
	t.deepEqual(store.queryAllValidPaths(), [a, b, line as StorePath].sort());
	child.kill("SIGKILL");
	await ended(child);
	t.deepEqual(deleted(store), [line as StorePath]);
});

test("a path that is in use by a process stays", async (t) => {
	const { store, paths } = chain(t);
	const [, , c] = paths;
	const child = spawn("sleep", ["60"], { env: { USES: `${c}/bin` }, stdio: "ignore" });
	t.teardown(() => child.kill("SIGKILL"));
	await new Promise((resolve) => child.once("spawn", resolve));
	t.deepEqual(deleted(store), []);
	child.kill("SIGKILL");
	await ended(child);
	t.is(deleted(store).length, 3);
});

test("a dry run tells the sizes and deletes nothing", async (t) => {
	const folder = temporaryFolder(t);
	const first = openStore({ root: `${folder}/root` });
	writeTree(`${folder}/s`, { big: "x".repeat(100_000), small: "y" });
	const path = first.addPath({ name: "s", source: `${folder}/s` });
	first.close();
	const store = reopened(t, first);
	const preview = store.collectGarbage({ dryRun: true });
	t.deepEqual(
		preview.deleted.map((each) => each.path),
		[path],
	);
	t.true(preview.bytesFreed >= 100_000);
	t.deepEqual(await store.verify({ checkContents: true }), []);
	t.deepEqual(store.collectGarbage(), preview);
});

test("no more is deleted than asked for", (t) => {
	const { store } = chain(t);
	t.is(store.collectGarbage({ maxFreed: 1 }).deleted.length, 1);
	t.is(store.queryAllValidPaths().length, 2);
	t.is(store.collectGarbage({ maxFreed: 0 }).deleted.length, 0);
});

test("named paths are deleted, unless they are alive", (t) => {
	const { store, paths } = chain(t);
	const [a, b, c] = paths;
	t.throws(() => store.collectGarbage({ paths: [a] }), { message: /^STORE_PATH_ALIVE: .*-b refers to it/ });
	store.addTempRoot(a);
	t.throws(() => store.collectGarbage({ paths: [a, b, c] }), { message: /^STORE_PATH_ALIVE: .*-a: a root keeps it/ });
	t.deepEqual(
		store.collectGarbage({ paths: [b, c] }).deleted.map(({ path }) => path),
		[c, b],
	);
	t.deepEqual(store.queryAllValidPaths(), [a]);
});

test("the deriver of what is alive stays, with its inputs", async (t) => {
	const folder = temporaryFolder(t);
	const first = openStore({ root: `${folder}/root` });
	const source = first.addText({ name: "source", contents: "x" });
	const out = await buildSample(first, sampleDerivation("x", { sources: [source] }), "nothing");
	const lone = addSample(first, sampleDerivation("lone"));
	first.addRoot(`${folder}/result`, out);
	first.close();
	t.deepEqual(deleted(reopened(t, first)), [lone.path]);
});

test("derivers and outputs are kept or not, as one likes", async (t) => {
	const folder = temporaryFolder(t);
	const first = openStore({ root: `${folder}/root` });
	const source = first.addText({ name: "source", contents: "x" });
	const kept = await buildSample(first, sampleDerivation("kept", { sources: [source] }), "nothing");
	const built = sampleDerivation("built");
	const out = await buildSample(first, built, "made of nothing");
	const deriver = first.addDerivation(built);
	first.addRoot(`${folder}/result`, kept);
	first.addRoot(`${folder}/drv`, deriver);
	const keptDeriver = first.queryDerivers(kept);
	first.close();
	const store = reopened(t, first);
	const dead = (options: GarbageOptions): StorePath[] =>
		store
			.collectGarbage({ ...options, dryRun: true })
			.deleted.map(({ path }) => path)
			.sort();
	t.deepEqual(dead({}), [out]);
	t.deepEqual(dead({ keepOutputs: true }), []);
	t.deepEqual(dead({ keepDerivations: false }), [out, source, ...keptDeriver].sort());
});

test("files that nobody registered are removed, what is locked or not a store path stays", async (t) => {
	const { store, paths } = chain(t);
	store.addTempRoot(paths[2]);
	const folder = store.physical("/nix/store");
	const stray = "9w4flvlj7prv5dysc5qg9ivnh97a0a6y-stray";
	const locked = "i9pmrzmpshapij2kin22pff6fc2adavx-locked";
	for (const name of [stray, locked, ".links", `${locked}.lock`]) writeTree(`${folder}/${name}`, { file: "x" });
	using _lock = await store.lock([`/nix/store/${locked}` as StorePath]);
	t.deepEqual(deleted(store), [`/nix/store/${stray}` as StorePath]);
	t.deepEqual(
		readdirSync(folder)
			.filter((name) => !paths.some((path) => path.endsWith(name)))
			.sort(),
		[".links", locked, `${locked}.lock`].sort(),
	);
});

test("collecting beside processes that add loses nothing", async (t) => {
	const folder = temporaryFolder(t);
	using store = openStore({ root: `${folder}/root` });
	const children = [];
	for (const round of ["a", "b"]) children.push((await startChild(t, "add-in-a-loop", [store.root, round])).child);
	let collected = 0;
	const end = performance.now() + 3_000;
	while (performance.now() < end) {
		collected += store.collectGarbage().deleted.length;
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
	t.deepEqual(
		children.map((child) => child.exitCode),
		[null, null],
		"adding went on",
	);
	for (const child of children) child.kill("SIGKILL");
	await Promise.all(children.map(ended));
	t.deepEqual(await store.verify({ checkContents: true }), []);
	collected += store.collectGarbage().deleted.length;
	t.true(collected > 0);
	t.deepEqual(store.queryAllValidPaths(), []);
	t.deepEqual(objectNames(store), []);
});

test("a second collector is told of the first", (t) => {
	const { store } = chain(t);
	const other = new DatabaseSync(`${store.root}/nix/var/nix/devenv/collector.lock`);
	other.exec("begin exclusive");
	t.throws(() => store.collectGarbage(), { message: /^STORE_COLLECTOR_RUNS: / });
	other.close();
	t.is(store.collectGarbage().deleted.length, 3);
});

test("the mark of a killed collector is removed", (t) => {
	const { store } = chain(t);
	const mark = `${store.root}/nix/var/nix/devenv/collector-runs`;
	writeFileSync(mark, "1\n");
	store.addTempRoot("/nix/store/9w4flvlj7prv5dysc5qg9ivnh97a0a6y-x" as StorePath);
	reopened(t, store);
	t.false(existsSync(mark));
});

test("an ordinary user's store works, folders without write permission included", (t) => {
	const folder = temporaryFolder(t);
	const isRoot = process.getuid?.() === 0;
	const nobody = { uid: 65_534, gid: 65_534 };
	if (isRoot && !canRunAs(nobody)) {
		skip(t, "the repository lies in a folder that is closed to other users");
		return;
	}
	if (isRoot) chownSync(folder, nobody.uid, nobody.gid);
	const output = runChild("ordinary-user", [folder], isRoot ? nobody : {});
	t.deepEqual(JSON.parse(output), {
		uid: isRoot ? nobody.uid : process.getuid?.(),
		references: 1,
		faults: [],
		deleted: 3,
		freed: true,
		left: [],
	});
});
