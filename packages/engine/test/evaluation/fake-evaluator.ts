/** An evaluator thread that does what the expression says, for tests of the pool. */

import { parentPort, threadId, workerData } from "node:worker_threads";
import { EvalIoError } from "@devenv/evaluator";
import { MainThread } from "../../src/evaluation/main-thread.ts";
import type { EvaluatorMessage, EvaluatorSetup, TaskMessage } from "../../src/evaluation/messages.ts";

const setup = workerData as EvaluatorSetup;
const send = (message: EvaluatorMessage): void => parentPort?.postMessage(message);
const main = new MainThread({ send, answers: setup.answers, wake: setup.wake });
const hoard: unknown[] = [];

parentPort?.on("message", ({ id, task }: TaskMessage) => {
	const [verb = "", argument = ""] = task.kind === "expression" ? task.text.split(" ") : [];
	let text = argument;
	if (verb === "spin") for (const end = Date.now() + Number(argument); Date.now() < end; );
	if (verb === "hoard") for (;;) hoard.push(new Array(100_000).fill(hoard.length));
	if (verb === "thread") text = String(threadId);
	if (verb === "crash") process.exit(3);
	if (verb === "bug") {
		send({ kind: "bug", id, message: "a bug", stack: "Error: a bug" });
		return;
	}
	if (verb === "fail") {
		send({
			kind: "failed",
			tracked: [],
			id,
			diagnostics: [{ code: "EVAL_THROWN", severity: "error", message: argument }],
		});
		return;
	}
	if (verb === "ask") {
		try {
			main.ask({ kind: "realise", drvPath: argument, outputs: ["out"] }, argument);
			main.ask({ kind: "realise", drvPath: `${argument}-2`, outputs: ["out"] }, argument);
			text = "answered";
		} catch (error) {
			text = error instanceof EvalIoError ? `refused: ${error.message}` : "a bug";
		}
	}
	send({ kind: "done", id, reply: { kind: "expression", text, traces: [] } });
});
