/** Built-in operations on the course of evaluation: errors, forcing, tracing. Layer 1, pure. */

import { EvalError } from "../eval/error.ts";
import type { Runtime } from "../eval/runtime.ts";
import { NO_POSITION } from "../syntax/position.ts";
import { attrsFromEntries } from "../value/attrs.ts";
import type { BuiltinDefinition } from "../value/function.ts";
import { ContextString, type Lazy, type NixString, type Value } from "../value/value.ts";

/** The bytes of a string of either kind. */
export function textOf(value: NixString): string {
	return value instanceof ContextString ? value.text : value;
}

function trace(runtime: Runtime, message: Lazy, result: Lazy): Value {
	const value = runtime.force(message);
	const text = typeof value === "string" ? value : value instanceof ContextString ? value.text : runtime.print(value);
	runtime.io.log("trace", text);
	return runtime.force(result);
}

export const controlBuiltins: readonly BuiltinDefinition[] = [
	{
		name: "abort",
		arity: 1,
		params: ["s"],
		global: true,
		fn: (runtime, message) => {
			const what = "while evaluating the error message passed to builtins.abort";
			const text = textOf(runtime.coerceToString(message, NO_POSITION, what));
			throw runtime.error("abort", `evaluation aborted with the following error message: '${text}'`);
		},
	},
	{
		name: "throw",
		arity: 1,
		params: ["s"],
		global: true,
		fn: (runtime, message) => {
			const what = "while evaluating the error message passed to builtin.throw";
			throw runtime.error("thrown", textOf(runtime.coerceToString(message, NO_POSITION, what)));
		},
	},
	{
		name: "addErrorContext",
		arity: 2,
		params: ["context", "value"],
		frame: false,
		fn: (runtime, context, value) => {
			try {
				return runtime.force(value);
			} catch (error) {
				if (!(error instanceof EvalError)) throw error;
				const what = "while evaluating the error message passed to builtins.addErrorContext";
				const text = textOf(runtime.coerceToString(context, NO_POSITION, what, { copyToStore: false }));
				throw error.withFrame(NO_POSITION, text, "always");
			}
		},
	},
	{
		name: "tryEval",
		arity: 1,
		params: ["e"],
		fn: (runtime, value) => {
			const outcome = runtime.attempt(() => runtime.force(value));
			const success = "value" in outcome;
			return attrsFromEntries([
				["success", success],
				["value", success ? outcome.value : false],
			]);
		},
	},
	{
		name: "seq",
		arity: 2,
		params: ["e1", "e2"],
		fn: (runtime, first, second) => {
			runtime.force(first);
			return runtime.force(second);
		},
	},
	{
		name: "deepSeq",
		arity: 2,
		params: ["e1", "e2"],
		fn: (runtime, first, second) => {
			runtime.forceDeep(first);
			return runtime.force(second);
		},
	},
	{ name: "trace", arity: 2, params: ["e1", "e2"], fn: trace },
	{
		name: "traceVerbose",
		arity: 2,
		params: ["e1", "e2"],
		fn: (runtime, message, result) =>
			runtime.settings.traceVerbose ? trace(runtime, message, result) : runtime.force(result),
	},
	{
		name: "warn",
		arity: 2,
		params: ["e1", "e2"],
		fn: (runtime, message, result) => {
			const what = "while evaluating the first argument; the message passed to builtins.warn";
			runtime.io.log("evaluationWarning", runtime.expectText(message, NO_POSITION, what));
			if (runtime.settings.abortOnWarn) {
				throw runtime.error("abort", "aborting to reveal stack trace of warning, as abort-on-warn is set");
			}
			return runtime.force(result);
		},
	},
	{ name: "break", arity: 1, params: ["v"], global: true, fn: (runtime, value) => runtime.force(value) },
];
