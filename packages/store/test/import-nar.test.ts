import { existsSync, readdirSync } from "node:fs";
import { hashBytes, makeFixedOutputPath, NarEncoder, type NarEvent, type StorePath } from "@devenv/nix-formats";
import test from "ava";
import * as fc from "fast-check";
import type { NarImport, Store } from "../src/index.ts";
import { addSample, objectNames, sampleDerivation, sampleStore } from "./sample-store.ts";

const PATH = "/nix/store/9w4flvlj7prv5dysc5qg9ivnh97a0a6y-x" as StorePath;

function encode(events: readonly NarEvent[]): Buffer {
	const pieces: Buffer[] = [];
	const encoder = new NarEncoder((piece) => pieces.push(Buffer.from(piece)));
	for (const event of events) encoder.write(event);
	encoder.finish();
	return Buffer.concat(pieces);
}

function fileOf(contents: string): Buffer {
	return encode([
		{ kind: "file", executable: false, size: contents.length },
		{ kind: "contents", bytes: Buffer.from(contents) },
	]);
}

function importOf(nar: Buffer, more: Partial<NarImport> = {}): NarImport {
	return { path: PATH, narHash: hashBytes("sha256", nar), narSize: nar.length, references: [], ...more };
}

function dump(store: Store, path: StorePath): Buffer {
	const pieces: Buffer[] = [];
	store.dumpNar(path, (piece) => pieces.push(Buffer.from(piece)));
	return Buffer.concat(pieces);
}

function assertNothingLeft(t: { deepEqual: (left: unknown, right: unknown) => unknown }, store: Store): void {
	t.deepEqual(store.queryAllValidPaths(), []);
	t.deepEqual(objectNames(store), []);
	const folder = `${store.root}/nix/var/nix/devenv/tmp`;
	const left = readdirSync(folder, { recursive: true }).filter((name) => /\/[0-9]+$/.test(String(name)));
	t.deepEqual(left, []);
}

const name = fc.stringMatching(/^[a-z]{1,6}$/);
const node: fc.Arbitrary<NarEvent[]> = fc.letrec<{ node: NarEvent[] }>((tie) => ({
	node: fc.oneof(
		{ maxDepth: 3 },
		fc.tuple(fc.boolean(), fc.uint8Array({ minLength: 1, maxLength: 30 })).map(([executable, bytes]): NarEvent[] => [
			{ kind: "file", executable, size: bytes.length },
			{ kind: "contents", bytes },
		]),
		name.map((target): NarEvent[] => [{ kind: "symlink", target }]),
		fc
			.uniqueArray(fc.tuple(name, tie("node")), { maxLength: 4, selector: ([each]) => each })
			.map((entries): NarEvent[] => [
				{ kind: "directory" },
				...entries
					.sort(([left], [right]) => (left < right ? -1 : 1))
					.flatMap(([each, events]): NarEvent[] => [{ kind: "entry", name: each }, ...events]),
				{ kind: "end" },
			]),
	),
})).node;

test("a NAR that was imported is dumped again byte for byte", async (t) => {
	const store = sampleStore(t);
	await fc.assert(
		fc.asyncProperty(node, fc.integer({ min: 1, max: 500 }), async (events, size) => {
			const nar = encode(events);
			const hash = hashBytes("sha256", nar);
			const path = makeFixedOutputPath({ name: "x", method: "recursive", hash });
			const pieces = Array.from({ length: Math.ceil(nar.length / size) }, (_, at) =>
				nar.subarray(at * size, (at + 1) * size),
			);
			const info = await store.importNar(importOf(nar, { path }), pieces);
			t.is(info.narSize, nar.length);
			t.true(dump(store, path).equals(nar));
		}),
		{ numRuns: 60 },
	);
	t.deepEqual(await store.verify({ checkContents: true }), []);
});

const good = fileOf("contents");

