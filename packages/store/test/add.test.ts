import { execFileSync, spawn } from "node:child_process";
import {
	chmodSync,
	lstatSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	symlinkSync,
	writeFileSync,
	existsSync,
} from "node:fs";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { temporaryFolder } from "@devenv/test-support";
import { formatHash, type StorePath } from "@devenv/nix-formats";
import test from "ava";
import { openStore } from "../src/index.ts";
import { addSample, objectNames, sampleDerivation, sampleStore, writeTree } from "./sample-store.ts";

function path(text: string): StorePath {
	return text as StorePath;
}

test("a scratch folder goes although somebody writes to it for a moment longer", async (t) => {
	const store = sampleStore(t);
	const scratch = store.scratch();
	const script = "for n in $(seq 300); do mkdir -p $n; echo x >$n/x; done 2>/dev/null";
	const writer = spawn("sh", ["-c", script], { cwd: scratch.path, stdio: "ignore" });
	const ended = new Promise((resolve) => writer.once("close", resolve));
	for (let turn = 0; turn < 1000 && !existsSync(`${scratch.path}/3`); turn += 1) await sleep(1);
	scratch.remove();
	t.false(existsSync(scratch.path));
	await ended;
	t.false(existsSync(scratch.path));
});

test("a text is added with its references, once", (t) => {
	const store = sampleStore(t);
	const first = store.addText({ name: "text", contents: "contents" });
	const second = store.addText({ name: "refs", contents: `x ${first}`, references: [first] });
	// As `builtins.toFile` of Nix gives them.
	t.is(second, path("/nix/store/9w4flvlj7prv5dysc5qg9ivnh97a0a6y-refs"));
	t.is(readFileSync(store.physical(second), "latin1"), `x ${first}`);
	t.deepEqual(store.pathInfo(second).references, [first]);
	t.regex(store.pathInfo(second).contentAddress ?? "", /^text:sha256:[0-9a-z]{52}$/);
	t.is(store.addText({ name: "text", contents: "contents" }), first);
	t.is(store.queryAllValidPaths().length, 2);
});

test("a text whose references are not valid is refused, and leaves nothing", (t) => {
	const store = sampleStore(t);
	const missing = path("/nix/store/9w4flvlj7prv5dysc5qg9ivnh97a0a6y-refs");
	t.throws(() => store.addText({ name: "a", contents: missing, references: [missing] }), {
		message: /^STORE_PATH_NOT_VALID: .*it refers to .*-refs, which is not valid/,
	});
	t.deepEqual(store.queryAllValidPaths(), []);
	t.deepEqual(objectNames(store), []);
});

test("files and folders get the paths that `nix-store --add` gives them", (t) => {
	const store = sampleStore(t);
	const folder = temporaryFolder(t);
	writeTree(`${folder}/tree`, { empty: "", ü: "ü", "d/run": "x" });
	mkdirSync(`${folder}/tree/d/e`);
	chmodSync(`${folder}/tree/d/run`, 0o755);
	symlinkSync("../x", `${folder}/tree/d/link`);
	writeFileSync(`${folder}/hello.txt`, "hello\n");
	const source = `${folder}/hello.txt`;
	const tree = store.addPath({ name: "tree", source: `${folder}/tree` });
	t.is(tree, path("/nix/store/q5sc1kffwqp3rlri7bgxs3iwa68gv5sq-tree"));
	t.is(
		formatHash(store.pathInfo(tree).narHash, "base16"),
		"6254abeea4ce9203659613469632ab97e2fcb4d0e8b805c3c9995c905545a700",
	);
	t.is(store.pathInfo(tree).narSize, 1224);
	const expected = [
		["recursive", "sha256", "/nix/store/i9pmrzmpshapij2kin22pff6fc2adavx-hello.txt"],
		["flat", "sha256", "/nix/store/gy454w1cxaq731grqwylhzf4pp9r5izh-hello.txt"],
		["recursive", "sha1", "/nix/store/hzq8n5jpi3g2d0xhlvqd8q1gx5c9s6i3-hello.txt"],
		["flat", "md5", "/nix/store/dra1cz5vbrhclpv4y1q0psnbkxz581bk-hello.txt"],
	] as const;
	for (const [method, algo, result] of expected) {
		const options = { name: "hello.txt", source, method, algo };
		t.is(store.computePath(options), path(result));
		t.is(store.addPath(options), path(result));
		t.is(readFileSync(store.physical(result), "utf8"), "hello\n");
	}
});

