import { chmodSync, lstatSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { temporaryFolder, type Teardown } from "@devenv/test-support";
import test from "ava";
import { openStore, type Store } from "../src/index.ts";
import { ended, startChild } from "./children/run-child.ts";
import { nixStore, testWithNix } from "./real-nix-program.ts";
import { sampleStore, writeTree } from "./sample-store.ts";

/** A store with equal files in and between objects, of which some differ by their mode alone. */
function filled(t: Teardown): Store {
	const store = sampleStore(t);
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
