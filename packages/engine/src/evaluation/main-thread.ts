/** How an evaluator thread asks the main thread and sleeps until it is answered. Layer 3. */

import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import { DiagnosticError } from "@devenv/diagnostics";
import { EvalIoError } from "@devenv/evaluator";
import type { Answer, Answers, EvaluatorMessage, Question } from "./messages.ts";

export interface MainThreadOptions {
	readonly send: (message: Extract<EvaluatorMessage, { readonly kind: "ask" }>) => void;
	readonly answers: MessagePort;
	readonly wake: SharedArrayBuffer;
}

export class MainThread {
	readonly #options: MainThreadOptions;
	readonly #wake: Int32Array;

	constructor(options: MainThreadOptions) {
		this.#options = options;
		this.#wake = new Int32Array(options.wake);
	}

	/** Asks and waits. A refusal is thrown as an EvalIoError about `subject`. */
	ask<Asked extends Question>(question: Asked, subject: string): Answers[Asked["kind"]] {
		const before = Atomics.load(this.#wake, 0);
		this.#options.send({ kind: "ask", question });
		Atomics.wait(this.#wake, 0, before);
		const received: { readonly message: unknown } | undefined = receiveMessageOnPort(this.#options.answers);
		const answer = received?.message as Answer | undefined;
		if (answer === undefined) throw new Error("woken without an answer");
		if (answer.kind === "ok") return answer.value as Answers[Asked["kind"]];
		const cause = answer.diagnostics.length > 0 ? new DiagnosticError(answer.diagnostics) : undefined;
		throw new EvalIoError(answer.message, subject, cause === undefined ? {} : { cause });
	}
}
