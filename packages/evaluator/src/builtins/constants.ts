/** The constants of the language. Layer 1, pure. */

import { NO_POSITION } from "../syntax/position.ts";
import { attrsFromEntries } from "../value/attrs.ts";
import type { BuiltinDefinition } from "../value/function.ts";

/** The version of Nix whose language and built-in operations these are. */
export const NIX_VERSION = "2.36.0";
const LANGUAGE_VERSION = 6;

export const constantBuiltins: readonly BuiltinDefinition[] = [
	{ name: "true", arity: 0, global: true, value: () => true },
	{ name: "false", arity: 0, global: true, value: () => false },
	{ name: "null", arity: 0, global: true, value: () => null },
	{ name: "currentTime", arity: 0, value: (runtime) => runtime.access(NO_POSITION, () => runtime.io.currentTime()) },
	{ name: "currentSystem", arity: 0, value: (runtime) => runtime.settings.currentSystem },
	{ name: "nixVersion", arity: 0, value: () => NIX_VERSION },
	{ name: "storeDir", arity: 0, value: (runtime) => runtime.io.storeDir },
	{ name: "langVersion", arity: 0, value: () => LANGUAGE_VERSION },
	{
		name: "nixPath",
		arity: 0,
		value: (runtime) =>
			runtime.settings.nixPath.map((entry) =>
				attrsFromEntries([
					["path", entry.path],
					["prefix", entry.prefix],
				]),
			),
	},
];
