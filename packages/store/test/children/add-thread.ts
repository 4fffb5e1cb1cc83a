/** A worker thread that adds the texts 0 to 99, which others add at the same time, and tells their paths. */

import { parentPort, workerData } from "node:worker_threads";
import { openStore } from "../../src/index.ts";

const store = openStore({ root: String(workerData) });
const paths = Array.from({ length: 100 }, (_, index) => store.addText({ name: "text", contents: String(index) }));
store.close();
parentPort?.postMessage(paths);
