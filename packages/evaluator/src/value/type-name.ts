/** Names of types, as `typeOf` and error messages give them. Layer 1, pure. */

import { Attrs } from "./attrs.ts";
import { Lambda, PartialApplication, PrimOp } from "./function.ts";
import { Thunk } from "./thunk.ts";
import { ContextString, type Lazy, NixFloat, NixPath, type Value, isList } from "./value.ts";

export type TypeName = "null" | "bool" | "int" | "float" | "string" | "path" | "list" | "set" | "lambda";

/** What `builtins.typeOf` gives. */
export function typeOf(value: Value): TypeName {
	switch (typeof value) {
		case "string":
			return "string";
		case "number":
		case "bigint":
			return "int";
		case "boolean":
			return "bool";
		default:
			if (value === null) return "null";
			if (value instanceof Attrs) return "set";
			if (isList(value)) return "list";
			if (value instanceof ContextString) return "string";
			if (value instanceof NixPath) return "path";
			if (value instanceof NixFloat) return "float";
			return "lambda";
	}
}

/** A type with its article, as error messages name it: "a set", "the built-in function 'map'". */
export function describeType(value: Lazy): string {
	if (value instanceof Thunk) return "a thunk";
	if (value instanceof PrimOp) return `the built-in function '${value.name}'`;
	if (value instanceof PartialApplication) return `the partially applied built-in function '${value.primOp.name}'`;
	if (value instanceof Lambda) return "a function";
	if (value instanceof ContextString) return value.context.size > 0 ? "a string with context" : "a string";
	switch (typeOf(value)) {
		case "null":
			return "null";
		case "bool":
			return "a Boolean";
		case "int":
			return "an integer";
		case "float":
			return "a float";
		case "string":
			return "a string";
		case "path":
			return "a path";
		case "list":
			return "a list";
		case "set":
			return "a set";
		case "lambda":
			return "a function";
	}
}
