/** `builtins.getEnv`. Layer 1, pure. */

import { NO_POSITION } from "../syntax/position.ts";
import type { BuiltinDefinition } from "../value/function.ts";

export const environmentBuiltins: readonly BuiltinDefinition[] = [
	{
		name: "getEnv",
		arity: 1,
		params: ["s"],
		fn: (runtime, value) => {
			const what = "while evaluating the first argument passed to builtins.getEnv";
			const name = runtime.expectPlainString(value, NO_POSITION, what);
			return runtime.settings.pureEval ? "" : runtime.io.getEnv(name);
		},
	},
];
