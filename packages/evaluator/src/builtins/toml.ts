/** `builtins.fromTOML`. Layer 1, pure. */

import type { Runtime } from "../eval/runtime.ts";
import { NO_POSITION } from "../syntax/position.ts";
import { attrsFromEntries } from "../value/attrs.ts";
import type { BuiltinDefinition } from "../value/function.ts";
import { intFromBigInt } from "../value/integer.ts";
import { NixFloat, type Value } from "../value/value.ts";
import { nullByteMessage } from "./json.ts";
import { parseToml, TomlError, TomlTable, type TomlValue } from "./toml-parser.ts";

export const tomlBuiltins: readonly BuiltinDefinition[] = [
	{
		name: "fromTOML",
		arity: 1,
		params: ["e"],
		global: true,
		fn: (runtime, value) => {
			const what = "while evaluating the argument passed to builtins.fromTOML";
			const text = runtime.expectPlainString(value, NO_POSITION, what);
			try {
				return toValue(runtime, parseToml(text));
			} catch (error) {
				if (!(error instanceof TomlError)) throw error;
				throw runtime.error("eval", `while parsing TOML: ${error.message}`, { cause: error });
			}
		},
	},
];

function toValue(runtime: Runtime, value: TomlValue): Value {
	if (typeof value === "string") return checked(value);
	if (typeof value === "boolean") return value;
	if (Array.isArray(value)) return value.map((item) => toValue(runtime, item));
	if (value instanceof TomlTable) {
		return attrsFromEntries([...value.entries].map(([name, item]) => [checked(name), toValue(runtime, item)]));
	}
	switch (value.kind) {
		case "integer":
			return intFromBigInt(value.value) ?? value.value;
		case "float":
			return new NixFloat(value.value);
		case "timestamp":
			if (!runtime.settings.experimentalFeatures.has("parse-toml-timestamps")) {
				throw new TomlError("Dates and times are not supported");
			}
			return attrsFromEntries([
				["_type", "timestamp"],
				["value", value.text],
			]);
	}
}

function checked(text: string): string {
	if (text.includes("\0")) throw new TomlError(`error: ${nullByteMessage(text)}`);
	return text;
}
