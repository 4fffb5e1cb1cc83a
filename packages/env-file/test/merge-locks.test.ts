import { DiagnosticError } from "@devenv/diagnostics";
import test from "ava";
import fc from "fast-check";
import {
	formatLock,
	type LockFile,
	type LockedDebianInput,
	type LockedInput,
	mergeLocks,
	splitLockConflict,
} from "../src/index.ts";

function input(name: string, day: number, more: Partial<LockedDebianInput> = {}): LockedDebianInput {
	const date = `2026-11-${String(day).padStart(2, "0")}T00:00:00Z`;
	const narHash = `sha256-${String.fromCharCode(65 + day).repeat(43)}=`;
	return {
		kind: "debian",
		name,
		url: "debian:trixie",
		indexes: [{ system: "x86_64-linux", narHash }],
		suites: [{ suite: "trixie", archive: "debian", date, packages: [] }],
		...more,
	};
}

const lock = (...inputs: readonly LockedInput[]): LockFile => ({ inputs });

test("takes the newer pin of each input, and says both", (t) => {
	const merged = mergeLocks(
		lock(input("a", 1), input("b", 9), input("c", 5)),
		lock(input("a", 2), input("b", 3), input("c", 5)),
	);
	t.deepEqual(merged.lock, lock(input("a", 2), input("b", 9), input("c", 5)));
	t.deepEqual(merged.choices, [
		{ input: "a", ours: "2026-11-01T00:00:00Z", theirs: "2026-11-02T00:00:00Z", taken: "theirs" },
		{ input: "b", ours: "2026-11-09T00:00:00Z", theirs: "2026-11-03T00:00:00Z", taken: "ours" },
	]);
});

test("a side that changed nothing gives way, even to an older pin", (t) => {
	const base = lock(input("a", 5), input("b", 5));
	t.deepEqual(mergeLocks(lock(input("a", 5), input("b", 5)), lock(input("a", 1)), { base }).lock, lock(input("a", 1)));
	t.deepEqual(mergeLocks(lock(input("b", 6)), lock(input("a", 5), input("b", 5)), { base }).lock, lock(input("b", 6)));
	// Changed here, dropped there: the change stays.
	t.deepEqual(mergeLocks(lock(input("a", 6)), lock(), { base }).lock, lock(input("a", 6)));
});

test("the URL that env.yaml says wins, and inputs that one side added stay", (t) => {
	const old = input("a", 1, { url: "debian:bookworm" });
	const urls = new Map([["a", "debian:bookworm"]]);
	t.deepEqual(mergeLocks(lock(input("a", 9)), lock(old, input("n", 1)), { urls }).lock, lock(old, input("n", 1)));
});

test("index objects of two systems are joined", (t) => {
	const indexes = [
		{ system: "x86_64-linux", narHash: `sha256-${"A".repeat(43)}=` },
		{ system: "aarch64-linux", narHash: `sha256-${"B".repeat(43)}=` },
	];
	const [here, there] = indexes.map((index) => lock(input("a", 1, { indexes: [index] })));
	if (here === undefined || there === undefined) throw new Error("two locks");
	const merged = mergeLocks(here, there);
	t.is(formatLock(merged.lock), formatLock(lock(input("a", 1, { indexes }))));
	t.is(merged.choices[0]?.taken, "both");
});

const locks = fc
	.uniqueArray(
		fc.tuple(
			fc.constantFrom("a", "b", "c"),
			fc.integer({ min: 1, max: 4 }),
			fc.constantFrom("debian:trixie", "debian:sid"),
		),
		{ selector: ([name]) => name },
	)
	.map((all) => lock(...all.map(([name, day, url]) => input(name, day, { url }))));

test("both sides come to the same lock, and a merge with itself changes nothing", (t) => {
	fc.assert(
		fc.property(locks, locks, fc.option(locks, { nil: undefined }), (ours, theirs, base) => {
			const options = base === undefined ? {} : { base };
			const merged = formatLock(mergeLocks(ours, theirs, options).lock);
			t.is(formatLock(mergeLocks(theirs, ours, options).lock), merged);
			t.is(formatLock(mergeLocks(ours, ours, options).lock), formatLock(ours));
			t.is(formatLock(mergeLocks(ours, theirs, { base: theirs }).lock), formatLock(ours));
		}),
	);
});

test("takes the sides out of conflict markers, with and without the base", (t) => {
	const content =
		"a\n<<<<<<< HEAD\nb\n||||||| base\nc\n=======\nd\n>>>>>>> other\ne\n<<<<<<< HEAD\n=======\nf\n>>>>>>> other\n";
	t.deepEqual(splitLockConflict({ file: "env.lock", content }), { ours: "a\nb\ne\n", theirs: "a\nd\ne\nf\n" });
	const windows = content.replaceAll("\n", "\r\n");
	t.deepEqual(splitLockConflict({ file: "env.lock", content: Buffer.from(windows) }), {
		ours: "a\r\nb\r\ne\r\n",
		theirs: "a\r\nd\r\ne\r\nf\r\n",
	});
	t.is(splitLockConflict({ file: "env.lock", content: "version: 1\n" }), undefined);
});

test("refuses markers that do not match", (t) => {
	for (const content of [
		"=======\n",
		"<<<<<<< a\n",
		"<<<<<<< a\n>>>>>>> b\n",
		"<<<<<<< a\n<<<<<<< a\n",
		">>>>>>> b\n",
	]) {
		const error = t.throws(() => splitLockConflict({ file: "env.lock", content }), { instanceOf: DiagnosticError });
		t.is(error.diagnostics[0]?.code, "LOCK_CONFLICT", content);
	}
});
