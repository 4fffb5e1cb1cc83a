import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DiagnosticError } from "@devenv/diagnostics";
import type { LockedDebianInput } from "@devenv/env-file";
import { openStore, type Store } from "@devenv/store";
import { removeFolder } from "@devenv/test-support";
import test from "ava";
import { DebianInputs } from "../../src/debian/debian-inputs.ts";
import { TestArchive, threeSuites } from "./test-archive.ts";

interface Fixture {
	readonly archive: TestArchive;
	/** A new, empty store. */
	readonly newStore: () => Store;
	/** Inputs on a store, with a memo folder of their own. */
	readonly inputs: (store: Store, system?: string) => DebianInputs;
}

async function withArchive(run: (fixture: Fixture) => Promise<void>): Promise<void> {
	const archive = await TestArchive.start(threeSuites());
	const folder = mkdtempSync(join(tmpdir(), "devenv-inputs-"));
	const stores: Store[] = [];
	let count = 0;
	try {
		await run({
			archive,
			newStore: () => {
				const store = openStore({ root: join(folder, `store-${count++}`) });
				stores.push(store);
				return store;
			},
			inputs: (store, system = "x86_64-linux") => new DebianInputs({ store, system, memo: join(store.root, "memo") }),
		});
	} finally {
		for (const store of stores) store.close();
		await archive.close();
		removeFolder(folder);
	}
}

const debian = { name: "debian", url: "debian:trixie" };

async function codeOf(promise: Promise<unknown>): Promise<string> {
	try {
		await promise;
	} catch (error) {
		if (error instanceof DiagnosticError) return error.diagnostics[0]?.code ?? "";
		throw error;
	}
	return "nothing was refused";
}

test("locks three suites and builds the object", async (t) => {
	await withArchive(async ({ archive, newStore, inputs }) => {
		const store = newStore();
		const access = archive.access();
		const locked = await inputs(store).lock(debian, { access });
		t.deepEqual(
			locked.suites.map((each) => [each.suite, each.archive, each.date, each.packages.map((index) => index.path)]),
			["trixie", "trixie-security", "trixie-updates"].map((suite) => [
				suite,
				suite.endsWith("security") ? "debian-security" : "debian",
				"2026-02-01T00:00:00Z",
				["amd64", "arm64"].map((architecture) => `dists/${suite}/main/binary-${architecture}/Packages.gz`),
			]),
		);
		const path = await inputs(store).ensureIndex(locked, { access });
		t.deepEqual(JSON.parse(readFileSync(join(store.physical(path), "versions.json"), "utf8")), {
			"base-files": "1.0-1",
			jq: "1.0-1",
			libjq1: "1.0-1",
			mawk: "1.0-1+deb13u1",
		});
		t.like(store.pathInfo(path), { references: [] });
	});
});

test("a lock gives the same object in every store, and without the network where the store has it", async (t) => {
	await withArchive(async ({ archive, newStore, inputs }) => {
		const access = archive.access();
		const locked = await inputs(newStore()).lock(debian, { access });
		const store = newStore();
		const path = await inputs(store).ensureIndex(locked, { access });
		const count = archive.requests.length;
		t.is(await inputs(store).ensureIndex(locked, { access }), path);
		t.is(archive.requests.length, count);
	});
});

test("a second project is locked without the Packages files, as long as the store has the object", async (t) => {
	await withArchive(async ({ archive, newStore, inputs }) => {
		const access = archive.access();
		const store = newStore();
		const first = await inputs(store).lock(debian, { access });
		const before = archive.requests.length;
		const second = await inputs(store).lock({ ...debian, name: "other" }, { access });
		t.deepEqual(second, { ...first, name: "other" });
		const asked = archive.requests.slice(before);
		t.is(asked.length, 3);
		t.true(asked.every((path) => path.endsWith("/InRelease")));
		// A hash that is remembered is no object.
		const [path] = store.queryAllValidPaths();
		if (path === undefined) throw new Error("the store is empty");
		t.is(await inputs(store).ensureIndex(second, { access }), path);
		const other = newStore();
		const inputsElsewhere = new DebianInputs({ store: other, system: "x86_64-linux", memo: join(store.root, "memo") });
		t.deepEqual(await inputsElsewhere.lock(debian, { access }), first);
		t.deepEqual(other.queryAllValidPaths(), [path]);
	});
});

test("a lock made on one system serves the other", async (t) => {
	await withArchive(async ({ archive, newStore, inputs }) => {
		const access = archive.access();
		const locked = await inputs(newStore()).lock(debian, { access });
		const store = newStore();
		const path = await inputs(store, "aarch64-linux").ensureIndex(locked, { access });
		t.is(
			(JSON.parse(readFileSync(join(store.physical(path), "meta.json"), "utf8")) as { architecture: unknown })
				.architecture,
			"arm64",
		);
		const count = archive.requests.length;
		t.is(await inputs(store, "aarch64-linux").ensureIndex(locked, { access }), path);
		t.is(archive.requests.length, count, "the object's hash is remembered outside the lock");
	});
});

