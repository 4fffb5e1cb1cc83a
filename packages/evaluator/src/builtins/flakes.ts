/**
 * `parseFlakeRef`, `flakeRefToString` and `getFlake`, with the experimental feature `flakes`. Layer 1, pure: the injected I/O
 * fetches.
 *
 * Source: Nix manual, "builtins.getFlake" and "nix flake" (lock files). What a flake's inputs are is worked out by the expression
 * {@link callFlakeFile}, lazily: an input that is not used is not fetched.
 */

import type { Runtime } from "../eval/runtime.ts";
import { NO_POSITION } from "../syntax/position.ts";
import { Attrs, attrsFromEntries } from "../value/attrs.ts";
import { type BuiltinDefinition, PrimOp } from "../value/function.ts";
import { describeType } from "../value/type-name.ts";
import { isString, type Lazy, NixPath, type Value } from "../value/value.ts";
import { callFlakeFile } from "./call-flake.ts";
import { textOf } from "./control.ts";
import { fetchInput } from "./fetchers.ts";
import { type InputAttribute, type InputAttributes, printFlakeReference } from "./flake-references.ts";
import { asError, parseReference } from "./plain-references.ts";

/** Attributes by which an input always means the same. */
const locking = ["narHash", "rev"];

function attributesValue(input: InputAttributes): Attrs {
	return attrsFromEntries([...input].map(([name, value]): [string, Lazy] => [name, value]));
}

function readAttributes(runtime: Runtime, attrs: Attrs): Map<string, InputAttribute> {
	const input = new Map<string, InputAttribute>();
	for (const [index, name] of attrs.names.entries()) {
		const value = runtime.force(attrs.values[index] as Lazy, attrs.positionOf(name));
		if (typeof value === "number") {
			if (value < 0) throw runtime.error("eval", `negative value given for flake ref attr ${name}: ${value}`);
			input.set(name, value);
		} else if (typeof value === "boolean") {
			input.set(name, value);
		} else if (isString(value)) {
			input.set(name, textOf(value));
		} else {
			const rule = "flake reference attribute sets may only contain integers, Booleans, and strings";
			throw runtime.error("type", `${rule}, but attribute '${name}' is ${describeType(value)}`);
		}
	}
	return input;
}

function getFlake(runtime: Runtime, argument: Lazy): Value {
	const forced = runtime.force(argument);
	const input =
		forced instanceof Attrs ? readAttributes(runtime, forced) : parseReference(runtime, referenceText(runtime, forced));
	if (runtime.settings.pureEval && !locking.some((name) => input.has(name))) {
		const shown = asError(runtime, () => printFlakeReference(input));
		throw runtime.error(
			"eval",
			`cannot call 'getFlake' on unlocked flake reference '${shown}' (use --impure to override)`,
		);
	}
	return callFlake(runtime, input);
}

function referenceText(runtime: Runtime, value: Value): string {
	if (value instanceof NixPath) {
		runtime.place.seen(value.path);
		return value.path;
	}
	return textOf(runtime.expectText(value, NO_POSITION, "while evaluating the argument passed to builtins.getFlake"));
}

function callFlake(runtime: Runtime, input: InputAttributes): Value {
	const call = runtime.importFile(callFlakeFile, NO_POSITION);
	const fetch: Lazy = new PrimOp({
		name: "fetchInput",
		arity: 1,
		params: ["input"],
		fn: (_, attrs) => {
			const asked = readAttributes(runtime, runtime.expectAttrs(attrs, NO_POSITION, "while fetching a flake input"));
			asked.delete("dir");
			return fetchInput(runtime, "fetchTree", asked);
		},
	});
	return runtime.callFunction(call, [
		attrsFromEntries([
			["input", attributesValue(input)],
			["fetchInput", fetch],
		]),
	]);
}

export const flakeBuiltins: readonly BuiltinDefinition[] = [
	{
		name: "parseFlakeRef",
		arity: 1,
		params: ["flake-ref"],
		fn: (runtime, argument) => {
			const what = "while evaluating the argument passed to builtins.parseFlakeRef";
			return attributesValue(parseReference(runtime, runtime.expectPlainString(argument, NO_POSITION, what)));
		},
	},
	{
		name: "flakeRefToString",
		arity: 1,
		params: ["attrs"],
		fn: (runtime, argument) => {
			const what = "while evaluating the argument passed to builtins.flakeRefToString";
			const input = readAttributes(runtime, runtime.expectAttrs(argument, NO_POSITION, what));
			return asError(runtime, () => printFlakeReference(input));
		},
	},
	{ name: "getFlake", arity: 1, params: ["args"], fn: getFlake },
];
