import { readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { StorePath } from "@devenv/nix-formats";
import test from "ava";
import { openStore } from "../src/index.ts";
import { objectNames, sampleStore } from "./sample-store.ts";

test("threads add the same paths at the same time", async (t) => {
	const store = sampleStore(t);
	const results = await Promise.all(
		Array.from({ length: 3 }, async () => {
			const worker = new Worker(new URL("children/add-thread.ts", import.meta.url), { workerData: store.root });
			return await new Promise<unknown>((resolve, reject) => {
				worker.once("message", resolve);
				worker.once("error", reject);
			});
		}),
	);
	for (const paths of results) t.deepEqual((paths as StorePath[]).sort(), store.queryAllValidPaths());
	t.is(store.queryAllValidPaths().length, 100);
	t.deepEqual(await store.verify({ checkContents: true }), []);
});

test("a thread that is terminated at any moment holds up no other", async (t) => {
	const store = sampleStore(t);
	for (let round = 0; round < 5; round += 1) {
		const worker = new Worker(new URL("children/add-thread-forever.ts", import.meta.url), { workerData: store.root });
		await new Promise((resolve) => worker.once("message", resolve));
		await sleep(Math.random() * 30);
		await worker.terminate();
		const start = performance.now();
		store.addText({ name: "after", contents: String(round) });
		const lock = store.tryLock(["/nix/store/9w4flvlj7prv5dysc5qg9ivnh97a0a6y-a" as StorePath]);
		t.truthy(lock);
		lock?.release();
		t.true(performance.now() - start < 5_000, "its transaction and its session ended with it");
		openStore({ root: store.root }).close();
		t.is(readdirSync(`${store.root}/nix/var/nix/devenv/tmp`).length, 1, "only this connection's folder is left");
	}
	t.deepEqual(await store.verify({ checkContents: true }), []);
	t.is(objectNames(store).length, store.queryAllValidPaths().length);
});
