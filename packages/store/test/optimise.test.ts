import { chmodSync, lstatSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { temporaryFolder, type Teardown } from "@devenv/test-support";
import test from "ava";
import { openStore, type Store } from "../src/index.ts";
import { ended, startChild } from "./children/run-child.ts";
import { nixStore, testWithNix } from "./real-nix-program.ts";
import { addSample, buildSample, sampleDerivation, sampleStore, writeTree } from "./sample-store.ts";

/** A store with equal files in and between objects, of which some differ by their mode alone. */
function filled(t: Teardown): Store {
	return fill(t, sampleStore(t));
}

function fill(t: Teardown, store: Store): Store {
	const folder = temporaryFolder(t);
	for (const name of ["a", "b"]) {
		writeTree(`${folder}/${name}`, { "d/same": "same", twin: "same", own: name, run: "run", plain: "run", empty: "" });
		chmodSync(`${folder}/${name}/run`, 0o755);
		symlinkSync("twin", `${folder}/${name}/link`);
		writeFileSync(Buffer.from(`${folder}/${name}/\xff`, "latin1"), "bytes");
		store.addPath({ name, source: `${folder}/${name}` });
	}
	store.addText({ name: "text", contents: "same" });
	return store;
}

/** Opened with the setting. */
function optimisingStore(t: Teardown): Store {
	const store = openStore({ root: `${temporaryFolder(t)}/root`, autoOptimise: true });
	t.teardown(() => {
		store.close();
	});
	return store;
}

function inode(store: Store, path: string): number {
	return statSync(store.physical(path)).ino;
}

/** Each file of the store with the number of its links, and modes and times of all. */
function state(root: string): string[] {
	const store = `${root}/nix/store`;
	return readdirSync(store, { recursive: true, encoding: "latin1" })
		.sort()
		.map((name) => {
			const { mode, nlink, mtimeMs, size } = lstatSync(Buffer.from(`${store}/${name}`, "latin1"));
			return name === ".links"
				? name
				: `${name} ${mode} ${nlink > 1 && (mode & 0o40000) === 0 ? nlink : ""} ${mtimeMs} ${size}`;
		});
}

testWithNix("the links are those that real Nix makes, and so are the counts", async (t) => {
	const store = filled(t);
	const copy = `${temporaryFolder(t)}/root`;
	spawnSync("cp", ["-a", store.root, copy]);
	const report = store.optimise();
	const { stderr } = spawnSync("nix-store", ["--optimise", "--store", copy], {
		encoding: "utf8",
		env: { PATH: process.env["PATH"], HOME: copy, NIX_CONF_DIR: copy },
	});
	t.regex(stderr, new RegExp(`freed by hard-linking ${report.filesLinked} files`));
	t.deepEqual(state(store.root), state(copy));
	t.true(report.filesLinked >= 9 && report.bytesFreed > 0);
	t.deepEqual(store.optimise(), { filesLinked: 0, bytesFreed: 0 });
	t.deepEqual(await store.verify({ checkContents: true }), []);
	nixStore(store.root, ["--verify", "--check-contents"]);
	nixStore(store.root, ["--optimise"]);
	t.deepEqual(state(store.root), state(copy));
});

test("a file that was made writable, or a link that was changed, takes no part", async (t) => {
	const store = filled(t);
	const text = store.queryAllValidPaths().find((path) => path.endsWith("-text")) ?? "";
	chmodSync(store.physical(text), 0o644);
	store.optimise();
	t.is(statSync(store.physical(text)).nlink, 1);
	const links = `${store.root}/nix/store/.links`;
	const [first = ""] = readdirSync(links).filter(
		(name) => statSync(`${links}/${name}`, { throwIfNoEntry: false })?.size === 4,
	);
	chmodSync(`${links}/${first}`, 0o644);
	writeFileSync(`${links}/${first}`, "longer");
	const faults = await store.verify({ checkContents: true });
	t.true(faults.some((fault) => fault.kind === "link" && fault.file.endsWith(first)));
	const again = store.addText({ name: "again", contents: "same" });
	store.optimise();
	t.is(statSync(store.physical(again)).size, 4);
});

test("unused links go with the garbage", (t) => {
	const store = filled(t);
	store.optimise();
	store.close();
	using again = openStore({ root: store.root });
	t.is(again.collectGarbage().deleted.length, 3);
	t.deepEqual(readdirSync(again.physical("/nix/store/.links")), []);
});

test("beside processes that add and collect, nothing is lost", async (t) => {
	const folder = temporaryFolder(t);
	using store = openStore({ root: `${folder}/root` });
	const adding = (await startChild(t, "add-in-a-loop", [store.root, "a"])).child;
	const collecting = (await startChild(t, "collect-in-a-loop", [store.root])).child;
	let linked = 0;
	for (const end = Date.now() + 3000; Date.now() < end; ) {
		using each = openStore({ root: store.root });
		linked += each.optimise().filesLinked;
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
	t.deepEqual([adding.exitCode, collecting.exitCode], [null, null]);
	for (const child of [adding, collecting]) child.kill("SIGKILL");
	await Promise.all([adding, collecting].map(ended));
	t.true(linked > 0);
	t.deepEqual(await store.verify({ checkContents: true }), []);
});

testWithNix("with the setting, what is added shares its files at once, as real Nix would have it", async (t) => {
	const store = fill(t, optimisingStore(t));
	const state0 = state(store.root);
	t.deepEqual(store.optimise(), { filesLinked: 0, bytesFreed: 0 });
	nixStore(store.root, ["--optimise"]);
	t.deepEqual(state(store.root), state0);
	t.deepEqual(await store.verify({ checkContents: true }), []);
});

for (const [size, padding] of [
	["small", ""],
	["large", "x".repeat(100_000)],
] as const) {
	test(`a ${size} output shares its files before it is registered`, async (t) => {
		const store = optimisingStore(t);
		const text = store.addText({ name: "text", contents: `same${padding}` });
		const alone = await buildSample(store, sampleDerivation("alone"), `same${padding}`);
		t.is(inode(store, alone), inode(store, text));
		const { outputs } = addSample(store, sampleDerivation("tree"));
		const path = outputs.get("out");
		if (path === undefined) throw new Error("no output");
		using scratch = store.scratch();
		const from = `${scratch.path}/out`;
		writeTree(from, { "d/plain": `same${padding}`, "d/run": `same${padding}` });
		chmodSync(`${from}/d/run`, 0o777);
		await store.registerOutputs([{ path, from, candidates: [] }]);
		t.is(inode(store, `${path}/d/plain`), inode(store, text));
		t.not(inode(store, `${path}/d/run`), inode(store, text));
		t.deepEqual(readdirSync(scratch.path), []);
		t.deepEqual(await store.verify({ checkContents: true }), []);
	});
}

test("what a build is told goes before the setting", async (t) => {
	const store = sampleStore(t);
	const { outputs } = addSample(store, sampleDerivation("x"));
	const path = outputs.get("out");
	if (path === undefined) throw new Error("no output");
	using scratch = store.scratch();
	writeFileSync(`${scratch.path}/out`, "same");
	await store.registerOutputs([{ path, from: `${scratch.path}/out`, candidates: [], optimise: true }]);
	t.is(statSync(store.physical(path)).nlink, 2);
	t.is(statSync(store.physical(store.addText({ name: "text", contents: "same" }))).nlink, 1);
});

test("a link that was damaged does not spoil what is repaired", async (t) => {
	const store = optimisingStore(t);
	const path = store.addText({ name: "text", contents: "same" });
	const { narHash, narSize, references } = store.pathInfo(path);
	const pieces: Buffer[] = [];
	store.dumpNar(path, (piece) => pieces.push(Buffer.from(piece)));
	chmodSync(store.physical(path), 0o644);
	writeFileSync(store.physical(path), "evil");
	chmodSync(store.physical(path), 0o444);
	await store.importNar({ path, narHash, narSize, references, replace: true }, pieces);
	t.deepEqual(await store.verify({ checkContents: true }), []);
	t.is(statSync(store.physical(path)).nlink, 2);
});

test("files that only their link keeps count as freed, and a limit holds", (t) => {
	const store = optimisingStore(t);
	for (const name of ["a", "b", "c"]) store.addText({ name, contents: name.repeat(10_000) });
	store.addText({ name: "twin", contents: "a".repeat(10_000) });
	store.forgetTempRoots();
	const size = statSync(store.physical(store.storeDir)).blksize;
	const preview = store.collectGarbage({ dryRun: true });
	t.is(preview.bytesFreed, 3 * Math.ceil(10_000 / size) * size);
	const first = store.collectGarbage({ maxFreed: 1 });
	t.true(first.deleted.length <= 2 && first.bytesFreed > 0);
	const rest = store.collectGarbage();
	t.is(first.deleted.length + rest.deleted.length, 4);
	t.is(first.bytesFreed + rest.bytesFreed, preview.bytesFreed);
	t.deepEqual(readdirSync(`${store.root}/nix/store`), [".links"]);
	t.deepEqual(readdirSync(`${store.root}/nix/store/.links`), []);
});