test("an old lock is served by the snapshot archive", async (t) => {
	await withArchive(async ({ archive, newStore, inputs }) => {
		const access = archive.access();
		const locked = await inputs(newStore()).lock(debian, { access });
		for (const [path, content] of [...archive.files]) {
			const [name = "", ...rest] = path.split("/");
			archive.files.delete(path);
			if (path.includes("by-hash")) continue;
			// Half a day after the Release file's date.
			archive.files.set(`snapshot/${name}/20260201T120000Z/${rest.join("/")}`, content);
		}
		await t.notThrowsAsync(inputs(newStore()).ensureIndex(locked, { access }));
		archive.files.clear();
		t.is(await codeOf(inputs(newStore()).ensureIndex(locked, { access })), "DEBIAN_PACKAGES_GONE");
	});
});

test("a past state is locked from the snapshot archive alone, and judged as of then", async (t) => {
	await withArchive(async ({ archive, newStore, inputs }) => {
		const access = archive.access();
		const past = new Date("2026-02-03T23:59:59Z");
		t.is(await codeOf(inputs(newStore()).lock(debian, { access, past })), "DEBIAN_NO_SNAPSHOT");
		for (const [path, content] of [...archive.files]) {
			const [name = "", ...rest] = path.split("/");
			archive.files.set(`snapshot/${name}/20260203T235959Z/${rest.join("/")}`, content);
			// What the mirrors have now is another state.
			if (path.endsWith("InRelease")) archive.files.set(path, Buffer.from("now"));
		}
		const store = newStore();
		const locked = await inputs(store).lock(debian, { access, past });
		t.is(locked.suites[0]?.date, "2026-02-01T00:00:00Z");
		t.true(archive.requests.every((path) => !path.startsWith("debian") || path.includes("by-hash")));
	});
});

test("other bytes than the signed Release file promises", async (t) => {
	await withArchive(async ({ archive, newStore, inputs }) => {
		for (const path of archive.files.keys()) {
			if (path.includes("binary-amd64")) archive.files.set(path, Buffer.from("not these"));
		}
		const store = newStore();
		t.regex(
			await codeOf(inputs(store).lock(debian, { access: archive.access() })),
			/^FETCH_(HASH_MISMATCH|TRUNCATED)$/,
		);
		t.deepEqual(store.queryAllValidPaths(), []);
	});
});

test("a Packages file with the right hash that cannot be read", async (t) => {
	await withArchive(async ({ archive, newStore, inputs }) => {
		await archive.publish({
			suite: "trixie",
			archive: "debian",
			packages: [{ Package: "evil", Filename: "../../evil.deb" }],
		});
		const store = newStore();
		t.is(await codeOf(inputs(store).lock(debian, { access: archive.access() })), "DEBIAN_PACKAGES_MALFORMED");
		t.deepEqual(store.queryAllValidPaths(), []);
	});
});

test("a suite or component that is not there, a URL that is none", async (t) => {
	await withArchive(async ({ archive, newStore, inputs }) => {
		const access = archive.access();
		const lock = (url: string): Promise<string> => codeOf(inputs(newStore()).lock({ name: "debian", url }, { access }));
		t.is(await lock("debian:forky"), "DEBIAN_UNKNOWN_SUITE");
		t.is(await lock("debian:trixie?components=universe"), "DEBIAN_UNKNOWN_COMPONENT");
		t.is(await lock("debian:../etc"), "DEBIAN_URL");
		t.is(await lock("debian:trixie?date=now"), "DEBIAN_URL");
	});
});

test("an unsigned suite", async (t) => {
	await withArchive(async ({ archive, newStore, inputs }) => {
		const signed = archive.files.get("debian/dists/trixie/InRelease") ?? new Uint8Array();
		archive.files.set(
			"debian/dists/trixie/InRelease",
			Buffer.from(Buffer.from(signed).toString().replace("Suite: stable", "Suite: stabel")),
		);
		t.is(await codeOf(inputs(newStore()).lock(debian, { access: archive.access() })), "DEBIAN_SIGNATURE_BAD");
	});
});

test("a lock that was changed by hand", async (t) => {
	await withArchive(async ({ archive, newStore, inputs }) => {
		const access = archive.access();
		const locked = await inputs(newStore()).lock(debian, { access });
		const ensure = (changed: Partial<LockedDebianInput>): Promise<string> =>
			codeOf(inputs(newStore()).ensureIndex({ ...locked, ...changed }, { access }));
		const narHash = `sha256-${Buffer.alloc(32).toString("base64")}`;
		t.is(await ensure({ indexes: [{ system: "x86_64-linux", narHash }] }), "DEBIAN_INDEX_MISMATCH");
		t.is(await ensure({ suites: locked.suites.slice(1) }), "DEBIAN_LOCK_INCOMPLETE");
		t.is(
			await ensure({ suites: locked.suites.map((each) => ({ ...each, archive: "example.org" })) }),
			"DEBIAN_LOCK_INCOMPLETE",
		);
	});
});

test("an abort ends the work and leaves nothing", async (t) => {
	await withArchive(async ({ archive, newStore, inputs }) => {
		const store = newStore();
		const reason = new Error("stopped");
		const controller = new AbortController();
		const access = archive.access();
		const locking = inputs(store).lock(debian, {
			access: { ...access, fetch: (file, signal) => (controller.abort(reason), access.fetch(file, signal)) },
			signal: controller.signal,
		});
		t.is(await t.throwsAsync(locking), reason);
		t.deepEqual(store.queryAllValidPaths(), []);
	});
});
