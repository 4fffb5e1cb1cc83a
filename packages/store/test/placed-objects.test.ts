import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { DrvPath, StorePath } from "@devenv/nix-formats";
import { temporaryFolder } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import { type BuiltOutput, openStore, type Store } from "../src/index.ts";
import { ended, startChild } from "./children/run-child.ts";
import { nixStore, testWithNix } from "./real-nix-program.ts";
import { addSample, sampleDerivation, sampleStore } from "./sample-store.ts";

interface Sample {
	readonly store: Store;
	readonly path: StorePath;
	readonly deriver: DrvPath;
	/** For {@link Store.registerOutputs}. */
	readonly output: BuiltOutput;
}

/** A folder with one file, placed. */
function placedSample(t: ExecutionContext, store: Store = sampleStore(t)): Sample {
	const { path: deriver, outputs } = addSample(store, sampleDerivation("x"));
	const path = outputs.get("out") ?? t.fail("no output");
	const from = `${store.scratch().path}/out`;
	mkdirSync(from);
	writeFileSync(`${from}/file`, `of ${deriver}`);
	store.placeOutputs([{ path, from, deriver }]);
	return { store, path, deriver, output: { path, deriver, from: store.physical(path), candidates: [deriver] } };
}

function records(store: Store): string[] {
	return readdirSync(`${store.root}/nix/var/nix/devenv/placed`);
}

test("what is placed lies at its path, and is not valid before it is registered there", async (t) => {
	const { store, path, deriver, output } = placedSample(t);
	t.is(readFileSync(`${store.physical(path)}/file`, "utf8"), `of ${deriver}`);
	t.false(store.isValid(path));
	t.true(store.isPlaced(path));
	t.deepEqual(store.placed(), [{ path, deriver }]);
	const [info] = await store.registerOutputs([output]);
	t.deepEqual(info?.references, [deriver]);
	t.true(store.isValid(path));
	t.is(readFileSync(`${store.physical(path)}/file`, "utf8"), `of ${deriver}`);
	t.deepEqual(records(store), []);
	t.deepEqual(await store.verify({ checkContents: true }), []);
});

test("it is registered as what is moved into place when it is registered", async (t) => {
	const one = placedSample(t);
	const [placed] = await one.store.registerOutputs([one.output]);
	const other = sampleStore(t);
	const { path, outputs } = addSample(other, sampleDerivation("x"));
	const from = `${other.scratch().path}/out`;
	mkdirSync(from);
	writeFileSync(`${from}/file`, `of ${path}`);
	const [moved] = await other.registerOutputs([
		{ path: outputs.get("out") ?? t.fail(), from, deriver: path, candidates: [path] },
	]);
	t.deepEqual({ ...placed, registrationTime: 0 }, { ...moved, registrationTime: 0 });
});

test("what is withdrawn is gone from the store, and stays for who has it mounted", (t) => {
	const { store, path } = placedSample(t);
	const inside = `${store.physical(path)}/file`;
	store.withdraw([path]);
	t.false(existsSync(inside));
	t.deepEqual([records(store), store.placed()], [[], []]);
	const folder = `${store.root}/nix/var/nix/devenv/tmp`;
	const left = readdirSync(folder, { recursive: true }).filter((name) => String(name).endsWith("/file"));
	t.is(left.length, 1);
	store.close();
	t.deepEqual(readdirSync(folder), []);
});

test("a check that fails leaves what is placed, to be withdrawn", async (t) => {
	const { store, path, output } = placedSample(t);
	const refuse = (): never => {
		throw new Error("refused");
	};
	await t.throwsAsync(store.registerOutputs([output], refuse), { message: "refused" });
	t.true(store.isPlaced(path));
	t.false(store.isValid(path));
});

test("what lies at the path by chance is not taken for what was placed", (t) => {
	const store = sampleStore(t);
	const { outputs } = addSample(store, sampleDerivation("x"));
	const path = outputs.get("out") ?? t.fail("no output");
	mkdirSync(store.physical(path));
	writeFileSync(`${store.physical(path)}/foreign`, "");
	t.false(store.isPlaced(path));
	const again = placedSample(t, store);
	t.is(again.path, path);
	t.deepEqual(readdirSync(store.physical(path)), ["file"]);
});

