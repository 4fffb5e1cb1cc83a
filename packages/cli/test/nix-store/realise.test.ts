/** `nix-store --realise` and repairing, on derivations that need no sandbox: files that are fetched. */

import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Derivation, HashesModulo, instantiate, makeFixedOutputPath, type StorePath } from "@devenv/nix-formats";
import { openStore } from "@devenv/store";
import { temporaryFolder, type Teardown } from "@devenv/test-support";
import test from "ava";
import { runPrograms } from "./two-stores.ts";

class World {
	readonly folder: string;
	readonly root: string;

	constructor(t: Teardown) {
		this.folder = temporaryFolder(t);
		this.root = join(this.folder, "root");
		writeFileSync(join(this.folder, "data"), "data\n");
	}

	/** A derivation that fetches the file, under a name; with another hash it fails. */
	fetching(name: string, hash = createHash("sha256").update("data\n").digest("hex")): { drv: string; out: StorePath } {
		using store = openStore({ root: this.root });
		const unfilled: Derivation = {
			name,
			outputs: new Map([["out", { path: "", hashAlgo: "sha256", hash }]]),
			inputDrvs: new Map(),
			inputSrcs: [],
			system: "builtin",
			builder: "builtin:fetchurl",
			args: [],
			env: new Map([
				["name", name],
				["url", `file://${this.folder}/data`],
				["outputHash", hash],
				["outputHashAlgo", "sha256"],
				["outputHashMode", "flat"],
			]),
		};
		const { drvPath } = instantiate(unfilled, new HashesModulo((path) => store.readDerivation(path)), store.storeDir);
		store.addDerivation(unfilled);
		const bytes = Buffer.from(hash, "hex");
		return { drv: drvPath, out: makeFixedOutputPath({ name, method: "flat", hash: { algo: "sha256", bytes } }) };
	}

	run(...all: readonly (readonly string[])[]): ReturnType<typeof runPrograms> {
		return runPrograms(this.folder, this.folder, all);
	}

	physical(path: string): string {
		return this.root + path;
	}
}

const NONE = "/nix/store/00000000000000000000000000000000-none";

test("realising builds, prints and keeps by links; a second time nothing is built", (t) => {
	const world = new World(t);
	const [a, b] = [world.fetching("a"), world.fetching("b")];
	const [plan, first, again, linked, unknown, ignored] = world.run(
		["nix-store", "-r", "--dry-run", a.drv],
		["nix-store", "-r", a.drv],
		["nix-store", "-r", "--no-gc-warning", `${a.drv}!out`],
		["nix-store", "--realise", a.drv, b.drv, "--add-root", "kept"],
		["nix-store", "-r", NONE],
		["nix-store", "-r", "--ignore-unknown", NONE],
	);
	t.deepEqual([plan?.status, plan?.stdout], [0, ""]);
	t.is(plan?.stderr, `this derivation will be built:\n  ${a.drv}\n`);
	t.deepEqual([first?.status, first?.stdout], [0, `${a.out}\n`], first?.stderr);
	t.regex(first?.stderr ?? "", /warning: you did not specify '--add-root'/);
	t.deepEqual([again?.stdout, again?.stderr], [`${a.out}\n`, ""]);
	t.is(linked?.stdout, `${world.folder}/kept\n${world.folder}/kept-2\n`);
	t.is(readlinkSync(join(world.folder, "kept-2")), b.out);
	t.is(unknown?.status, 1);
	t.regex(unknown?.stderr ?? "", /don't know how to build these paths:\n.*-none\nerror: build of '.*-none' failed\n$/);
	t.deepEqual([ignored?.status, ignored?.stdout, ignored?.stderr], [0, "", ""]);
});

test("a query can ask for what has to be built first, and a failure has Nix's exit status", (t) => {
	const world = new World(t);
	const [a, wrong] = [world.fetching("a"), world.fetching("wrong", "0".repeat(64))];
	const [size, failed] = world.run(
		["nix-store", "--query", "--force-realise", "--use-output", "--size", a.drv],
		["nix-store", "-r", wrong.drv],
	);
	t.deepEqual([size?.status, size?.stdout], [0, "120\n"], size?.stderr);
	t.is(failed?.status, 102);
});

test("what was damaged is made anew, in its place, and what cannot be is said", (t) => {
	const world = new World(t);
	const { drv, out } = world.fetching("a");
	using store = openStore({ root: world.root });
	const text = store.addText({ name: "text", contents: "text" });
	t.is(world.run(["nix-store", "-r", drv, "--add-root", "kept"])[0]?.status, 0);
	const damage = (path: string): void => {
		chmodSync(world.physical(path), 0o644);
		writeFileSync(world.physical(path), "damaged");
	};
	damage(out);
	damage(text);
	const [verified, repaired, path, left] = world.run(
		["nix-store", "--verify", "--check-contents"],
		["nix-store", "--verify", "--check-contents", "--repair"],
		["nix-store", "--repair-path", text],
		["nix-store", "--verify-path", out, text],
	);
	t.is(verified?.status, 1);
	t.regex(verified?.stderr ?? "", /path '.*-a' was modified! expected hash/);
	t.is(repaired?.status, 1);
	t.regex(
		repaired?.stderr ?? "",
		/warning: cannot repair path '.*-text'\n[^]*warning: not all store errors were fixed\n$/,
	);
	t.is(readFileSync(world.physical(out), "utf8"), "data\n");
	t.is(path?.status, 1);
	t.is(left?.status, 1);
	t.notRegex(left?.stderr ?? "", /-a'/);
	damage(out);
	t.is(world.run(["nix-store", "-r", "--repair", drv])[0]?.status, 0);
	t.is(readFileSync(world.physical(out), "utf8"), "data\n");
});

test("a damaged object comes from a binary cache where one has it", (t) => {
	const world = new World(t);
	mkdirSync(join(world.folder, "config"));
	using store = openStore({ root: world.root });
	const source = join(world.folder, "data");
	const path = store.addPath({ name: "data", source });
	const cache = `file://${world.folder}/cache`;
	writeFileSync(join(world.folder, "config/config.yaml"), `substituters: ["${cache}?trusted=true"]\n`);
	t.is(world.run(["devenv copy", cache, path])[0]?.status, 0);
	chmodSync(world.physical(path), 0o644);
	writeFileSync(world.physical(path), "damaged");
	const [repaired] = world.run(["nix-store", "--repair-path", path]);
	t.is(repaired?.status, 0, repaired?.stderr);
	t.is(readFileSync(world.physical(path), "utf8"), "data\n");
	t.true(existsSync(join(world.folder, "cache")));
});
