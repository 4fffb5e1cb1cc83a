import test from "ava";
import { storePathHashPart, type StorePath } from "@devenv/nix-formats";
import { addSample, buildSample, sampleDerivation, sampleStore } from "./sample-store.ts";

test("references, referrers, derivers and closures", async (t) => {
	const store = sampleStore(t);
	const a = store.addText({ name: "a", contents: "a" });
	const b = store.addText({ name: "b", contents: "b", references: [a] });
	const c = store.addText({ name: "c", contents: "c", references: [a, b] });
	const lone = store.addText({ name: "lone", contents: "" });
	t.deepEqual(store.queryReferrers(a), [b, c].sort());
	t.deepEqual(store.computeClosure([c]), [a, b, c]);
	t.deepEqual(store.computeClosure([a], { direction: "referrers" }).sort(), [a, b, c].sort());
	t.deepEqual(store.computeClosure([lone, lone]), [lone]);

	const drv = sampleDerivation("x", { sources: [c] });
	const out = await buildSample(store, drv, `mentions ${b}`);
	const [path] = store.queryDerivers(out);
	t.deepEqual(store.pathInfo(out).references, [b]);
	t.is(store.pathInfo(out).deriver, path);
	t.true(store.pathInfo(out).ultimate);
	t.true(path !== undefined && store.computeClosure([path], { includeOutputs: true }).includes(out));
	t.true(path !== undefined && store.computeClosure([out], { includeDerivers: true }).includes(path));
	t.false(path !== undefined && store.computeClosure([out]).includes(path));
	t.deepEqual(store.queryValidPaths([a, out]), [a, out]);
});

test("a hash part finds its path and nothing else", (t) => {
	const store = sampleStore(t);
	const a = store.addText({ name: "a", contents: "a" });
	store.addText({ name: "b", contents: "b" });
	t.is(store.queryPathFromHashPart(storePathHashPart(a)), a);
	t.is(store.queryPathFromHashPart(storePathHashPart(a).replace(/.$/, "0")), undefined);
	t.is(store.queryPathFromHashPart("%"), undefined);
	t.is(store.queryPathFromHashPart(""), undefined);
});

test("what is not valid is said to be so", (t) => {
	const store = sampleStore(t);
	const missing = "/nix/store/9w4flvlj7prv5dysc5qg9ivnh97a0a6y-refs" as StorePath;
	t.is(store.queryPathInfo(missing), undefined);
	t.throws(() => store.pathInfo(missing), { message: /^STORE_PATH_NOT_VALID: / });
	t.throws(() => store.computeClosure([missing]), { message: /^STORE_PATH_NOT_VALID: / });
	t.throws(
		() => {
			store.dumpNar(missing, () => undefined);
		},
		{ message: /^STORE_PATH_NOT_VALID: / },
	);
	t.throws(() => store.physical("/etc/passwd"), { message: /^STORE_PATH: / });
	const { path } = addSample(store, sampleDerivation("x"));
	t.true(store.isValid(path));
});

test("signatures are added, each once", (t) => {
	const store = sampleStore(t);
	const a = store.addText({ name: "a", contents: "a" });
	store.addSignatures(a, ["k:B", "k:A"]);
	store.addSignatures(a, ["k:A"]);
	t.deepEqual(store.pathInfo(a).signatures, ["k:A", "k:B"]);
});
