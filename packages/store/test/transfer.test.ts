/** Archives, export streams and dumps of the database; real Nix reads ours, and we read real Nix's. */

import {
	chmodSync,
	existsSync,
	lstatSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { spawnSync } from "node:child_process";
import { temporaryFolder, type Teardown } from "@devenv/test-support";
import { formatRegistrations, parseRegistrations, type StorePath } from "@devenv/nix-formats";
import test from "ava";
import * as fc from "fast-check";
import { dumpFiles, openStore, restoreFiles, type Store } from "../src/index.ts";
import { nixStore, testWithNix, tryNixStore } from "./real-nix-program.ts";
import { addSample, buildSample, objectNames, sampleDerivation, sampleStore, writeTree } from "./sample-store.ts";

/** A store with a folder, a text that refers to it, a derivation and its output; and all of them. */
async function filled(
	t: Teardown,
): Promise<{ readonly store: Store; readonly out: StorePath; readonly all: StorePath[] }> {
	const store = sampleStore(t);
	const folder = temporaryFolder(t);
	writeTree(`${folder}/s`, { "d/run": "x", ü: "y", empty: "" });
	chmodSync(`${folder}/s/d/run`, 0o755);
	symlinkSync("d/nowhere", `${folder}/s/l`);
	const source = store.addPath({ name: "s", source: `${folder}/s` });
	const text = store.addText({ name: "text", contents: source, references: [source] });
	const out = await buildSample(store, sampleDerivation("x", { sources: [text] }), `uses ${text}`);
	return { store, out, all: store.queryAllValidPaths() };
}

function exported(store: Store, paths: readonly StorePath[]): Buffer {
	const pieces: Buffer[] = [];
	store.exportPaths(paths, (piece) => pieces.push(Buffer.from(piece)));
	return Buffer.concat(pieces);
}

function dumpDatabase(store: Store): string {
	return formatRegistrations(
		store.queryAllValidPaths().map((path) => {
			const { narHash: hash, narSize: size, deriver, references } = store.pathInfo(path);
			return { path, nar: { hash, size }, deriver, references };
		}),
	);
}

/** What must be the same after a way out of one store and into another. */
function facts(store: Store): unknown[] {
	return store.queryAllValidPaths().map((path) => {
		const { narHash, narSize, references, deriver } = store.pathInfo(path);
		return { path, hash: Buffer.from(narHash.bytes).toString("hex"), narSize, references, deriver };
	});
}

testWithNix("our stream is real Nix's to the byte, and each reads the other's", async (t) => {
	const { store, all } = await filled(t);
	const ours = exported(store, all);
	t.deepEqual(ours, nixStore(store.root, ["--export", ...all]));
	const [there, here] = [temporaryFolder(t), temporaryFolder(t)];
	const imported = nixStore(`${there}/root`, ["--import"], ours).toString().trim().split("\n");
	t.deepEqual(imported.sort(), all.map(String));
	nixStore(`${there}/root`, ["--verify", "--check-contents"]);
	using other = openStore({ root: `${here}/root` });
	t.deepEqual((await other.importPaths([nixStore(`${there}/root`, ["--export", ...all])])).sort(), all);
	t.deepEqual(facts(other), facts(store));
	t.deepEqual(await other.verify({ checkContents: true }), []);
	nixStore(other.root, ["--verify", "--check-contents"]);
});

test("what was exported comes back the same, however it is cut, and a second time nothing changes", async (t) => {
	const { store, all, out } = await filled(t);
	const stream = exported(store, all);
	const folder = temporaryFolder(t);
	let round = 0;
	await fc.assert(
		fc.asyncProperty(fc.integer({ min: 1, max: 3000 }), async (size) => {
			using other = openStore({ root: `${folder}/${round++}` });
			const pieces = Array.from({ length: Math.ceil(stream.length / size) }, (_, at) =>
				stream.subarray(at * size, (at + 1) * size),
			);
			const order = await other.importPaths(pieces);
			t.deepEqual(await other.importPaths(pieces), order);
			t.deepEqual(facts(other), facts(store));
			t.true(order.indexOf(out) > order.indexOf(store.pathInfo(out).references[0] ?? out));
		}),
		{ numRuns: 10 },
	);
	t.throws(() => exported(store, ["/nix/store/9w4flvlj7prv5dysc5qg9ivnh97a0a6y-none" as StorePath]), {
		message: /^STORE_PATH_NOT_VALID: /,
	});
});

test("what is not what was registered is not exported", async (t) => {
	const { store, out } = await filled(t);
	chmodSync(store.physical(out), 0o644);
	writeFileSync(store.physical(out), "other");
	t.throws(() => exported(store, [out]), { message: /^STORE_MODIFIED: hash of path '.*-x' has changed from 'sha256:/ });
});

test("a hostile stream registers nothing wrong and leaves nothing behind", async (t) => {
	const { store, all } = await filled(t);
	const stream = exported(store, all);
	const folder = temporaryFolder(t);
	let round = 0;
	await fc.assert(
		fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 255 }), fc.boolean(), async (place, change, cut) => {
			const bytes = Buffer.from(stream);
			const at = place % bytes.length;
			if (!cut) bytes.writeUInt8((bytes.readUInt8(at) ^ change) & 255, at);
			using other = openStore({ root: `${folder}/${round++}` });
			try {
				await other.importPaths([cut ? bytes.subarray(0, at) : bytes]);
				t.false(cut);
			} catch (error) {
				t.regex(String(error), /\b[A-Z]+_[A-Z_]+: /);
			}
			// Every path that is valid is whole, with all that it refers to.
			t.deepEqual(await other.verify({ checkContents: true }), []);
			t.deepEqual(other.computeClosure(other.queryAllValidPaths()).sort(), other.queryAllValidPaths());
			const names = objectNames(other).map((name) => `/nix/store/${name}`);
			t.deepEqual(names.sort(), other.queryAllValidPaths().map(String));
			t.deepEqual(readdirSync(`${folder}/${round - 1}`), ["nix"]);
		}),
		{ numRuns: 60 },
	);
});

