/** Built-in operations that tell types apart. Layer 1, pure. */

import { Attrs } from "../value/attrs.ts";
import { Lambda, PartialApplication, PrimOp, type BuiltinDefinition } from "../value/function.ts";
import { typeOf } from "../value/type-name.ts";
import { isInt, isList, isString, NixFloat, NixPath, type Value } from "../value/value.ts";

function typeTest(name: string, test: (value: Value) => boolean, global: boolean = false): BuiltinDefinition {
	return { name, arity: 1, params: ["e"], global, fn: (runtime, value) => test(runtime.force(value)) };
}

function isFunctionValue(value: Value): value is Lambda | PrimOp | PartialApplication {
	return value instanceof Lambda || value instanceof PrimOp || value instanceof PartialApplication;
}

export const typeTestBuiltins: readonly BuiltinDefinition[] = [
	{ name: "typeOf", arity: 1, params: ["e"], fn: (runtime, value) => typeOf(runtime.force(value)) },
	typeTest("isNull", (value) => value === null, true),
	typeTest("isFunction", isFunctionValue),
	typeTest("isInt", isInt),
	typeTest("isFloat", (value) => value instanceof NixFloat),
	typeTest("isString", isString),
	typeTest("isBool", (value) => typeof value === "boolean"),
	typeTest("isPath", (value) => value instanceof NixPath),
	typeTest("isAttrs", (value) => value instanceof Attrs),
	typeTest("isList", isList),
];
