/** Built-in operations and constants as names. Layer 1, pure. */

import { builtinDocumentation } from "../builtins/documentation.ts";
import { builtinsFor } from "../builtins/index.ts";

export interface BuiltinName {
	/** The attribute of `builtins`. */
	readonly name: string;
	/** How it is written alone: `map`, `__add`. */
	readonly globalName: string;
	readonly parameters: readonly string[];
	readonly documentation: string | undefined;
}

/** All that there are with those experimental features; `builtins` itself is among them. */
export function builtinNames(features: ReadonlySet<string>): readonly BuiltinName[] {
	const visible = builtinsFor(features).filter((each) => !("internal" in each && each.internal));
	const names = visible.map((definition) => ({
		name: definition.name,
		globalName: definition.global === true ? definition.name : `__${definition.name}`,
		parameters: "params" in definition ? definition.params : [],
		documentation: builtinDocumentation(definition.name),
	}));
	const all = {
		name: "builtins",
		globalName: "builtins",
		parameters: [],
		documentation: builtinDocumentation("builtins"),
	};
	return [...names, all];
}