test("what is added is canonical: modes 0444 and 0555, time 1, links as links", (t) => {
	const store = sampleStore(t);
	const folder = temporaryFolder(t);
	writeTree(`${folder}/s`, { "d/run": "x", plain: "y" });
	chmodSync(`${folder}/s/d/run`, 0o4711);
	chmodSync(`${folder}/s/plain`, 0o600);
	symlinkSync("/nowhere", `${folder}/s/link`);
	const added = store.physical(store.addPath({ name: "s", source: `${folder}/s` }));
	const seen = ["", "/d", "/d/run", "/plain", "/link"].map((each) => {
		const stats = lstatSync(added + each);
		return [stats.isSymbolicLink() ? "link" : (stats.mode & 0o7777).toString(8), stats.mtimeMs];
	});
	t.deepEqual(seen, [
		["555", 1000],
		["555", 1000],
		["555", 1000],
		["444", 1000],
		["link", 1000],
	]);
	t.is(readlinkSync(`${added}/link`), "/nowhere");
});

test("names that are no text are kept byte for byte", (t) => {
	const store = sampleStore(t);
	const folder = temporaryFolder(t);
	mkdirSync(`${folder}/s`);
	const name = Buffer.from("\xff\xfe\x01ü", "latin1");
	writeFileSync(Buffer.concat([Buffer.from(`${folder}/s/`), name]), "x");
	const added = store.addPath({ name: "s", source: `${folder}/s` });
	t.deepEqual(readdirSync(store.physical(added), { encoding: "buffer" }), [name]);
});

test("a filter leaves out entries and what is below them", (t) => {
	const store = sampleStore(t);
	const folder = temporaryFolder(t);
	writeTree(`${folder}/s`, { "keep/a": "", "keep/b.o": "", "skip/a": "", "skip/b": "" });
	const asked: string[] = [];
	const options = {
		name: "s",
		source: `${folder}/s`,
		filter: (relative: string, kind: string) => {
			asked.push(`${relative} ${kind}`);
			return relative !== "skip" && !relative.endsWith(".o");
		},
	};
	const computed = store.computePath(options);
	t.deepEqual(asked, ["keep directory", "keep/a regular", "keep/b.o regular", "skip directory"]);
	t.is(store.addPath(options), computed);
	t.deepEqual(readdirSync(store.physical(computed), { recursive: true }).sort(), ["keep", "keep/a"]);
});

test("what cannot be in a store is refused by name", async (t) => {
	const store = sampleStore(t);
	const folder = temporaryFolder(t);
	mkdirSync(`${folder}/s`);
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(`${folder}/s/socket`, resolve));
	t.teardown(() => server.close());
	t.throws(() => store.addPath({ name: "s", source: `${folder}/s` }), {
		message: /^STORE_FILE_KIND: ".*\/s\/socket" is no regular file/,
	});
	t.throws(() => store.addPath({ name: "s", source: `${folder}/none` }), { message: /^STORE_FILE_MISSING: / });
	t.throws(() => store.addPath({ name: "s", source: folder, method: "flat" }), { message: /^STORE_FILE_KIND: / });
	t.throws(() => store.addPath({ name: "a b", source: "/etc/hostname" }), { message: /^STORE_NAME: / });
	execFileSync("mkfifo", [`${folder}/fifo`]);
	t.throws(() => store.addPath({ name: "s", source: `${folder}/fifo`, method: "flat" }), {
		message: /^STORE_FILE_KIND: .*not a regular file/,
	});
	t.deepEqual(objectNames(store), []);
});

test("a derivation is added with its outputs, and read back", (t) => {
	const store = sampleStore(t);
	const source = store.addText({ name: "text", contents: "x" });
	const dep = addSample(store, sampleDerivation("dep", { sources: [source] }));
	const drv = sampleDerivation("top", { sources: [source], drvs: [dep.path] }, ["out", "dev"]);
	const top = addSample(store, drv);
	t.deepEqual(store.readDerivation(top.path), {
		...drv,
		env: new Map([...drv.env].sort()),
		outputs: new Map([...drv.outputs].sort()),
	});
	t.deepEqual([...store.queryDerivationOutputs(top.path)].sort(), [...top.outputs].sort());
	t.deepEqual(store.pathInfo(top.path).references, [dep.path, source].sort());
	t.deepEqual(store.queryDerivers(top.outputs.get("dev") ?? source), [top.path]);
});