test("all are placed, or none", (t) => {
	const store = sampleStore(t);
	const drv = sampleDerivation("two", {}, ["one", "two"]);
	const { path: deriver, outputs } = addSample(store, drv);
	const [one = t.fail(), two = t.fail()] = outputs.values();
	const from = `${store.scratch().path}/one`;
	mkdirSync(from);
	const objects = [
		{ path: one, from, deriver },
		{ path: two, from: `${from}/absent`, deriver },
	];
	t.throws(
		() => {
			store.placeOutputs(objects);
		},
		{ code: "ENOENT" },
	);
	t.deepEqual([store.placed(), records(store)], [[], []]);
	t.false(existsSync(store.physical(one)));
});

test("collectors keep it with what it was made by, whether its process lives or not", async (t) => {
	const folder = temporaryFolder(t);
	const { child, line } = await startChild(t, "place", [`${folder}/root`]);
	const [path, deriver] = line.split(" ") as [StorePath, DrvPath];
	using store = openStore({ root: `${folder}/root` });
	t.deepEqual(store.collectGarbage().deleted, []);
	t.true(existsSync(store.physical(path)));
	child.kill("SIGKILL");
	await ended(child);
	using next = openStore({ root: `${folder}/root` });
	t.deepEqual(next.collectGarbage().deleted, []);
	t.true(next.isValid(deriver));
	t.deepEqual(next.placed(), [{ path, deriver }]);
	await next.registerOutputs([{ path, deriver, from: next.physical(path), candidates: [deriver] }]);
	t.deepEqual(await next.verify({ checkContents: true }), []);
	t.deepEqual(readdirSync(`${next.root}/nix/var/nix/devenv/placed`), []);
});

test("after the machine has started again, it is removed", (t) => {
	const { store, path } = placedSample(t);
	const file = `${store.root}/nix/var/nix/devenv/placed/${path.slice("/nix/store/".length)}`;
	const record = readFileSync(file, "utf8");
	for (const other of [record.replace(/"boot":"[^"]+"/, '"boot":"another"'), "", "[]"]) {
		store.withdraw([path]);
		placedSample(t, store);
		writeFileSync(file, other);
		t.false(store.isPlaced(path));
		using next = openStore({ root: store.root });
		t.deepEqual([next.placed(), existsSync(file), existsSync(next.physical(path))], [[], false, false]);
	}
});

test("what another makes valid meanwhile stays, and what is in use is not deleted", async (t) => {
	const { store, path, deriver, output } = placedSample(t);
	using other = openStore({ root: store.root });
	const from = `${other.scratch().path}/out`;
	mkdirSync(from);
	writeFileSync(`${from}/file`, `of ${deriver}`);
	await other.registerOutputs([{ path, deriver, from, candidates: [deriver] }]);
	t.true(store.isValid(path));
	t.deepEqual(records(store), []);
	const copies = readdirSync(`${store.root}/nix/var/nix/devenv/tmp`, { recursive: true });
	t.is(copies.filter((name) => String(name).endsWith("/file")).length, 1, "for who has it mounted");
	await store.registerOutputs([output]);
	store.withdraw([path]);
	t.true(existsSync(store.physical(path)));
	t.deepEqual(await store.verify({ checkContents: true }), []);
});

testWithNix("real Nix finds nothing wrong beside what is placed, and once it is registered", async (t) => {
	const { store, path, deriver, output } = placedSample(t);
	store.addTempRoot(path);
	nixStore(store.root, ["--verify", "--check-contents"]);
	nixStore(store.root, ["--gc"]);
	t.true(store.isPlaced(path), "a temporary root for real Nix's collector too");
	await store.registerOutputs([output]);
	nixStore(store.root, ["--verify", "--check-contents"]);
	t.is(nixStore(store.root, ["--query", "--deriver", path]).toString().trim(), deriver);
});
