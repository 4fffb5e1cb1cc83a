import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { findProgram, skip, temporaryFolder } from "@devenv/test-support";
import { formatHash } from "@devenv/nix-formats";
import test from "ava";
import { digestTree, openStore } from "../src/index.ts";
import { buildSample, sampleDerivation, sampleStore, writeTree } from "./sample-store.ts";

const nix = findProgram("nix");

/** Runs a command of real Nix on a store; state of its own, and nothing of the user's. */
function run(root: string, program: string, args: readonly string[]): string {
	const store = program === "nix" ? ["--extra-experimental-features", "nix-command"] : [];
	return execFileSync(program, [...store, ...args, "--store", root], {
		encoding: "utf8",
		env: { ...process.env, HOME: `${root}/home`, NIX_CONF_DIR: `${root}/conf`, NIX_REMOTE: "" },
		stdio: ["ignore", "pipe", "pipe"],
	}).trim();
}

function testWithNix(title: string, body: (t: import("ava").ExecutionContext) => Promise<void> | void): void {
	test(title, async (t) => {
		if (nix === undefined) {
			skip(t, "no nix on PATH");
		} else {
			await body(t);
		}
	});
}

testWithNix("real Nix verifies our store, and knows the same of every path", async (t) => {
	const store = sampleStore(t);
	const folder = temporaryFolder(t);
	writeTree(`${folder}/s`, { "d/run": "x", ü: "y" });
	chmodSync(`${folder}/s/d/run`, 0o755);
	symlinkSync("d", `${folder}/s/l`);
	const source = store.addPath({ name: "s", source: `${folder}/s` });
	const text = store.addText({ name: "text", contents: "x", references: [source] });
	const out = await buildSample(store, sampleDerivation("x", { sources: [text] }), `uses ${text}`);
	run(store.root, "nix-store", ["--verify", "--check-contents"]);
	const infos = JSON.parse(run(store.root, "nix", ["path-info", "--all", "--json"])) as {
		path: string;
		narHash: string;
		narSize: number;
		references: string[];
		deriver?: string;
		ultimate?: boolean;
		ca?: string;
	}[];
	t.is(infos.length, 4);
	for (const info of infos) {
		const own = store.pathInfo(info.path as typeof out);
		t.is(info.narHash, formatHash(own.narHash, "sri"));
		t.is(info.narSize, own.narSize);
		t.deepEqual(info.references.sort(), [...own.references]);
		t.is(info.deriver, own.deriver);
		t.is(info.ultimate ?? false, own.ultimate);
		t.is(info.ca, own.contentAddress);
	}
	t.is(run(store.root, "nix-store", ["--query", "--deriver", out]), store.pathInfo(out).deriver ?? "");
	t.is(run(store.root, "nix-store", ["--query", "--requisites", out]), store.computeClosure([out]).join("\n"));
});

testWithNix("our store takes what real Nix added, and the other way round", async (t) => {
	const folder = temporaryFolder(t);
	const root = `${folder}/root`;
	writeFileSync(`${folder}/file`, "contents");
	const added = run(root, "nix-store", ["--add", `${folder}/file`]);
	using store = openStore({ root });
	const own: string = store.addPath({ name: "file", source: `${folder}/file` });
	t.is(own, added);
	t.is(store.queryAllValidPaths().length, 1);
	const text = store.addText({ name: "text", contents: "x" });
	t.deepEqual(
		run(root, "nix-store", ["--query", "--hash", text]),
		`sha256:${formatHash(store.pathInfo(text).narHash, "base32")}`,
	);
	t.deepEqual(await store.verify({ checkContents: true }), []);
});

testWithNix("real Nix's collector keeps our permanent and temporary roots", async (t) => {
	const store = sampleStore(t);
	const held = store.addText({ name: "held", contents: "x" });
	using other = openStore({ root: store.root });
	const rooted = other.addText({ name: "rooted", contents: "y" });
	other.addRoot(`${store.root}/result`, rooted);
	// The lock on the file of temporary roots is taken by a program of its own.
	await new Promise((resolve) => setTimeout(resolve, 500));
	run(store.root, "nix-store", ["--gc"]);
	t.true(store.isValid(rooted));
	if (findProgram("flock") !== undefined) t.true(store.isValid(held));
	t.deepEqual(await store.verify({ checkContents: true }), []);
});

testWithNix("hashes are nix-hash's", (t) => {
	const folder = temporaryFolder(t);
	writeTree(`${folder}/s`, { "a/b/c": "x".repeat(3_000_000), "a.b": "", "a-b": "y", "a/b.c": "z" });
	const expected = execFileSync("nix-hash", ["--type", "sha256", `${folder}/s`], { encoding: "utf8" }).trim();
	t.is(formatHash(digestTree({ path: `${folder}/s` }).narHash, "base16"), expected);
	t.is(readFileSync(`${folder}/s/a-b`, "utf8"), "y");
});
