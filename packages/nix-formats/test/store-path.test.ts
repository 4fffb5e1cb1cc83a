import test from "ava";
import * as fc from "fast-check";
import {
	checkStoreName,
	drvPathName,
	isDrvPath,
	isStorePath,
	makeStorePath,
	parseDrvPath,
	parseStorePath,
	splitStorePath,
	storePathBase,
	storePathHashPart,
	storePathName,
} from "../src/index.ts";

const HASH = "i9pmrzmpshapij2kin22pff6fc2adavx";
const PATH = `/nix/store/${HASH}-hello.txt`;

test("a store path is taken apart", (t) => {
	const path = parseStorePath(PATH);
	t.is(storePathHashPart(path), HASH);
	t.is(storePathName(path), "hello.txt");
	t.is(storePathBase(path), `${HASH}-hello.txt`);
	t.is(drvPathName(parseDrvPath(`${PATH}.drv`)), "hello.txt");
});

test("every name that is allowed makes a path that parses", (t) => {
	const unit = fc.constantFrom(...Array.from("abcXYZ019+-._?="));
	fc.assert(
		fc.property(fc.string({ unit, minLength: 1, maxLength: 211 }), (name) => {
			fc.pre(!/^\.{1,2}(?:-|$)/.test(name));
			const path = makeStorePath({ type: "source", digest: "00", name });
			t.is(storePathName(parseStorePath(path)), name);
		}),
	);
});

for (const [text, reason] of [
	["/nix/storex", /does not lie in/],
	[`/nix/store2/${HASH}-a`, /does not lie in \/nix\/store/],
	["/nix/store/", /no hash part/],
	[`/nix/store/${HASH}`, /no hash part/],
	[`/nix/store/${HASH}-`, /of its name, it is empty|no hash part/],
	[`/nix/store/${HASH}_a`, /no hash part/],
	[`/nix/store/e9pmrzmpshapij2kin22pff6fc2adavx-a`, /not base-32/],
	[`/nix/store/${HASH}-a/b`, /deeper than one level/],
	[`/nix/store/${HASH}-a b`, /it contains " "/],
	[`/nix/store/${HASH}-ü`, /it contains "ü"/],
	[`/nix/store/${HASH}-a\n`, /it contains "\\n"/],
	[`/nix/store/${HASH}-.`, /is "\." or "\.\."/],
	[`/nix/store/${HASH}-..`, /is "\." or "\.\."/],
	[`/nix/store/${HASH}-..-x`, /begins with one of them and a dash/],
	[`/nix/store/${HASH}-${"a".repeat(212)}`, /longer than 211/],
] as const) {
	test(`refuses ${JSON.stringify(text).slice(0, 70)}`, (t) => {
		t.false(isStorePath(text));
		t.throws(() => parseStorePath(text), { message: reason });
	});
}

test("a path in another store folder is one only there", (t) => {
	const path = `/gnu/store/${HASH}-a`;
	t.false(isStorePath(path));
	t.true(isStorePath(path, "/gnu/store"));
});

test("only .drv is a derivation", (t) => {
	t.false(isDrvPath(PATH));
	t.true(isDrvPath(`${PATH}.drv`));
	t.throws(() => parseDrvPath(PATH), { message: /does not end in \.drv/ });
});

test("names", (t) => {
	t.notThrows(() => {
		checkStoreName(".hidden");
	});
	t.throws(
		() => {
			checkStoreName("a/b");
		},
		{ message: /^STORE_NAME: .*it contains "\/"/ },
	);
});

test("paths below an object are split", (t) => {
	t.deepEqual(splitStorePath(`${PATH}/bin/x`), { storePath: parseStorePath(PATH), subPath: "/bin/x" });
	t.deepEqual(splitStorePath(PATH), { storePath: parseStorePath(PATH), subPath: "" });
	t.is(splitStorePath("/nix/store"), undefined);
	t.is(splitStorePath("/etc/passwd"), undefined);
	t.is(splitStorePath(`/nix/stores/${HASH}-a`), undefined);
});
