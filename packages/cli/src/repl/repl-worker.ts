/** The thread of `repl` that evaluates. Layer 5. */

import { homedir } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { hostSystem, MainThread } from "@devenv/engine/eval-io";
import { formatLog } from "@devenv/evaluator";
import { bytesFromText, parseDrvPath, textFromBytes } from "@devenv/nix-formats";
import { readBuildLog } from "@devenv/store";
import { OpenEvaluation, searchPathEntries, splitSearchPath } from "../evaluation/open-evaluation.ts";
import type { ReplMessage, ReplRequest, ReplSetup } from "./messages.ts";
import { ReplSession } from "./repl-session.ts";

if (parentPort === null) throw new Error("the REPL evaluates on a thread of its own");
const port = parentPort;
const { storeRoot, cache, include, wake, answers, formerLogs: former } = workerData as ReplSetup;
const send = (message: ReplMessage): void => {
	port.postMessage(message);
};
const print = (text: string, to: "output" | "error"): void => {
	send({ kind: "print", text, to });
};

// Errors of the evaluator carry their own frames; V8's stacks would cost more than the evaluation.
Error.stackTraceLimit = 0;
const main = new MainThread({ send, answers, wake });
const evaluation = new OpenEvaluation({
	storeRoot,
	cache,
	main,
	readOnly: false,
	pure: false,
	environment: process.env,
	log: (level, message) => {
		print(textFromBytes(formatLog(level, message)), "error");
	},
	evaluator: {
		currentSystem: hostSystem(),
		nixPath: searchPathEntries([...include, ...splitSearchPath(process.env["NIX_PATH"] ?? "")]),
		homeDir: bytesFromText(process.env["HOME"] ?? homedir()),
		experimentalFeatures: new Set(["fetch-tree", "flakes"]),
	},
});
const session = new ReplSession({
	evaluation,
	realise: (drvPath) => {
		main.ask({ kind: "realise", drvPath, outputs: [...evaluation.io.readDerivation(drvPath).outputs.keys()] }, drvPath);
	},
	buildLog: (drvPath) => {
		return readBuildLog([evaluation.store.buildLogs, former], parseDrvPath(drvPath))?.toString("utf8");
	},
	print: (text) => {
		print(text, "output");
	},
	printError: (text) => {
		print(text, "error");
	},
});

port.on("message", (request: ReplRequest) => {
	if (request.kind === "line") send({ kind: "done", outcome: session.run(request.text) });
	else send({ kind: "completions", ...session.complete(request.text) });
});
