/** Our evaluator as the other side: a thread that is started anew when it crashes or does not answer in time. */

import { Worker } from "node:worker_threads";
import { bytesFromText } from "@devenv/nix-formats";
import type { Task } from "./evaluate-thread.ts";
import type { Mode, Outcome } from "./outcome.ts";

const SECONDS = 10;
/** MiB. */
const LIMITS = { stackSizeMb: 256, maxOldGenerationSizeMb: 1024 };

export class OurNix {
	readonly #baseDir: string;
	#worker: Worker | undefined;
	#onOutcome: (outcome: Outcome) => void = () => undefined;
	#onEnd: (fault: string) => void = () => undefined;

	constructor(baseDir: string) {
		this.#baseDir = baseDir;
	}

	evaluate(expressions: readonly string[], mode: Mode = "print"): Promise<Outcome[]> {
		return this.#answer({ texts: expressions.map(bytesFromText), mode });
	}

	/** Parses and binds byte strings; a value is the printed tree. */
	parse(texts: readonly string[]): Promise<Outcome[]> {
		return this.#answer({ texts, mode: "parse" });
	}

	/** Evaluates byte strings. */
	evaluateBytes(texts: readonly string[]): Promise<Outcome[]> {
		return this.#answer({ texts, mode: "print" });
	}

	async close(): Promise<void> {
		const worker = this.#worker;
		this.#worker = undefined;
		await worker?.terminate();
	}

	async #answer({ texts, mode }: Task): Promise<Outcome[]> {
		const outcomes: Outcome[] = [];
		while (outcomes.length < texts.length) {
			const fault = await this.#answerSome({ texts: texts.slice(outcomes.length), mode }, outcomes);
			if (fault === undefined) continue;
			await this.close();
			outcomes.push({ kind: "crash", message: fault });
		}
		return outcomes;
	}

	/** Adds outcomes until all are there or one has none: why, then. */
	#answerSome(task: Task, outcomes: Outcome[]): Promise<string | undefined> {
		this.#worker ??= this.#start();
		const worker = this.#worker;
		let left = task.texts.length;
		return new Promise((resolve) => {
			const end = (fault: string | undefined): void => {
				clearTimeout(timer);
				resolve(fault);
			};
			const timer = setTimeout(() => end(`no answer in ${SECONDS} s`), SECONDS * 1000);
			this.#onOutcome = (outcome) => {
				outcomes.push(outcome);
				timer.refresh();
				if (--left === 0) end(undefined);
			};
			this.#onEnd = end;
			worker.postMessage(task);
		});
	}

	#start(): Worker {
		const worker = new Worker(new URL("evaluate-thread.ts", import.meta.url), {
			workerData: this.#baseDir,
			resourceLimits: LIMITS,
		});
		// One that was given up may still say something.
		worker.on("message", (outcome: Outcome) => {
			if (worker === this.#worker) this.#onOutcome(outcome);
		});
		const ended = (fault: string): void => {
			if (worker === this.#worker) this.#onEnd(fault);
		};
		worker.on("error", (error) => ended(error instanceof Error ? error.message : String(error)));
		worker.on("exit", (code) => ended(`the thread ended with ${code}`));
		return worker;
	}
}
