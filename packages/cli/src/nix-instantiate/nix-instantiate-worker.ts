/** The thread of `nix-instantiate` that evaluates. Layer 5. */

import { parentPort, workerData } from "node:worker_threads";
import { MainThread } from "@devenv/engine/eval-io";
import { instantiate } from "./instantiate.ts";
import type { InstantiateMessage, InstantiateTask } from "./messages.ts";

const { arguments: given, storeRoot, cache, collect, wake, answers } = workerData as InstantiateTask;

function send(message: InstantiateMessage): void {
	parentPort?.postMessage(message);
}

// Stack traces of JavaScript are of no use for errors of Nix expressions, and cost time with `tryEval`.
Error.stackTraceLimit = 0;
const status = instantiate(given, {
	storeRoot,
	cache,
	main: new MainThread({ send, answers, wake }),
	...(collect
		? {
				onDerivation: (derivation) => {
					send({ kind: "derivation", derivation });
				},
			}
		: {}),
});
send({ kind: "exit", status });
answers.close();
