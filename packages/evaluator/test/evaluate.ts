/** Evaluation for tests: text in, the printed value or Nix's error text out. */

import { bytesFromText, textFromBytes } from "@devenv/nix-formats";
import { EvalError, Evaluator, type EvaluatorOptions } from "../src/index.ts";
import { ReadOnlyIo } from "./read-only-io.ts";

export interface EvaluateOptions extends Partial<EvaluatorOptions> {
	readonly strict?: boolean;
	readonly showTrace?: boolean;
}

/** The value as `nix-instantiate --eval --strict` prints it, or what is written to stderr. */
export function evaluate(text: string, options: EvaluateOptions = {}): string {
	const { strict = true, showTrace = false, ...settings } = options;
	const evaluator = new Evaluator({ io: new ReadOnlyIo(), currentSystem: "x86_64-linux", ...settings });
	try {
		return textFromBytes(evaluator.print(evaluator.evalString(bytesFromText(text), "/"), { strict }));
	} catch (error) {
		if (!(error instanceof EvalError)) throw error;
		return textFromBytes(evaluator.formatError(error, { showTrace }));
	}
}
