/** Calls of functions, built-in operations and sets with `__functor`. Layer 1, pure. */

import type { Position } from "../syntax/position.ts";
import { printIdentifier } from "../syntax/print-expr.ts";
import { Attrs } from "../value/attrs.ts";
import { Lambda, PartialApplication, PrimOp, type PrimOp1, type PrimOp2, type PrimOp3 } from "../value/function.ts";
import { Thunk } from "../value/thunk.ts";
import { describeType } from "../value/type-name.ts";
import type { Lazy, Value } from "../value/value.ts";
import type { LambdaCode } from "./code.ts";
import { allocateEnv, type Env } from "./environment.ts";
import { addFrame, EvalError } from "./error.ts";
import { Thunks } from "./thunks.ts";

export abstract class Calls extends Thunks {
	/** Calls that are being evaluated; entry points and `attempt` set it back. */
	protected depth = 0;
	protected readonly maxCallDepth: number;

	constructor(maxCallDepth: number) {
		super();
		this.maxCallDepth = maxCallDepth;
	}

	override call(fn: Lazy, arg: Lazy, position: Position = 0): Value {
		const callee = fn instanceof Thunk ? this.forceThunk(fn, position) : fn;
		if (callee instanceof Lambda) return this.#enter(callee, arg, position);
		if (callee instanceof PrimOp) {
			return callee.arity === 1 ? this.#invoke(callee, [arg], position) : new PartialApplication(callee, [arg]);
		}
		if (callee instanceof PartialApplication) {
			const args = [...callee.args, arg];
			if (args.length < callee.primOp.arity) return new PartialApplication(callee.primOp, args);
			return this.#invoke(callee.primOp, args, position);
		}
		return this.#callOther(callee, arg, position);
	}

	call2(fn: Lazy, a: Lazy, b: Lazy, position: Position = 0): Value {
		const callee = fn instanceof Thunk ? this.forceThunk(fn, position) : fn;
		if (callee instanceof PrimOp) {
			if (callee.arity === 2) return this.#invoke(callee, [a, b], position);
			if (callee.arity === 3) return new PartialApplication(callee, [a, b]);
		}
		return this.call(this.call(callee, a, position), b, position);
	}

	override callFunction(fn: Lazy, args: readonly Lazy[], position: Position = 0): Value {
		let callee = this.force(fn, position);
		let at = 0;
		while (at < args.length) {
			if (callee instanceof PrimOp) {
				const { arity } = callee;
				const given = args.length - at;
				if (given < arity) return new PartialApplication(callee, args.slice(at));
				callee = this.#invoke(callee, arity === given && at === 0 ? args : args.slice(at, at + arity), position);
				at += arity;
			} else callee = this.call(callee, args[at++] as Lazy, position);
		}
		return callee;
	}