test("an object whose references are not there is not imported", async (t) => {
	const { store, out } = await filled(t);
	using other = openStore({ root: `${temporaryFolder(t)}/root` });
	await t.throwsAsync(() => other.importPaths([exported(store, [out])]), { message: /^STORE_PATH_NOT_VALID: / });
	t.deepEqual(other.queryAllValidPaths(), []);
});

testWithNix("a restored archive is what real Nix restores, modes included", async (t) => {
	const { store, all } = await filled(t);
	const folder = temporaryFolder(t);
	for (const [index, path] of all.entries()) {
		const pieces: Buffer[] = [];
		dumpFiles(store.physical(path), (piece) => pieces.push(Buffer.from(piece)));
		const nar = Buffer.concat(pieces);
		t.deepEqual(nar, nixStore(store.root, ["--dump", store.physical(path)]));
		await restoreFiles(`${folder}/ours-${index}`, [nar, Buffer.from("what follows")]);
		nixStore(store.root, ["--restore", `${folder}/theirs-${index}`], nar);
		t.deepEqual(listing(`${folder}/ours-${index}`), listing(`${folder}/theirs-${index}`));
	}
	await t.throwsAsync(() => restoreFiles(`${folder}/ours-0`, []), { message: /^STORE_RESTORE_PLACE: / });
	await t.throwsAsync(() => restoreFiles(`${folder}/none`, [Buffer.from("no archive")]), { message: /^NAR_SYNTAX: / });
	t.false(existsSync(`${folder}/none`));
});

function listing(folder: string, name = ""): string[] {
	const stats = lstatSync(folder);
	if (stats.isSymbolicLink()) return [`${name} -> ${readlinkSync(folder)}`];
	if (!stats.isDirectory()) return [`${name} ${stats.mode} ${readFileSync(folder, "latin1")}`];
	return [
		`${name} ${stats.mode}`,
		...readdirSync(folder)
			.sort()
			.flatMap((each) => listing(`${folder}/${each}`, `${name}/${each}`)),
	];
}

