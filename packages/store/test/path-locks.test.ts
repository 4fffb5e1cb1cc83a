import { existsSync, readdirSync } from "node:fs";
import type { StorePath } from "@devenv/nix-formats";
import test from "ava";
import { openStore } from "../src/index.ts";
import { ended, startChild } from "./children/run-child.ts";
import { sampleStore } from "./sample-store.ts";

const A = "/nix/store/9w4flvlj7prv5dysc5qg9ivnh97a0a6y-a" as StorePath;
const B = "/nix/store/9w4flvlj7prv5dysc5qg9ivnh97a0a6y-b" as StorePath;

test("a path is locked once, in this connection and in others", async (t) => {
	const store = sampleStore(t);
	using other = openStore({ root: store.root });
	const lock = await store.lock([A]);
	t.is(store.tryLock([A, B]), undefined);
	t.is(other.tryLock([B, A]), undefined);
	const second = other.tryLock([B]);
	t.deepEqual(second?.paths, [B]);
	lock.release();
	lock.release();
	t.truthy(other.tryLock([A]));
});

test("one that waits gets the lock when it is released", async (t) => {
	const store = sampleStore(t);
	using other = openStore({ root: store.root });
	const lock = await store.lock([A]);
	let taken = false;
	const waiting = other.lock([A, B]).then((second) => {
		taken = true;
		return second;
	});
	await new Promise((resolve) => setTimeout(resolve, 50));
	t.false(taken);
	lock.release();
	t.deepEqual((await waiting).paths, [A, B]);
});

test("waiting can be given up", async (t) => {
	const store = sampleStore(t);
	using _lock = await store.lock([A]);
	const controller = new AbortController();
	const waiting = store.lock([A], { signal: controller.signal });
	controller.abort();
	await t.throwsAsync(waiting, { name: "AbortError" });
});

test("the lock of a killed process is free", async (t) => {
	const store = sampleStore(t);
	const { child } = await startChild(t, "hold", [store.root, "lock", A]);
	t.is(store.tryLock([A]), undefined);
	child.kill("SIGKILL");
	await ended(child);
	t.truthy(store.tryLock([A]));
});

test("closing releases", async (t) => {
	const store = sampleStore(t);
	const other = openStore({ root: store.root });
	await other.lock([A]);
	other.close();
	t.truthy(store.tryLock([A]));
});

test("what a killed process was writing is removed by the next that opens", async (t) => {
	const store = sampleStore(t);
	const { child, line } = await startChild(t, "hold", [store.root, "scratch"]);
	openStore({ root: store.root }).close();
	t.true(existsSync(`${line}/half-written`), "it is left alone while its process lives");
	child.kill("SIGKILL");
	await ended(child);
	openStore({ root: store.root }).close();
	t.false(existsSync(line));
	t.deepEqual(readdirSync(`${store.root}/nix/var/nix/devenv/tmp`), []);
	t.deepEqual(readdirSync(`${store.root}/nix/var/nix/devenv/sessions`), []);
});

test("a process that ends in order leaves nothing", async (t) => {
	const store = sampleStore(t);
	const { child } = await startChild(t, "hold", [store.root, "text", "x"]);
	child.stdin?.end();
	t.is(await ended(child), 0);
	t.deepEqual(readdirSync(`${store.root}/nix/var/nix/devenv/tmp`), []);
});
