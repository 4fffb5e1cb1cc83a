/**
 * Thunks: expressions that are evaluated at most once, when their value is needed. Layer 1, pure.
 *
 * `code` is the state: an expression means "not evaluated", {@link BLACKHOLE} "being evaluated" (meeting it again is
 * infinite recursion), FAILED "failed", null "evaluated". `payload` is the environment, nothing, the error, or the value,
 * in this order. Where the value or the failure depends on what was read, the state is a TrackedCode. A thunk whose evaluation is broken off by something that is no error of the
 * program (the stack ran out, a bug) gets its code and environment back.
 */

import { type Code, Op } from "../eval/code.ts";
import type { EvalError } from "../eval/error.ts";
import type { Env } from "../eval/environment.ts";
import type { Value } from "./value.ts";

export class Thunk {
	code: Code | null;
	payload: Env | Value | EvalError;

	constructor(code: Code | null, payload: Env | Value | EvalError) {
		this.code = code;
		this.payload = payload;
	}

	/** Whether `payload` is the value: evaluated, and not for nothing. */
	get evaluated(): boolean {
		const { code } = this;
		return code === null || (code.op === Op.tracked && !code.d && !code.a.stale);
	}
}
