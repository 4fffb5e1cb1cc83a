/** A thread of `eval-jobs`: says what lies at one attribute path after another. Layer 5. */

import { homedir } from "node:os";
import { getHeapStatistics } from "node:v8";
import { parentPort, workerData } from "node:worker_threads";
import { hostSystem, MainThread, ReadJournal } from "@devenv/engine/eval-io";
import { formatLog } from "@devenv/evaluator";
import { bytesFromText, textFromBytes } from "@devenv/nix-formats";
import { OpenEvaluation, searchPathEntries, splitSearchPath } from "../evaluation/open-evaluation.ts";
import { JobFinder } from "./job-finder.ts";
import type { JobsMessage, JobsSetup, JobsTask } from "./messages.ts";

if (parentPort === null) throw new Error("jobs are evaluated on a thread of their own");
const port = parentPort;
const { request, storeRoot, cache, sourceRoot, wake, answers } = workerData as JobsSetup;
const send = (message: JobsMessage): void => {
	port.postMessage(message);
};
const { impure, include } = request;
const home = process.env["HOME"] ?? homedir();

const journal = sourceRoot === undefined ? undefined : new ReadJournal(bytesFromText(sourceRoot));

// Errors of the evaluator carry their own frames; V8's stacks would cost more than the evaluation.
Error.stackTraceLimit = 0;
const evaluation = new OpenEvaluation({
	storeRoot,
	cache,
	main: new MainThread({ send, answers, wake }),
	readOnly: request.readOnly,
	pure: !impure,
	journal,
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

const { reads } = evaluation.evaluator;
/** Reads that were told. */
let told = 0;
let base: readonly number[] | undefined;

port.on("message", ({ attrPath }: JobsTask) => {
	if (journal !== undefined && base === undefined) {
		// What the set itself depends on, everything in it does.
		finder.prepare();
		base = [...reads.base];
		reads.attribute();
	}
	const { value: found, reads: own } = reads.observe(() => finder.find(attrPath));
	const used = getHeapStatistics().used_heap_size / 2 ** 20;
	if (journal === undefined) {
		send({ kind: "found", found, used });
		return;
	}
	const fresh = journal.reads.slice(told);
	const first = told === 0;
	told = journal.reads.length;
	send({ kind: "found", found, used, reads: { fresh, own: own?.reads() ?? [], ...(first && { base: base ?? [] }) } });
});
send({ kind: "ready" });
