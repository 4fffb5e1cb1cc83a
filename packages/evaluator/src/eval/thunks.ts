/**
 * Thunks: making and forcing them. Layer 1, pure. The lowest part of the interpreter; the others build on it:
 * Thunks ← Calls ← AttributeOperations ← Interpreter.
 */

import type { Position } from "../syntax/position.ts";
import { Lambda } from "../value/function.ts";
import { Thunk } from "../value/thunk.ts";
import { describeType } from "../value/type-name.ts";
import type { Lazy, Value } from "../value/value.ts";
import { APPLY_THUNK, BLACKHOLE, type Code, FAILED, NATIVE_THUNK, Op, type TrackedCode } from "./code.ts";
import type { Env } from "./environment.ts";
import { type ReadSet, ReadTracker } from "./read-sets.ts";
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

	/** What was read by the evaluations under way. */
	readonly reads: ReadTracker = new ReadTracker();

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
		if (code.op === Op.tracked) return this.#forceTracked(thunk, code, position);
		if (code === BLACKHOLE) throw this.#infiniteRecursion(thunk, position);
		if (code === FAILED) throw (thunk.payload as EvalError).again();
		const env = thunk.payload as Env;
		thunk.code = BLACKHOLE;
		let value: Value;
		this.reads.begin();
		try {
			// A delayed call takes place where its result is needed.
			value = code === APPLY_THUNK ? this.applyDelayed(env, position) : this.evaluate(code, env);
		} catch (error) {
			thunk.code = code;
			const reads = this.reads.end();
			if (error instanceof EvalError) this.#fail(thunk, error, reads);
			throw error;
		}
		const reads = this.reads.end();
		thunk.code = reads === null ? null : this.#tracked({ code, env, reads, failed: false });
		thunk.payload = value;
		return value;
	}

	/** The outcome of an evaluation that depends on what was read, unless that is stale. */
	#forceTracked(thunk: Thunk, { a: reads, b: code, c: env, d: failed }: TrackedCode, position: Position): Value {
		if (reads.stale && code !== null) {
			thunk.code = code;
			thunk.payload = env;
			return this.forceThunk(thunk, position);
		}
		this.reads.meet(reads);
		if (failed) throw (thunk.payload as EvalError).again();
		return thunk.payload as Value;
	}

	#tracked(outcome: { code: Code; env: Env; reads: ReadSet; failed: boolean }): Code {
		const { code, env, reads, failed } = outcome;
		if (!this.reads.renewable) return failed ? reads.failed : reads.succeeded;
		return { op: Op.tracked, position: 0, a: reads, b: code, c: env, d: failed };
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
		if (value.evaluated) return this.determinePosition(payload as Value);
		return code === APPLY_THUNK ? this.determinePosition((payload as Env)[1] as Lazy) : 0;
	}

	/** Keeps the error of a thunk, so that nothing is evaluated (and traced) again. */
	#fail(thunk: Thunk, error: EvalError, reads: ReadSet | null): void {
		if (error.culprit === thunk) {
			error.culprit = undefined;
			error.withFrame(0, "entering the infinite recursion", "always");
		}
		// What the others of a circle depend on is only known to the one that it began with.
		if (error.culprit !== undefined) return;
		// With more stack, or when the world has changed, it may succeed.
		if (error.kind === "stackOverflow" || error.kind === "io") return;
		const code = thunk.code as Code;
		const env = thunk.payload as Env;
		thunk.code = reads === null ? FAILED : this.#tracked({ code, env, reads, failed: true });
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
