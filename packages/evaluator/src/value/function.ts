/** Functions as values: lambdas, built-in operations, and operations that still lack arguments. Layer 1, pure. */

import type { LambdaCode } from "../eval/code.ts";
import type { Env } from "../eval/environment.ts";
import type { Runtime } from "../eval/runtime.ts";
import type { Position } from "../syntax/position.ts";
import type { Lazy, Value } from "./value.ts";

/** A function written in the Nix language, closed over its environment. */
export class Lambda {
	readonly code: LambdaCode;
	readonly env: Env;

	constructor(code: LambdaCode, env: Env) {
		this.code = code;
		this.env = env;
	}
}

/**
 * The implementation of a built-in operation. Arguments come unevaluated; the result must be in weak head normal form.
 * `position` is that of the call, 0 where there is none.
 */
export type PrimOp1 = (runtime: Runtime, a: Lazy, position: Position) => Value;
export type PrimOp2 = (runtime: Runtime, a: Lazy, b: Lazy, position: Position) => Value;
export type PrimOp3 = (runtime: Runtime, a: Lazy, b: Lazy, c: Lazy, position: Position) => Value;

interface PrimOpBase {
	/** Name in `builtins`, without a `__` prefix. */
	readonly name: string;
	/** Parameter names, as many as the arity. */
	readonly params: readonly string[];
	/** Markdown, for `builtins` documentation. */
	readonly doc?: string;
	/** Whether the bare name is global too (`map`); otherwise `__name` is. */
	readonly global?: boolean;
	/** Not an attribute of `builtins`, only the global `__name` (`__internal…`); false by default. */
	readonly internal?: boolean;
	/** False where an error gets no frame "while calling the '…' builtin" (`addErrorContext`). */
	readonly frame?: boolean;
}

/** Declaration of a built-in operation. */
export type PrimOpDefinition =
	| (PrimOpBase & { readonly arity: 1; readonly fn: PrimOp1 })
	| (PrimOpBase & { readonly arity: 2; readonly fn: PrimOp2 })
	| (PrimOpBase & { readonly arity: 3; readonly fn: PrimOp3 });

/** Declaration of a constant such as `builtins.nixVersion`; evaluated once per runtime, when first used. */
export interface ConstantDefinition {
	readonly name: string;
	readonly arity: 0;
	readonly doc?: string;
	readonly global?: boolean;
	readonly value: (runtime: Runtime) => Value;
}

export type BuiltinDefinition = PrimOpDefinition | ConstantDefinition;

/** A built-in operation as a value. */
export class PrimOp {
	readonly name: string;
	readonly arity: 1 | 2 | 3;
	readonly fn: PrimOp1 | PrimOp2 | PrimOp3;
	readonly definition: PrimOpDefinition;

	constructor(definition: PrimOpDefinition) {
		this.name = definition.name;
		this.arity = definition.arity;
		this.fn = definition.fn;
		this.definition = definition;
	}
}

/** A built-in operation applied to fewer arguments than it takes. */
export class PartialApplication {
	readonly primOp: PrimOp;
	/** One or two arguments. */
	readonly args: readonly Lazy[];

	constructor(primOp: PrimOp, args: readonly Lazy[]) {
		this.primOp = primOp;
		this.args = args;
	}
}
