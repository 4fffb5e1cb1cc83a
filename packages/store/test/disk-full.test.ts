import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { skip, temporaryFolder } from "@devenv/test-support";
import type { StorePath } from "@devenv/nix-formats";
import test, { type ExecutionContext } from "ava";
import { openStore, type Store } from "../src/index.ts";
import { addSample, sampleDerivation } from "./sample-store.ts";

/**
 * Waits until at least half of the disk is free. Other test files run in threads of this process; while one of them
 * starts a program, its copy of our descriptors keeps the blocks of a file that was deleted meanwhile.
 */
async function untilSpace(disk: string): Promise<void> {
	const free = (): boolean => {
		const { bfree, blocks } = statfsSync(disk);
		return 2 * bfree >= blocks;
	};
	for (let tries = 0; tries < 500 && !free(); tries++) await sleep(10);
}

/** A store on a disk of its own, of four megabytes; undefined where none can be mounted. */
function storeOnSmallDisk(
	t: ExecutionContext,
): { readonly folder: string; readonly disk: string; readonly store: Store } | undefined {
	const folder = temporaryFolder(t);
	const disk = `${folder}/disk`;
	mkdirSync(disk);
	const mount = spawnSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", disk]);
	if (mount.status !== 0) {
		skip(t, "a small tmpfs cannot be mounted here (it takes root)");
		return undefined;
	}
	t.teardown(() => execFileSync("umount", ["--lazy", disk]));
	const store = openStore({ root: disk });
	t.teardown(() => {
		store.close();
	});
	return { folder, disk, store };
}

test("a full disk is a diagnostic, changes nothing, and is over when there is space", async (t) => {
	const made = storeOnSmallDisk(t);
	if (made === undefined) return;
	const { folder, disk, store } = made;
	writeFileSync(`${folder}/large`, "x".repeat(8 << 20));
	const first = store.addText({ name: "first", contents: "x" });
	t.throws(() => store.addPath({ name: "large", source: `${folder}/large` }), {
		message: /^STORE_DISK_FULL: cannot add .*: the disk or quota is full/,
	});
	t.deepEqual(store.queryAllValidPaths(), [first]);
	await untilSpace(disk);

	// Full to the last block: the database cannot grow either.
	const locked = Array.from(
		{ length: 20 },
		(_, index) => `/nix/store/${String(index).padStart(32, "0")}-x` as StorePath,
	);
	const lock = await store.lock(locked);
	t.throws(() => {
		writeFileSync(`${disk}/filler`, "x".repeat(8 << 20));
	});
	let added = 0;
	t.throws(
		() => {
			for (; added < 10_000; added += 1) addSample(store, sampleDerivation(`x${added}`));
		},
		{ message: /^STORE_DISK_FULL: / },
	);
	t.is(store.queryAllValidPaths().length, 1 + added);
	t.notThrows(() => {
		lock.release();
	});
	writeFileSync(`${disk}/filler`, "");
	await untilSpace(disk);
	const again = store.tryLock(lock.paths);
	t.truthy(again, "what was released on the full disk is free");
	again?.release();
	t.deepEqual(await store.verify({ checkContents: true }), []);
	store.addText({ name: "second", contents: "y" });
	t.deepEqual(await store.verify({ checkContents: true }), []);
});

test("garbage is collected where not one byte is free", async (t) => {
	const folder = temporaryFolder(t);
	const disk = `${folder}/disk`;
	mkdirSync(disk);
	const mount = spawnSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", disk]);
	if (mount.status !== 0) {
		skip(t, "a small tmpfs cannot be mounted here (it takes root)");
		return;
	}
	t.teardown(() => execFileSync("umount", ["--lazy", disk]));
	const place = { root: disk, reserve: 1 << 20 };
	const reserved = `${disk}/nix/var/nix/db/reserved`;
	const fill = (file: string): void => {
		t.throws(
			() => {
				for (;;) writeFileSync(file, "x".repeat(4096), { flag: "a" });
			},
			{ code: "ENOSPC" },
		);
	};
	{
		using store = openStore(place);
		t.is(statSync(reserved).size, 1 << 20);
		for (let index = 0; index < 20; index += 1) addSample(store, sampleDerivation(`x${index}`));
	}
	await untilSpace(disk);
	fill(`${disk}/filler`);
	t.throws(() => openStore({ root: disk }).addText({ name: "more", contents: "x".repeat(10_000) }), {
		message: /^STORE_DISK_FULL: /,
	});
	{
		using store = openStore({ ...place, collecting: true });
		t.is(store.collectGarbage().deleted.length, 20);
		t.deepEqual(await store.verify({ checkContents: true }), []);
	}
	// It comes back when there is space for it.
	rmSync(`${disk}/filler`);
	await untilSpace(disk);
	openStore(place).close();
	t.is(statSync(reserved).size, 1 << 20);
	rmSync(reserved);
	writeFileSync(`${disk}/filler`, "x".repeat(3 << 20));
	openStore(place).close();
	t.false(existsSync(reserved));
});

test("what is placed when the disk becomes full is not registered, and can be withdrawn", async (t) => {
	const made = storeOnSmallDisk(t);
	if (made === undefined) return;
	const { disk, store } = made;
	const { path: deriver, outputs } = addSample(store, sampleDerivation("placed"));
	const path = outputs.get("out") ?? t.fail("no output");
	const place = (): void => {
		const from = store.scratch().path;
		mkdirSync(`${from}/out`);
		writeFileSync(`${from}/out/file`, "x");
		store.placeOutputs([{ path, from: `${from}/out`, deriver }]);
	};
	/* More than the database has room for. */
	const candidates = [deriver];
	const output = { path, from: store.physical(path), candidates, deriver, sign: () => ["x".repeat(1 << 20)] };
	place();
	t.throws(() => {
		writeFileSync(`${disk}/filler`, "x".repeat(8 << 20));
	});
	await t.throwsAsync(store.registerOutputs([output]), { message: /^STORE_DISK_FULL: / });
	t.true(store.isPlaced(path));
	t.false(store.isValid(path));
	store.withdraw([path]);
	t.deepEqual([store.placed(), existsSync(store.physical(path))], [[], false]);
	writeFileSync(`${disk}/filler`, "");
	await untilSpace(disk);
	place();
	await store.registerOutputs([{ ...output, sign: () => [] }]);
	t.true(store.isValid(path));
	t.deepEqual(await store.verify({ checkContents: true }), []);
});
