/** A thread of `eval-jobs`: says what lies at one attribute path after another. Layer 5. */

import { homedir } from "node:os";
import { getHeapStatistics } from "node:v8";
import { parentPort, workerData } from "node:worker_threads";
import { hostSystem, MainThread } from "@devenv/engine/eval-io";
import { formatLog } from "@devenv/evaluator";
import { bytesFromText, textFromBytes } from "@devenv/nix-formats";
import { OpenEvaluation, searchPathEntries, splitSearchPath } from "../evaluation/open-evaluation.ts";
import { JobFinder } from "./job-finder.ts";
import type { JobsMessage, JobsSetup, JobsTask } from "./messages.ts";

if (parentPort === null) throw new Error("jobs are evaluated on a thread of their own");
const port = parentPort;
const { request, storeRoot, cache, wake, answers } = workerData as JobsSetup;
const send = (message: JobsMessage): void => {
	port.postMessage(message);
};
const { impure, include } = request;
const home = process.env["HOME"] ?? homedir();

// Errors of the evaluator carry their own frames; V8's stacks would cost more than the evaluation.
Error.stackTraceLimit = 0;
const evaluation = new OpenEvaluation({
	storeRoot,
	cache,
	main: new MainThread({ send, answers, wake }),
	readOnly: request.readOnly,
	pure: !impure,
	environment: impure ? process.env : {},
	log: (level, message) => {
		send({ kind: "log", text: textFromBytes(formatLog(level, message)) });
	},
	evaluator: {
		currentSystem: hostSystem(),
		nixPath: searchPathEntries([...include, ...(impure ? splitSearchPath(process.env["NIX_PATH"] ?? "") : [])]),
		homeDir: bytesFromText(home),
		experimentalFeatures: new Set(["fetch-tree", "flakes"]),
	},
});
const finder = new JobFinder(evaluation, request);

port.on("message", ({ attrPath }: JobsTask) => {
	const found = finder.find(attrPath);
	send({ kind: "found", found, used: getHeapStatistics().used_heap_size / 2 ** 20 });
});
send({ kind: "ready" });
