/**
 * The thread of the language server that evaluates. Layer 5.
 *
 * Nothing is built, fetched or written: what an expression gives without that is good enough to complete it.
 */

import { homedir } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { MessageChannel } from "node:worker_threads";
import { hostSystem, MainThread } from "@devenv/engine/eval-io";
import { Attrs, EvalError, EvalIoError, typeOf, type Value } from "@devenv/evaluator";
import { bytesFromText, textFromBytes } from "@devenv/nix-formats";
import { OpenEvaluation, searchPathEntries, splitSearchPath } from "../evaluation/open-evaluation.ts";
import { attributeWord } from "../repl/show-value.ts";
import type {
	EvaluationAnswer,
	EvaluationRequest,
	EvaluationSetup,
	FoundAttribute,
	FoundAttributes,
	FoundPlace,
} from "./messages.ts";

if (parentPort === null) throw new Error("the language server evaluates on a thread of its own");
const port = parentPort;
const { storeRoot, cache } = workerData as EvaluationSetup;

/** Attributes that are given at once, at most. */
const MOST_NAMES = 1000;
/** Longest value that is shown. */
const LONGEST_VALUE = 120;

Error.stackTraceLimit = 0;
const main = new MainThread({
	send: () => {
		throw new EvalIoError("nothing is built or fetched while editing", "");
	},
	answers: new MessageChannel().port1,
	wake: new SharedArrayBuffer(4),
});
const { evaluator } = new OpenEvaluation({
	storeRoot,
	cache,
	main,
	readOnly: true,
	offline: true,
	pure: false,
	environment: {},
	log: () => undefined,
	evaluator: {
		currentSystem: hostSystem(),
		nixPath: searchPathEntries(splitSearchPath(process.env["NIX_PATH"] ?? "")),
		homeDir: bytesFromText(process.env["HOME"] ?? homedir()),
		experimentalFeatures: new Set(["fetch-tree", "flakes"]),
	},
});

port.on("message", (request: EvaluationRequest) => {
	if (request.kind === "forget") evaluator.forgetFiles();
	else port.postMessage(answer(request));
});

port.postMessage({ kind: "ready" } satisfies EvaluationAnswer);

function answer(request: Exclude<EvaluationRequest, { kind: "forget" }>): EvaluationAnswer {
	const { kind, id } = request;
	if (kind === "attributes") return { kind, id, found: attempt(() => attributes(request)) };
	return { kind, id, found: attempt(() => attribute(request)) };
}

/** Undefined where evaluation fails: most of what is asked about is not finished. */
function attempt<T>(evaluate: () => T | undefined): T | undefined {
	try {
		return evaluate();
	} catch (error) {
		if (error instanceof EvalError || error instanceof EvalIoError) return undefined;
		throw error;
	}
}

function setOf(text: string, baseDir: string): Attrs | undefined {
	const value = evaluator.evalString(text, baseDir);
	return value instanceof Attrs ? value : undefined;
}

function attributes(request: Extract<EvaluationRequest, { kind: "attributes" }>): FoundAttributes | undefined {
	const names = setOf(request.text, request.baseDir)?.names.filter((name) => name.startsWith(request.prefix));
	if (names === undefined) return undefined;
	const words = names.slice(0, MOST_NAMES).map((name) => textFromBytes(attributeWord(name)));
	return { names: words, more: names.length > MOST_NAMES };
}

function attribute(request: Extract<EvaluationRequest, { kind: "attribute" }>): FoundAttribute | undefined {
	const set = setOf(request.text, request.baseDir);
	const lazy = set?.get(request.name);
	if (set === undefined || lazy === undefined) return undefined;
	const value = attempt(() => evaluator.force(lazy));
	const documentation = value === undefined ? undefined : evaluator.documentation(value)?.text;
	return {
		type: value === undefined ? undefined : typeOf(value),
		value: value === undefined ? undefined : attempt(() => shown(value)),
		documentation: documentation === undefined ? undefined : textFromBytes(documentation),
		place: placeOf(set.positionOf(request.name)),
	};
}

/** Undefined where it is written in no file. */
function placeOf(position: number): FoundPlace | undefined {
	const place = evaluator.locate(position);
	if (place?.file.startsWith("/") !== true) return undefined;
	const { file, line, column, lineText = "" } = place;
	return { file, line, column, lineText };
}

function shown(value: Value): string | undefined {
	if (["set", "list", "lambda"].includes(typeOf(value))) return undefined;
	const text = textFromBytes(evaluator.print(value));
	return text.length > LONGEST_VALUE ? undefined : text;
}
