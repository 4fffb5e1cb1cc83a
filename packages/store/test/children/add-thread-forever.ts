/** A worker thread that adds texts until it is terminated, with a lock held. */

import { parentPort, workerData } from "node:worker_threads";
import type { StorePath } from "@devenv/nix-formats";
import { openStore } from "../../src/index.ts";

const store = openStore({ root: String(workerData) });
await store.lock(["/nix/store/9w4flvlj7prv5dysc5qg9ivnh97a0a6y-a" as StorePath]);
for (let index = 0; ; index += 1) {
	store.addText({ name: "text", contents: String(index) });
	if (index === 10) parentPort?.postMessage("started");
}
