/** Our evaluator in a thread with the stack that it has in the daemon: expressions in, an outcome for each out. */

import { parentPort, workerData } from "node:worker_threads";
import { bytesFromText, textFromBytes } from "@devenv/nix-formats";
import { Attrs, EvalError, Evaluator, isList, type Value } from "../../src/index.ts";
import { ReadOnlyIo } from "../read-only-io.ts";
import type { Mode, Outcome } from "./outcome.ts";

export interface Task {
	/** Byte strings. */
	readonly texts: readonly string[];
	readonly mode: Mode | "parse";
}

/** Whatever is named is there, as in Nix's read-only mode. */
class TrustingIo extends ReadOnlyIo {
	override ensurePath(): void {
		// Nothing to fetch.
	}
}

Error.stackTraceLimit = 10;
const baseDir = bytesFromText(workerData as string);

function print(evaluator: Evaluator, text: string, mode: Task["mode"]): string {
	if (mode === "parse") return evaluator.printAst(evaluator.check(text, baseDir));
	const value = evaluator.evalString(text, baseDir);
	switch (mode) {
		case "print":
			return evaluator.print(value, { strict: true });
		case "json":
			return evaluator.toJson(value, { copyToStore: true });
		case "xml":
			return evaluator.toXml(value, { strict: true, location: false }).trimEnd();
	}
}

function outcomeOf(text: string, mode: Task["mode"]): Outcome {
	const evaluator = new Evaluator({ io: new TrustingIo(), currentSystem: "x86_64-linux", homeDir: "/home/user" });
	try {
		return { kind: "value", text: textFromBytes(print(evaluator, text, mode)) };
	} catch (error) {
		if (error instanceof EvalError) {
			const message = textFromBytes(error.message);
			return mode === "parse"
				? { kind: "failure", message }
				: { kind: "failure", message, others: failingParts(evaluator, text) };
		}
		return { kind: "crash", message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
	}
}

/** Messages of all parts of the value that fail; none where the whole does. */
function failingParts(evaluator: Evaluator, text: string): string[] {
	const messages: string[] = [];
	const seen = new Set<unknown>();
	const visit = (part: () => Value): void => {
		try {
			const value = part();
			if (seen.has(value) || messages.length > 50) return;
			seen.add(value);
			if (isList(value)) for (const each of value) visit(() => evaluator.force(each));
			if (value instanceof Attrs) for (const name of value.names) visit(() => evaluator.force(value.get(name) ?? null));
		} catch (error) {
			if (!(error instanceof EvalError)) throw error;
			messages.push(textFromBytes(error.message));
		}
	};
	visit(() => evaluator.evalString(text, baseDir));
	return messages;
}

parentPort?.on("message", (task: Task) => {
	for (const text of task.texts) parentPort?.postMessage(outcomeOf(text, task.mode));
});
