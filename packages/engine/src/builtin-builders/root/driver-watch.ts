/** Follows the output of the driver of maintainer scripts: what is being run, what it says, how it fails. Layer 3. */

import type { BuildOutcome } from "@devenv/builder";
import { DiagnosticError, diagnose } from "@devenv/diagnostics";
import { diskFull } from "../../system-failure.ts";
import type { BuiltinContext } from "../builtin-builder.ts";
import { parseMark, type ScriptStep } from "./script-driver.ts";

/** Bytes of output of all scripts of one run. */
export const logLimit: number = 64 * 2 ** 20;
/** Lines of a failed script's output that are shown. */
const shownLines = 20;

/** Follows the driver's output: hands lines to the log, knows which script is running and how it ends. */
export class DriverWatch {
	readonly #steps: readonly ScriptStep[];
	readonly #marker: string;
	readonly #context: BuiltinContext;
	readonly #decoder = new TextDecoder();
	#rest = "";
	#current: ScriptStep | undefined;
	#tail: string[] = [];
	#failure: { readonly step: ScriptStep; readonly status: number; readonly tail: readonly string[] } | undefined;
	#ended = false;

	constructor(steps: readonly ScriptStep[], marker: string, context: BuiltinContext) {
		this.#steps = steps;
		this.#marker = marker;
		this.#context = context;
	}

	push(chunk: Uint8Array): void {
		const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split("\n");
		this.#rest = lines.pop() ?? "";
		for (const line of lines) this.#line(line);
	}

	flush(): void {
		if (this.#rest !== "") this.#line(this.#rest);
		this.#rest = "";
	}

	#line(line: string): void {
		/* A script's last line may lack its end, and the marker then follows on the same one. */
		const at = line.indexOf(`${this.#marker} `);
		if (at > 0) {
			this.#line(line.slice(0, at));
			this.#line(line.slice(at));
			return;
		}
		const mark = parseMark(line, this.#marker);
		if (mark === undefined) {
			this.#tail.push(line);
			if (this.#tail.length > shownLines) this.#tail.shift();
			this.#context.log(line);
			return;
		}
		switch (mark.kind) {
			case "begin":
				this.#begin(mark.step);
				return;
			case "failed":
				this.#failed(mark.status);
				return;
			case "end":
				this.#ended = true;
				return;
		}
	}

	#begin(index: number): void {
		this.#current = this.#steps[index];
		this.#tail = [];
		const subject = stepName(this.#current);
		this.#context.log(`Setting up ${subject}`);
		this.#context.progress({
			phase: "configure",
			subject,
			done: index,
			total: this.#steps.length,
			unit: "packages",
		});
	}

	#failed(status: number): void {
		const step = this.#current;
		if (step === undefined) return;
		if (step.kind === "postinst" && step.mayFail) {
			this.#context.log(`the postinst of ${step.package} failed with status ${status}, as it may`);
			return;
		}
		this.#failure = { step, status, tail: this.#tail };
	}

	problem(outcome: BuildOutcome): DiagnosticError | undefined {
		const failure = this.#failure;
		if (failure !== undefined) return scriptFailure(failure.step, `failed with status ${failure.status}`, failure.tail);
		switch (outcome.kind) {
			case "exited":
				if (outcome.status === 0 && this.#ended) return undefined;
				return scriptFailure(this.#current, `ended the composition with status ${outcome.status}`, this.#tail);
			case "killed":
				return scriptFailure(this.#current, `was ended by signal ${outcome.signal}`, this.#tail);
			case "timed-out":
				return scriptFailure(this.#current, "took too long", this.#tail, "COMPOSE_TIMEOUT");
			case "log-limit":
				return scriptFailure(this.#current, `wrote more than ${logLimit} bytes`, this.#tail);
			case "setup-failed":
				return new DiagnosticError(
					diagnose(
						"SANDBOX_SETUP",
						`the sandbox for maintainer scripts cannot be made: ${outcome.step}: ${outcome.error}`,
						{
							notes: this.#tail.map((message) => ({ message })),
						},
					),
				);
			default:
				return scriptFailure(this.#current, `was stopped (${outcome.kind})`, this.#tail);
		}
	}
}

function stepName(step: ScriptStep | undefined): string {
	if (step === undefined) return "the driver";
	return step.kind === "postinst" ? step.package : step.label;
}

function scriptFailure(
	step: ScriptStep | undefined,
	what: string,
	tail: readonly string[],
	code: string = "COMPOSE_SCRIPT_FAILED",
): DiagnosticError {
	if (tail.some((line) => line.includes("No space left on device"))) {
		return new DiagnosticError(diskFull({ notes: [{ message: tail.join("\n") }] }));
	}
	const script =
		step !== undefined && step.kind !== "postinst" ? `the step '${step.label}'` : `the postinst of '${stepName(step)}'`;
	return new DiagnosticError(
		diagnose(code, `${script} ${what}`, {
			notes: tail.length === 0 ? [{ message: "it printed nothing" }] : [{ message: tail.join("\n") }],
			...(step?.kind === "postinst"
				? {
						hint: `if '${step.package}' works without it, let it fail: maintainerScripts.allowFailure in an overlay of mkRoot`,
					}
				: {}),
		}),
	);
}