for (const [title, info, nar, message] of [
	["another hash", importOf(good, { narHash: hashBytes("sha256", "x") }), good, /^STORE_HASH_MISMATCH: /],
	["too few bytes", importOf(good, { narSize: good.length + 8 }), good, /^STORE_NAR_SIZE: .*has 120 bytes, not 128/],
	["too many bytes", importOf(good, { narSize: 8 }), good, /^STORE_NAR_SIZE: .*more than 8/],
	["a truncated archive", importOf(good), good.subarray(0, 100), /^NAR_SYNTAX: .*ends too early/],
	["bytes behind its end", importOf(Buffer.concat([good, good])), Buffer.concat([good, good]), /^NAR_SYNTAX: /],
	[
		"references that are not valid",
		importOf(good, { references: ["/nix/store/i9pmrzmpshapij2kin22pff6fc2adavx-y" as StorePath] }),
		good,
		/^STORE_PATH_NOT_VALID: /,
	],
	[
		"a content address that gives another path",
		importOf(good, { contentAddress: "fixed:r:sha256:04zwf782yjwnh3q6hz5izfd6jyip8kgw6g6yj43fiqhbyhdd0dqw" }),
		good,
		/^STORE_(?:HASH_MISMATCH|CONTENT_ADDRESS): /,
	],
	[
		"a content address that is none",
		importOf(good, { contentAddress: "fixed:../../x" }),
		good,
		/^STORE_CONTENT_ADDRESS: /,
	],
	["a derivation that is none", importOf(good, { path: `${PATH}.drv` as StorePath }), good, /^DRV_SYNTAX: /],
] as const) {
	test(`${title} is refused, and leaves nothing`, async (t) => {
		const store = sampleStore(t);
		await t.throwsAsync(store.importNar(info, [nar]), { message });
		assertNothingLeft(t, store);
	});
}

test("a download that fails half-way leaves nothing", async (t) => {
	const store = sampleStore(t);
	async function* failing(): AsyncGenerator<Uint8Array> {
		yield good.subarray(0, 50);
		await Promise.resolve();
		throw new Error("the line is cut");
	}
	await t.throwsAsync(store.importNar(importOf(good), failing()), { message: "the line is cut" });
	assertNothingLeft(t, store);
});

test("a hostile archive stays inside its folder", async (t) => {
	const store = sampleStore(t);
	const nar = encode([
		{ kind: "directory" },
		{ kind: "entry", name: "a" },
		{ kind: "symlink", target: store.root },
		{ kind: "entry", name: "b" },
		{ kind: "file", executable: false, size: 0 },
		{ kind: "end" },
	]);
	// The entry `b` becomes a second `a`, which is to be written through the link.
	const at = nar.lastIndexOf("b\0\0\0");
	nar[at] = "a".charCodeAt(0);
	await t.throwsAsync(store.importNar(importOf(nar), [nar]), { message: /^NAR_SYNTAX: .*given twice/ });
	assertNothingLeft(t, store);
});

test("folders deeper than paths can be are a diagnostic, and are removed", async (t) => {
	const store = sampleStore(t);
	const depth = 40;
	const long = "d".repeat(200);
	const nar = encode([
		...Array.from({ length: depth }, (): NarEvent[] => [{ kind: "directory" }, { kind: "entry", name: long }]).flat(),
		{ kind: "file", executable: false, size: 0 },
		...Array.from({ length: depth }, (): NarEvent => ({ kind: "end" })),
	]);
	await t.throwsAsync(store.importNar(importOf(nar), [nar]), { message: /^STORE_LIMIT: / });
	assertNothingLeft(t, store);
});

test("a derivation comes with its outputs", async (t) => {
	const one = sampleStore(t);
	const { path, outputs } = addSample(one, sampleDerivation("x"));
	const nar = dump(one, path);
	const other = sampleStore(t);
	const { contentAddress } = one.pathInfo(path);
	await other.importNar(importOf(nar, { path, ...(contentAddress !== undefined && { contentAddress }) }), [nar]);
	t.deepEqual(other.queryDerivationOutputs(path), outputs);
	t.true(existsSync(other.physical(path)));
});