	#callOther(callee: Value, arg: Lazy, position: Position): Value {
		const functor = callee instanceof Attrs ? callee.get("__functor") : undefined;
		if (functor === undefined) {
			const found = `${describeType(callee)}: ${this.printBrief(callee)}`;
			throw this.error("type", `attempt to call something which is not a function but ${found}`, { position });
		}
		try {
			return this.call2(functor, callee, arg, (callee as Attrs).positionOf("__functor"));
		} catch (error) {
			throw addFrame(error, position, "while calling a functor (an attribute set with a '__functor' attribute)");
		}
	}

	#invoke(primOp: PrimOp, args: readonly Lazy[], position: Position): Value {
		this.descend(position);
		let value: Value;
		try {
			switch (primOp.arity) {
				case 1:
					value = (primOp.fn as PrimOp1)(this.runtime, args[0] as Lazy, position);
					break;
				case 2:
					value = (primOp.fn as PrimOp2)(this.runtime, args[0] as Lazy, args[1] as Lazy, position);
					break;
				case 3:
					value = (primOp.fn as PrimOp3)(this.runtime, args[0] as Lazy, args[1] as Lazy, args[2] as Lazy, position);
			}
		} catch (error) {
			if (primOp.definition.frame === false) throw error;
			throw addFrame(error, position, `while calling the '${primOp.name}' builtin`);
		}
		this.depth--;
		return value;
	}

	/** Counts a level of recursion that is none of the interpreter's (coercion, comparison); undo with `depth--`. */
	protected descend(position: Position): void {
		if (this.depth > this.maxCallDepth) {
			this.runtime.io.noteDoubt?.();
			throw this.error("stackOverflow", "stack overflow; max-call-depth exceeded", { position });
		}
		this.depth++;
	}

	#enter(lambda: Lambda, arg: Lazy, position: Position): Value {
		const { code } = lambda;
		this.descend(position);
		const env: Env = code.formals === undefined ? [lambda.env, arg] : this.#bindFormals(lambda, arg, position);
		let value: Value;
		try {
			value = this.evaluate(code.body, env);
		} catch (error) {
			if (error instanceof EvalError) {
				const name = code.name === undefined ? "anonymous lambda" : `'${printIdentifier(code.name)}'`;
				error.withFrame(code.position, `while calling ${name}`, "detail");
				if (position !== 0) error.withFrame(position, "from call site", "detail");
			}
			throw error;
		}
		this.depth--;
		return value;
	}

	#bindFormals(lambda: Lambda, arg: Lazy, position: Position): Env {
		const { code } = lambda;
		const attrs = this.#argumentSet(code, arg, position);
		const { entries, ellipsis } = code.formals as NonNullable<LambdaCode["formals"]>;
		const offset = code.argName === undefined ? 1 : 2;
		const env = allocateEnv(lambda.env, entries.length + offset - 1);
		if (offset === 2) env[1] = arg;
		const { shape, values } = attrs;
		let indexes = code.cachedIndexes;
		if (code.cachedShape !== shape) {
			indexes = entries.map((formal) => shape.indexOf(formal.name));
			code.cachedShape = shape;
			code.cachedIndexes = indexes;
		}
		let used = 0;
		for (let i = 0; i < entries.length; i++) {
			const at = indexes[i] as number;
			if (at >= 0) {
				env[i + offset] = values[at];
				used++;
			}
		}
		if (used < entries.length) {
			for (let i = 0; i < entries.length; i++) {
				if ((indexes[i] as number) >= 0) continue;
				const { fallback, name } = entries[i] as (typeof entries)[number];
				if (fallback === null) {
					const message = `function '${functionName(code)}' called without required argument '${printIdentifier(name)}'`;
					throw this.#argumentError(code, message, { position });
				}
				env[i + offset] = this.delay(fallback, env);
			}
		}
		if (!ellipsis && used !== shape.names.length) {
			const known = new Set(entries.map((formal) => formal.name));
			const unknown = shape.names.find((name) => !known.has(name)) ?? "";
			const message = `function '${functionName(code)}' called with unexpected argument '${printIdentifier(unknown)}'`;
			throw this.#argumentError(code, message, { position, suggestions: this.suggest(unknown, known) });
		}
		return env;
	}

	#argumentSet(code: LambdaCode, arg: Lazy, position: Position): Attrs {
		if (arg instanceof Attrs) return arg;
		try {
			const value = this.force(arg, code.position);
			if (value instanceof Attrs) return value;
			const error = this.typeError("a set", value, 0);
			throw error.withFrame(code.position, "while evaluating the value passed for the lambda argument");
		} catch (error) {
			throw position === 0 ? error : addFrame(error, position, "from call site");
		}
	}

	#argumentError(
		code: LambdaCode,
		message: string,
		call: { position: Position; suggestions?: readonly string[] },
	): EvalError {
		const { suggestions = [] } = call;
		const error = this.error("type", message, { position: code.position, suggestions });
		return call.position === 0 ? error : error.withFrame(call.position, "from call site");
	}
}

function functionName(code: LambdaCode): string {
	return code.name === undefined ? "anonymous lambda" : printIdentifier(code.name);
}
