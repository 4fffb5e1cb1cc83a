/** The thread of `nix-instantiate` that evaluates. Layer 5. */

import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { EvalIoError } from "@devenv/evaluator";
import { instantiate } from "./instantiate.ts";
import type { InstantiateAnswer, InstantiateMessage, InstantiateTask } from "./messages.ts";

const task = workerData as InstantiateTask;
const wake = new Int32Array(task.wake);

/** Asks the main thread, and sleeps until it has answered. */
function realise(drvPath: string): void {
	const before = Atomics.load(wake, 0);
	send({ kind: "realise", drvPath });
	Atomics.wait(wake, 0, before);
	const received = receiveMessageOnPort(task.answers) as { readonly message: InstantiateAnswer } | undefined;
	if (received?.message.kind === "failed") throw new EvalIoError(received.message.message, drvPath);
}

function send(message: InstantiateMessage): void {
	parentPort?.postMessage(message);
}

// Stack traces of JavaScript are of no use for errors of Nix expressions, and cost time with `tryEval`.
Error.stackTraceLimit = 0;
const status = instantiate(task.arguments, { storeRoot: task.storeRoot, realise });
send({ kind: "exit", status });
task.answers.close();
