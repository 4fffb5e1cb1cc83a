/** Built-in operations on numbers. Layer 1, pure. */

import type { Runtime } from "../eval/runtime.ts";
import { NO_POSITION } from "../syntax/position.ts";
import type { BuiltinDefinition } from "../value/function.ts";
import {
	addInts,
	bitwise,
	divideInts,
	intFromBigInt,
	multiplyInts,
	subtractInts,
	type NixInt,
} from "../value/integer.ts";
import { NixFloat, isInt, type Lazy, type Value } from "../value/value.ts";
import { formatFloat } from "../value/format-float.ts";

/** One of the four operations: how it is worded and computed. */
interface Operation {
	readonly name: string;
	readonly first: string;
	readonly second: string;
	/** "adding 1 + 2". */
	readonly gerund: string;
	readonly sign: string;
	readonly ints: (a: NixInt, b: NixInt) => NixInt | undefined;
	readonly floats: (a: number, b: number) => number;
}

function arithmetic(operation: Operation): BuiltinDefinition {
	return {
		name: operation.name,
		arity: 2,
		params: ["e1", "e2"],
		fn: (runtime, left, right) => {
			const a = runtime.force(left);
			const b = runtime.force(right);
			if (operation.name === "div" && runtime.expectFloat(b, NO_POSITION, operation.second) === 0) {
				throw runtime.error("eval", "division by zero");
			}
			if (a instanceof NixFloat || b instanceof NixFloat) {
				const x = runtime.expectFloat(a, NO_POSITION, operation.first);
				const y = runtime.expectFloat(b, NO_POSITION, operation.second);
				return new NixFloat(operation.floats(x, y));
			}
			const i = runtime.expectInt(a, NO_POSITION, operation.first);
			const j = runtime.expectInt(b, NO_POSITION, operation.second);
			const result = operation.ints(i, j);
			if (result !== undefined) return result;
			throw runtime.error("eval", `integer overflow in ${operation.gerund} ${i} ${operation.sign} ${j}`);
		},
	};
}

function bitOperation(name: string, operation: "and" | "or" | "xor"): BuiltinDefinition {
	return {
		name,
		arity: 2,
		params: ["e1", "e2"],
		fn: (runtime, left, right) => {
			const a = runtime.expectInt(left, NO_POSITION, `while evaluating the first argument passed to builtins.${name}`);
			const b = runtime.expectInt(
				right,
				NO_POSITION,
				`while evaluating the second argument passed to builtins.${name}`,
			);
			return bitwise(operation, a, b);
		},
	};
}

function rounding(name: "ceil" | "floor"): BuiltinDefinition {
	return { name, arity: 1, params: ["number"], fn: (runtime, argument) => round(runtime, name, argument) };
}

/** Integers go through a float as in Nix, which therefore refuses those that a float cannot hold. */
function round(runtime: Runtime, name: "ceil" | "floor", argument: Lazy): Value {
	const what = `while evaluating the first argument passed to builtins.${name}`;
	const value = runtime.expectFloat(argument, NO_POSITION, what);
	const original = runtime.force(argument);
	const rounded = name === "ceil" ? Math.ceil(value) : Math.floor(value);
	const result = Number.isFinite(rounded) ? intFromBigInt(BigInt(rounded)) : undefined;
	const bug = "Due to a bug (see https://github.com/NixOS/nix/issues/12899)";
	const future = "Future Nix versions might implement the correct behavior.";
	if (result === undefined) {
		if (!isInt(original)) {
			throw runtime.error("eval", `NixFloat argument ${formatFloat(value)} is not in the range of NixInt`);
		}
		throw runtime.error(
			"eval",
			`${bug} the NixInt argument ${original} caused undefined behavior in previous Nix versions.\n\t${future}`,
		);
	}
	if (isInt(original) && original !== result) {
		throw runtime.error(
			"eval",
			`${bug} a loss of precision occurred in previous Nix versions because the NixInt argument ${original} was rounded to ${result}.\n\t${future}`,
		);
	}
	return result;
}

export const arithmeticBuiltins: readonly BuiltinDefinition[] = [
	arithmetic({
		name: "add",
		first: "while evaluating the first argument of the addition",
		second: "while evaluating the second argument of the addition",
		gerund: "adding",
		sign: "+",
		ints: addInts,
		floats: (a, b) => a + b,
	}),
	arithmetic({
		name: "sub",
		first: "while evaluating the first argument of the subtraction",
		second: "while evaluating the second argument of the subtraction",
		gerund: "subtracting",
		sign: "-",
		ints: subtractInts,
		floats: (a, b) => a - b,
	}),
	arithmetic({
		name: "mul",
		first: "while evaluating the first argument of the multiplication",
		second: "while evaluating the second argument of the multiplication",
		gerund: "multiplying",
		sign: "*",
		ints: multiplyInts,
		floats: (a, b) => a * b,
	}),
	arithmetic({
		name: "div",
		first: "while evaluating the first operand of the division",
		second: "while evaluating the second operand of the division",
		gerund: "dividing",
		sign: "/",
		ints: divideInts,
		floats: (a, b) => a / b,
	}),
	bitOperation("bitAnd", "and"),
	bitOperation("bitOr", "or"),
	bitOperation("bitXor", "xor"),
	rounding("ceil"),
	rounding("floor"),
	{
		name: "lessThan",
		arity: 2,
		params: ["e1", "e2"],
		fn: (runtime, left, right) => {
			const a = runtime.force(left);
			return runtime.lessThan(a, runtime.force(right), NO_POSITION, "");
		},
	},
];