test("a derivation from a foreign hand must not claim another's output", (t) => {
	const store = sampleStore(t);
	const victim = addSample(store, sampleDerivation("victim"));
	const text = readFileSync(store.physical(victim.path), "latin1").replace('"-c","true"', '"-c","evil"');
	t.throws(() => store.addText({ name: "victim.drv", contents: text }), {
		message: /^STORE_DRV_OUTPUT: .*says that its output "out" is/,
	});
	t.throws(() => store.addText({ name: "broken.drv", contents: "Derive(" }), { message: /^DRV_SYNTAX: / });
	t.is(store.queryAllValidPaths().length, 1);
});

test("a store opened for reading writes nothing", (t) => {
	const folder = temporaryFolder(t);
	using empty = openStore({ root: `${folder}/none`, readOnly: true });
	t.deepEqual(empty.queryAllValidPaths(), []);
	t.false(existsSync(`${folder}/none`));
	const store = sampleStore(t);
	const text = store.addText({ name: "text", contents: "x" });
	using reader = openStore({ root: store.root, readOnly: true });
	t.true(reader.isValid(text));
	t.is(reader.computePath({ name: "h", source: store.physical(text) }).length, "/nix/store/".length + 34);
	t.throws(() => reader.addText({ name: "text", contents: "y" }), { message: /^STORE_READ_ONLY: / });
	t.true(reader.isValid(text));
});

test("a store of another schema is left alone", (t) => {
	const folder = temporaryFolder(t);
	writeTree(`${folder}/nix/var/nix/db`, { schema: "7" });
	t.throws(() => openStore({ root: folder }), { message: /^STORE_SCHEMA: .*has schema "7", this program knows "10"/ });
	writeTree(`${folder}/two/nix/var/nix/db`, { schema: "10", "db.sqlite": "nonsense".repeat(1000) });
	t.throws(() => openStore({ root: `${folder}/two` }), { message: /^STORE_DATABASE: .*is damaged/ });
});

test("a root may have any name", (t) => {
	const folder = temporaryFolder(t);
	using store = openStore({ root: `${folder}/ünïcode räum/'";%` });
	const text = store.addText({ name: "text", contents: "x" });
	t.is(readFileSync(store.physical(text), "utf8"), "x");
	const added = store.addPath({ name: "copy", source: store.root, filter: (relative) => relative === "none" });
	t.true(store.isValid(added));
});

test("a source must not contain the store, unless a filter leaves it out", (t) => {
	const store = sampleStore(t);
	const source = `${store.root}/..`;
	t.throws(() => store.addPath({ name: "s", source }), {
		message: /^STORE_IN_SOURCE: the source contains the store itself, at ".*\/nix\/var\/nix"/,
	});
	t.true(store.isValid(store.addPath({ name: "s", source, filter: (relative) => !relative.startsWith("root/nix") })));
});

test("what is added under a derivation's name must be one, with the outputs that follow from it", (t) => {
	const store = sampleStore(t);
	const folder = temporaryFolder(t);
	const good = addSample(store, sampleDerivation("good"));
	const bad = addSample(store, sampleDerivation("bad"));
	const text = readFileSync(store.physical(bad.path), "latin1");
	const [goodOut = "", badOut = ""] = [good.outputs.get("out"), bad.outputs.get("out")];
	writeFileSync(`${folder}/bad.drv`, text.replaceAll(badOut, goodOut), "latin1");
	writeFileSync(`${folder}/none.drv`, "no derivation");
	writeFileSync(`${folder}/same.drv`, text, "latin1");
	for (const method of ["recursive", "flat"] as const) {
		t.throws(() => store.addPath({ name: "bad.drv", source: `${folder}/bad.drv`, method }), {
			message: /^STORE_DRV_OUTPUT: /,
		});
		t.throws(() => store.addPath({ name: "none.drv", source: `${folder}/none.drv`, method }), {
			message: /^DRV_SYNTAX: /,
		});
		t.throws(() => store.addPath({ name: "folder.drv", source: folder }), { message: /^DRV_SYNTAX: / });
		t.true(store.isValid(store.addPath({ name: "bad.drv", source: `${folder}/same.drv`, method })));
	}
});