testWithNix("a dump of the database is real Nix's, and makes everything valid again", async (t) => {
	const { store, all } = await filled(t);
	const text = dumpDatabase(store);
	const sorted = (dump: string): unknown =>
		parseRegistrations(dump, { withHashes: true }).sort((a, b) => (a.path < b.path ? -1 : 1));
	t.deepEqual(sorted(nixStore(store.root, ["--dump-db"]).toString()), sorted(text));
	const before = facts(store);
	store.close();
	rmSync(`${store.root}/nix/var/nix/db`, { recursive: true });
	using again = openStore({ root: store.root });
	t.deepEqual(again.queryAllValidPaths(), []);
	await again.registerValidity(parseRegistrations(text, { withHashes: true }));
	t.deepEqual(facts(again), before);
	await again.registerValidity(parseRegistrations(text, { withHashes: true }), { reregister: true });
	t.deepEqual(facts(again), before);
	nixStore(again.root, ["--verify", "--check-contents"]);
	const drv = all.find((path) => path.endsWith(".drv"));
	const outputs = nixStore(again.root, ["--query", "--outputs", drv ?? ""])
		.toString()
		.trim();
	t.is(outputs, String(all.find((path) => path.endsWith("-x"))));
});

test("a registration that says what is not so registers nothing", async (t) => {
	const { store, out } = await filled(t);
	const text = dumpDatabase(store);
	store.close();
	rmSync(`${store.root}/nix/var/nix/db`, { recursive: true });
	using again = openStore({ root: store.root });
	const parsed = parseRegistrations(text, { withHashes: true });
	const refused = async (
		change: (each: (typeof parsed)[number]) => (typeof parsed)[number],
		message: RegExp,
	): Promise<void> => {
		const given = parsed.map((each) => (each.path === out ? change(each) : each));
		await t.throwsAsync(() => again.registerValidity(given), { message });
		t.deepEqual(again.queryAllValidPaths(), []);
	};
	const none = "/nix/store/9w4flvlj7prv5dysc5qg9ivnh97a0a6y-none" as StorePath;
	await refused(
		(each) => ({ ...each, nar: { hash: { algo: "sha256", bytes: Buffer.alloc(32) }, size: 1 } }),
		/^STORE_HASH_MISMATCH: /,
	);
	await refused((each) => ({ ...each, nar: { ...each.nar, size: 1 } as never }), /^STORE_HASH_MISMATCH: /);
	await refused((each) => ({ ...each, references: [none] }), /^STORE_PATH_NOT_VALID: /);
	await refused((each) => ({ ...each, path: none }), /^STORE_FILE_MISSING: /);
	const [first, second] = parsed;
	if (first === undefined || second === undefined) throw new Error("too few objects");
	const cycle = [
		{ ...first, references: [second.path] },
		{ ...second, references: [first.path] },
	];
	await t.throwsAsync(() => again.registerValidity(cycle), { message: /^STORE_CYCLE: / });
	t.deepEqual(again.queryAllValidPaths(), []);
	await again.registerValidity(parsed.map((each) => ({ ...each, nar: undefined })));
	t.is(dumpDatabase(again), text);
});

testWithNix("paths whose files are gone are forgotten as real Nix does it", async (t) => {
	const { store, out, all } = await filled(t);
	const lone = addSample(store, sampleDerivation("lone"));
	const source = all.find((path) => path.endsWith("-s")) ?? out;
	for (const path of [out, lone.path, source]) {
		if (lstatSync(store.physical(path)).isDirectory()) spawnSync("chmod", ["-R", "u+w", store.physical(path)]);
		rmSync(store.physical(path), { recursive: true });
	}
	const copy = `${temporaryFolder(t)}/root`;
	spawnSync("cp", ["-a", store.root, copy]);
	t.deepEqual(store.forgetMissing().sort(), [lone.path, out].sort());
	t.true(store.isValid(source));
	t.is(tryNixStore(copy, ["--verify"]).status, 1);
	using other = openStore({ root: copy, readOnly: true });
	t.deepEqual(other.queryAllValidPaths(), store.queryAllValidPaths());
});
