/** Evaluating an expression of the user's and printing its value. Layer 3; runs in an evaluator thread. */

import {
	type Attrs,
	attrsFromEntries,
	type Evaluator,
	type Lazy,
	mergeAttrs,
	type Origin,
	stringText,
	type Value,
} from "@devenv/evaluator";
import { bytesFromText, textFromBytes } from "@devenv/nix-formats";
import type { ExpressionTask } from "./messages.ts";

/** The value of the expression itself. `set` is in scope as `pkgs` and with its attributes. */
export function evaluateWhole(
	task: Pick<ExpressionTask, "text" | "baseDir" | "name">,
	evaluator: Evaluator,
	set: Attrs | undefined,
): Value {
	const expr = evaluator.parse(bytesFromText(task.text), bytesFromText(task.baseDir), originOf(task.name));
	const scope = set === undefined ? undefined : mergeAttrs(set, attrsFromEntries([["pkgs", set]]));
	return scope === undefined ? evaluator.evalExpr(expr) : evaluator.evalExprWith(expr, scope);
}

/** What is asked for of an expression's value, printed. */
export function printSelected(task: ExpressionTask, evaluator: Evaluator, whole: Value): string {
	const { value } = evaluator.select(whole, bytesFromText(task.attrPath));
	return textFromBytes(print(task, evaluator, value));
}

/** Files by their path, anything else by its name in angle brackets. */
function originOf(name: string): Origin {
	if (name.startsWith("/")) return { kind: "file", path: bytesFromText(name) };
	if (name === "<stdin>") return { kind: "stdin" };
	return { kind: "string" };
}

function print({ format, strict }: ExpressionTask, evaluator: Evaluator, value: Lazy): string {
	switch (format) {
		case "json":
			return evaluator.toJson(value);
		case "raw": {
			const text = evaluator.runtime.coerceToString(value, 0, "while printing the value");
			return stringText(text);
		}
		case "nix":
			return evaluator.print(evaluator.force(value), { strict });
	}
}
