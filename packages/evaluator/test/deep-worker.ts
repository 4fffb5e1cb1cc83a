/** Evaluates a deep recursion on the stack that the test gave to this worker. */

import { parentPort } from "node:worker_threads";
import { Evaluator } from "../src/index.ts";
import { ReadOnlyIo } from "./read-only-io.ts";

Error.stackTraceLimit = 0;
const evaluator = new Evaluator({ io: new ReadOnlyIo(), currentSystem: "x86_64-linux", maxCallDepth: 1_000_000 });
const depth = evaluator.evalString("let f = n: if n == 0 then 0 else 1 + f (n - 1); in f 100000", "/");
parentPort?.postMessage(depth);
