/**
 * Thunks: making and forcing them. Layer 1, pure. The lowest part of the interpreter; the others build on it:
 * Thunks ← Calls ← AttributeOperations ← Interpreter.
 */

import type { Position } from "../syntax/position.ts";
import { Lambda } from "../value/function.ts";
import { Thunk } from "../value/thunk.ts";
import { describeType } from "../value/type-name.ts";
import type { Lazy, Value } from "../value/value.ts";
import { APPLY_THUNK, BLACKHOLE, type Code, FAILED, NATIVE_THUNK, type Op } from "./code.ts";
import type { Env } from "./environment.ts";
import { addFrame, EvalError, type EvalErrorDetail, type EvalErrorKind } from "./error.ts";
import type { Runtime } from "./runtime.ts";

export abstract class Thunks {
	abstract error(kind: EvalErrorKind, message: string, detail?: EvalErrorDetail): EvalError;
	abstract printBrief(value: Lazy): string;
	abstract evaluate(code: Code, env: Env): Value;
	abstract call(fn: Lazy, arg: Lazy, position?: Position): Value;
	abstract callFunction(fn: Lazy, args: readonly Lazy[], position?: Position): Value;
	/** `this`, as built-in operations see it. */
	protected abstract readonly runtime: Runtime;
	/** Names near one that does not exist. */
	protected abstract suggest(name: string, names: Iterable<string>): readonly string[];

	/** What code will evaluate to: a value where that costs nothing, else a thunk. */
	delay(code: Code, env: Env): Lazy {
		let value: Lazy | undefined;
		switch (code.op) {
			case 0 satisfies typeof Op.constant:
				return code.a;
			case 1 satisfies typeof Op.slot:
				value = env[code.a] as Lazy | undefined;
				break;
			case 2 satisfies typeof Op.parentSlot:
				value = (env[0] as Env)[code.a] as Lazy | undefined;
				break;
			case 3 satisfies typeof Op.farSlot:
				value = farSlot(env, code.a, code.b);
				break;
			default:
				return new Thunk(code, env);
		}
		// A slot of an environment that is being filled may be empty still.
		if (value === undefined) return new Thunk(code, env);
		return value instanceof Thunk && value.code === null ? (value.payload as Value) : value;
	}

	protected delayAll(codes: readonly Code[], env: Env): Lazy[] {
		const size = codes.length;
		const values = new Array<Lazy>(size);
		for (let i = 0; i < size; i++) values[i] = this.delay(codes[i] as Code, env);
		return values;
	}

	/** Evaluates to weak head normal form. */
	force(value: Lazy, position: Position = 0): Value {
		return value instanceof Thunk ? this.forceThunk(value, position) : value;
	}

	protected forceThunk(thunk: Thunk, position: Position): Value {
		const code = thunk.code;
		if (code === null) return thunk.payload as Value;
		if (code === BLACKHOLE) throw this.#infiniteRecursion(thunk, position);
		if (code === FAILED) throw (thunk.payload as EvalError).again();
		thunk.code = BLACKHOLE;
		let value: Value;
		try {
			// A delayed call takes place where its result is needed.
			value =
				code === APPLY_THUNK
					? this.applyDelayed(thunk.payload as Env, position)
					: this.evaluate(code, thunk.payload as Env);
		} catch (error) {
			thunk.code = code;
			if (error instanceof EvalError) this.#fail(thunk, error);
			throw error;
		}
		thunk.code = null;
		thunk.payload = value;
		return value;
	}

	protected applyDelayed(env: Env, position: Position): Value {
		if (env.length === 3) return this.call(env[1] as Lazy, env[2] as Lazy, position);
		return this.callFunction(env[1] as Lazy, env.slice(2) as Lazy[], position);
	}

	/** Where a value comes from, as far as that is known without evaluating it. */
	protected determinePosition(value: Lazy): Position {
		if (value instanceof Lambda) return value.code.position;
		if (!(value instanceof Thunk)) return 0;
		const { code, payload } = value;
		if (code === null) return this.determinePosition(payload as Value);
		return code === APPLY_THUNK ? this.determinePosition((payload as Env)[1] as Lazy) : 0;
	}

	/** Keeps the error of a thunk, so that nothing is evaluated (and traced) again. */
	#fail(thunk: Thunk, error: EvalError): void {
		if (error.culprit === thunk) {
			error.culprit = undefined;
			error.withFrame(0, "entering the infinite recursion", "always");
		}
		// With more stack, or when the world has changed, it may succeed.
		if (error.kind === "stackOverflow" || error.kind === "io") return;
		thunk.code = FAILED;
		thunk.payload = error;
	}

	#infiniteRecursion(thunk: Thunk, position: Position): EvalError {
		const error = this.error("infiniteRecursion", "infinite recursion encountered", { position });
		error.culprit = thunk;
		return error;
	}

	lazy(compute: () => Value): Thunk {
		return new Thunk(NATIVE_THUNK, [null, compute as unknown as Lazy]);
	}

	lazyCall(fn: Lazy, ...args: Lazy[]): Thunk {
		return new Thunk(APPLY_THUNK, [null, fn, ...args]);
	}

	/** Evaluates an operand; `what` becomes a frame where that fails. */
	protected operand(code: Code, env: Env, what: string): Value {
		try {
			return this.evaluate(code, env);
		} catch (error) {
			throw addFrame(error, code.position, what);
		}
	}

	/** "expected X but found Y". */
	protected typeError(expected: string, value: Value, position: Position): EvalError {
		const message = `expected ${expected} but found ${describeType(value)}: ${this.printBrief(value)}`;
		return this.error("type", message, { position });
	}
}

/** The variable in a slot, some environments up. */
export function farSlot(env: Env, slot: number, level: number): Lazy {
	let at = env;
	for (let i = level; i > 0; i--) at = at[0] as Env;
	return at[slot] as Lazy;
}
