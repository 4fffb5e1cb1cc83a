import {
	chmodSync,
	existsSync,
	linkSync,
	lstatSync,
	mkdirSync,
	readFileSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { DiagnosticError } from "@devenv/diagnostics";
import {
	type Derivation,
	HashesModulo,
	hashBytes,
	instantiate,
	makeFixedOutputPath,
	type StorePath,
	storePathName,
} from "@devenv/nix-formats";
import test from "ava";
import type { Store } from "../src/index.ts";
import { addSample, objectNames, sampleDerivation, sampleStore, writeTree } from "./sample-store.ts";

function fixedDerivation(contents: string): Derivation {
	const hash = Buffer.from(hashBytes("sha256", contents).bytes).toString("hex");
	const drv = sampleDerivation("fixed");
	drv.outputs.set("out", { path: "", hashAlgo: "sha256", hash });
	return drv;
}

function output(outputs: ReadonlyMap<string, StorePath>, name: string): StorePath {
	const path = outputs.get(name);
	if (path === undefined) throw new Error(`no output ${name}`);
	return path;
}

function contentsOf(store: Store): string[] {
	return objectNames(store);
}

test("outputs are made canonical, hashed, scanned and registered together", async (t) => {
	const store = sampleStore(t);
	const source = store.addText({ name: "source", contents: "x" });
	const unused = store.addText({ name: "unused", contents: "x" });
	const { path, outputs } = addSample(store, sampleDerivation("x", { sources: [source, unused] }, ["out", "lib"]));
	const out = output(outputs, "out");
	const lib = output(outputs, "lib");
	using scratch = store.scratch();
	writeTree(`${scratch.path}/out`, { "bin/x": `#!${lib}/bin/sh`, self: out });
	chmodSync(`${scratch.path}/out/bin/x`, 0o6755);
	mkdirSync(`${scratch.path}/out/locked`, 0o500);
	writeTree(`${scratch.path}/lib`, {});
	symlinkSync(`${source}/y`, `${scratch.path}/lib/link`);
	const candidates = store.computeClosure([path]);
	const infos = await store.registerOutputs([
		{ path: out, from: `${scratch.path}/out`, candidates, deriver: path },
		{ path: lib, from: `${scratch.path}/lib`, candidates, deriver: path },
	]);
	t.deepEqual(
		infos.map((info) => info.references),
		[[lib, out].sort(), [source]],
	);
	t.is((lstatSync(`${store.physical(out)}/bin/x`).mode & 0o7777).toString(8), "555");
	for (const file of ["", "/bin", "/bin/x", "/self", "/locked"])
		t.is(lstatSync(store.physical(out) + file).mtimeMs, 1000);
	t.is((lstatSync(store.physical(out)).mode & 0o7777).toString(8), "555");
	t.false(existsSync(`${scratch.path}/out`));
	t.deepEqual(await store.verify({ checkContents: true }), []);
});

test("a large output is hashed and scanned on another thread, with the same result", async (t) => {
	const store = sampleStore(t);
	const source = store.addText({ name: "source", contents: "x" });
	const { path, outputs } = addSample(store, sampleDerivation("x", { sources: [source] }));
	using scratch = store.scratch();
	writeTree(`${scratch.path}/out`, { large: "x".repeat(3_000_000) + source, "locked/file": "y" });
	chmodSync(`${scratch.path}/out/locked`, 0);
	const candidates = store.computeClosure([path]);
	const [info] = await store.registerOutputs([
		{ path: output(outputs, "out"), from: `${scratch.path}/out`, candidates, deriver: path },
	]);
	t.deepEqual(info?.references, [source]);
	t.deepEqual(await store.verify({ checkContents: true }), []);
});

test("hard links stay, and what is canonical already is not touched", async (t) => {
	const store = sampleStore(t);
	const first = store.addPath({ name: "big", source: "/etc/passwd" });
	const before = lstatSync(store.physical(first));
	const { outputs } = addSample(store, sampleDerivation("x"));
	using scratch = store.scratch();
	mkdirSync(`${scratch.path}/out`);
	linkSync(store.physical(first), `${scratch.path}/out/shared`);
	await store.registerOutputs([{ path: output(outputs, "out"), from: `${scratch.path}/out`, candidates: [] }]);
	const after = lstatSync(`${store.physical(output(outputs, "out"))}/shared`);
	t.is(after.ino, before.ino);
	t.is(after.nlink, 2);
	t.deepEqual(await store.verify({ checkContents: true }), []);
});

test("an output that is valid already is left as it is", async (t) => {
	const store = sampleStore(t);
	const { outputs } = addSample(store, sampleDerivation("x"));
	const path = output(outputs, "out");
	using scratch = store.scratch();
	for (const contents of ["first", "second"]) {
		writeFileSync(`${scratch.path}/out`, contents);
		await store.registerOutputs([{ path, from: `${scratch.path}/out`, candidates: [] }]);
	}
	t.deepEqual(await store.verify({ checkContents: true }), []);
	t.is(store.pathInfo(path).narSize, 120);
});

test("a fixed output must be what was promised", async (t) => {
	const store = sampleStore(t);
	const drv = fixedDerivation("promised");
	const { outputs } = addSample(store, drv);
	const path = output(outputs, "out");
	const fixed = { method: "flat", hash: hashBytes("sha256", "promised") } as const;
	using scratch = store.scratch();
	writeFileSync(`${scratch.path}/out`, "something else");
	const error = await t.throwsAsync(
		store.registerOutputs([{ path, from: `${scratch.path}/out`, candidates: [], fixed }]),
		{ instanceOf: DiagnosticError },
	);
	t.is(
		error.message,
		`STORE_HASH_MISMATCH: hash mismatch in ${path}: expected sha256-HgIiFDxvf28u2PkjJea2FOciOmqyXt8DYSCW5LCpL2E=, ` +
			"found sha256-9B8/piX/Eg3cp+9Fa/ZjcezqI8Ep9OTDI2cQHttRbPg=",
	);
	t.false(store.isValid(path));
	t.false(contentsOf(store).some((name) => path.endsWith(name)));
	const found = makeFixedOutputPath({
		name: storePathName(path),
		method: "flat",
		hash: hashBytes("sha256", "something else"),
		storeDir: store.storeDir,
	});
	t.is(store.pathInfo(found).deriver, undefined);
	t.is(readFileSync(store.physical(found), "utf8"), "something else", "it is kept as what it is");
	t.deepEqual(await store.verify({ checkContents: true }), []);
	writeFileSync(`${scratch.path}/out`, "promised");
	const [info] = await store.registerOutputs([{ path, from: `${scratch.path}/out`, candidates: [], fixed }]);
	t.regex(info?.contentAddress ?? "", /^fixed:sha256:/);
});

test("a fixed output must not refer to store paths, nor be another's", async (t) => {
	const store = sampleStore(t);
	const source = store.addText({ name: "source", contents: "x" });
	const drv = fixedDerivation(source);
	const { outputPaths } = instantiate(drv, new HashesModulo((path) => store.readDerivation(path)));
	const fixed = { method: "flat", hash: hashBytes("sha256", source) } as const;
	using scratch = store.scratch();
	writeFileSync(`${scratch.path}/out`, source);
	await t.throwsAsync(
		store.registerOutputs([
			{ path: output(outputPaths, "out"), from: `${scratch.path}/out`, candidates: [source], fixed },
		]),
		{ message: /^STORE_FIXED_REFERENCE: / },
	);
	const other = "/nix/store/9w4flvlj7prv5dysc5qg9ivnh97a0a6y-fixed" as StorePath;
	await t.throwsAsync(store.registerOutputs([{ path: other, from: `${scratch.path}/out`, candidates: [], fixed }]), {
		message: /^STORE_CONTENT_ADDRESS: /,
	});
});

test("outputs in a cycle are refused, and leave nothing", async (t) => {
	const store = sampleStore(t);
	const { outputs } = addSample(store, sampleDerivation("x", {}, ["out", "lib"]));
	const [out, lib] = [output(outputs, "out"), output(outputs, "lib")];
	using scratch = store.scratch();
	writeFileSync(`${scratch.path}/out`, lib);
	writeFileSync(`${scratch.path}/lib`, out);
	const before = contentsOf(store);
	await t.throwsAsync(
		store.registerOutputs([
			{ path: out, from: `${scratch.path}/out`, candidates: [] },
			{ path: lib, from: `${scratch.path}/lib`, candidates: [] },
		]),
		{ message: /^STORE_CYCLE: / },
	);
	t.deepEqual(contentsOf(store), before);
});

test("an output that is not there, or no file, is a diagnostic", async (t) => {
	const store = sampleStore(t);
	const { outputs } = addSample(store, sampleDerivation("x"));
	const path = output(outputs, "out");
	using scratch = store.scratch();
	await t.throwsAsync(store.registerOutputs([{ path, from: `${scratch.path}/none`, candidates: [] }]), {
		message: /^STORE_FILE_MISSING: /,
	});
});
