/**
 * The interpreter: runs code, forces thunks, calls functions. Layer 1, pure.
 *
 * `evaluate` loops where an expression's value is that of a part of it (`let`, `with`, `if`, `assert`) and recurses
 * elsewhere; what needs many variables or a `try` is a method of its own, so that the frame of the loop stays small and
 * deep recursion cheap. Evaluation order and error messages are Nix's.
 */

import type { Position } from "../syntax/position.ts";
import { Attrs, mergeAttrs } from "../value/attrs.ts";
import { Lambda, PartialApplication, PrimOp } from "../value/function.ts";
import { Thunk } from "../value/thunk.ts";
import { isList, type Lazy, type List, type Value } from "../value/value.ts";
import { AttributeOperations } from "./attribute-operations.ts";
import type { ArithmeticCode, AssertCode, Code, InterpolateCode, Op, PlusCode } from "./code.ts";
import type { Env } from "./environment.ts";
import { addFrame } from "./error.ts";
import { farSlot } from "./thunks.ts";

export abstract class Interpreter extends AttributeOperations {
	abstract equal(a: Lazy, b: Lazy, position: Position, what: string): boolean;
	/** Concatenates parts as `+` and interpolation do, from the first one's type on. */
	protected abstract concatenate(code: InterpolateCode | PlusCode, first: Value, env: Env): Value;
	/** Throws the error of an assertion that does not hold. */
	protected abstract failAssertion(code: AssertCode, env: Env): never;
	protected abstract positionValue(position: Position): Value;

	/** Evaluates code to weak head normal form. */
	override evaluate(start: Code, startEnv: Env): Value {
		let code = start;
		let env = startEnv;
		for (;;) {
			switch (code.op) {
				case 0 satisfies typeof Op.constant:
					return code.a;
				case 1 satisfies typeof Op.slot: {
					const value = env[code.a] as Lazy;
					return value instanceof Thunk ? this.forceThunk(value, code.position) : value;
				}
				case 2 satisfies typeof Op.parentSlot: {
					const value = (env[0] as Env)[code.a] as Lazy;
					return value instanceof Thunk ? this.forceThunk(value, code.position) : value;
				}
				case 3 satisfies typeof Op.farSlot:
					return this.force(farSlot(env, code.a, code.b), code.position);
				case 4 satisfies typeof Op.global:
					return this.force(code.a, code.position);
				case 5 satisfies typeof Op.withLookup:
					return this.force(this.lookupWith(code, env), code.position);
				case 6 satisfies typeof Op.select:
					return this.select(code, env);
				case 7 satisfies typeof Op.selectPath: {
					const value = this.selectPath(code, env);
					if (value !== undefined) return value;
					code = code.c as Code;
					continue;
				}
				case 8 satisfies typeof Op.hasAttr:
					return this.hasAttr(code, env);
				case 9 satisfies typeof Op.call1:
					return this.call(this.evaluate(code.a, env), this.delay(code.b, env), code.position);
				case 10 satisfies typeof Op.call2: {
					const fn = this.evaluate(code.a, env);
					return this.call2(fn, this.delay(code.b, env), this.delay(code.c, env), code.position);
				}
				case 11 satisfies typeof Op.callN: {
					const fn = this.evaluate(code.a, env);
					return this.callFunction(fn, this.delayAll(code.b, env), code.position);
				}
				case 12 satisfies typeof Op.lambda:
					return new Lambda(code.a, env);
				case 13 satisfies typeof Op.let:
					env = this.bindSlots(code.a, env);
					code = code.b;
					continue;
				case 14 satisfies typeof Op.attrs:
					return this.makeAttrs(code, env);
				case 15 satisfies typeof Op.recursiveAttrs:
					return this.makeRecursiveAttrs(code, this.bindSlots(code.b, env));
				case 16 satisfies typeof Op.dynamicAttrs:
					return this.makeDynamicAttrs(code, env);
				case 17 satisfies typeof Op.list:
					return this.delayAll(code.a, env);
				case 18 satisfies typeof Op.with:
					env = [env, this.delay(code.a, env)];
					code = code.b;
					continue;
				case 19 satisfies typeof Op.if:
					code = this.#bool(code.a, env, "while evaluating a branch condition") ? code.b : code.c;
					continue;
				case 20 satisfies typeof Op.assert:
					if (!this.#bool(code.a, env, "in the condition of the assert statement")) this.failAssertion(code, env);
					code = code.b;
					continue;
				case 21 satisfies typeof Op.not:
					return !this.#bool(code.a, env, "in the argument of '!'");
				case 22 satisfies typeof Op.equal:
					return this.#equal(code, env, "==");
				case 23 satisfies typeof Op.notEqual:
					return !this.#equal(code, env, "!=");
				case 24 satisfies typeof Op.and:
					if (!this.#bool(code.a, env, "in the left operand of '&&'")) return false;
					return this.#bool(code.b, env, "in the right operand of '&&'");
				case 25 satisfies typeof Op.or:
					if (this.#bool(code.a, env, "in the left operand of '||'")) return true;
					return this.#bool(code.b, env, "in the right operand of '||'");
				case 26 satisfies typeof Op.implies:
					if (!this.#bool(code.a, env, "in the left operand of '->'")) return true;
					return this.#bool(code.b, env, "in the right operand of '->'");
				case 27 satisfies typeof Op.update:
					return this.#update(code, env);
				case 28 satisfies typeof Op.concatLists:
					return this.#concatLists(code, env);
				case 29 satisfies typeof Op.interpolate:
					return this.concatenate(code, this.operand(code.a[0] as Code, env, IN_PLUS), env);
				case 30 satisfies typeof Op.plus:
					return this.#plus(code, env);
				case 31 satisfies typeof Op.subtract:
				case 32 satisfies typeof Op.multiply:
				case 33 satisfies typeof Op.divide:
				case 34 satisfies typeof Op.lessThan:
					return this.#arithmetic(code, env);
				case 35 satisfies typeof Op.curPos:
					return this.positionValue(code.position);
				case 36 satisfies typeof Op.blackhole:
					throw this.error("infiniteRecursion", "infinite recursion encountered");
				case 37 satisfies typeof Op.applyThunk:
					return this.applyDelayed(env, 0);
				case 39 satisfies typeof Op.failed:
				case 40 satisfies typeof Op.tracked:
					throw new Error("the state of an evaluated thunk is never run");
				case 38 satisfies typeof Op.nativeThunk:
					return (env[1] as unknown as () => Value)();
				default:
					throw new Error(`unknown operation: ${(code as Code).op}`);
			}
		}
	}

	#bool(code: Code, env: Env, what: string): boolean {
		try {
			const value = this.evaluate(code, env);
			if (value === true || value === false) return value;
			throw this.typeError("a Boolean", value, code.position);
		} catch (error) {
			throw addFrame(error, code.position, what);
		}
	}

	#equal(code: { a: Code; b: Code; position: Position }, env: Env, operator: "==" | "!="): boolean {
		const left = this.operand(
			code.a,
			env,
			operator === "==" ? "in the left operand of '=='" : "in the left operand of '!='",
		);
		const right = this.operand(
			code.b,
			env,
			operator === "==" ? "in the right operand of '=='" : "in the right operand of '!='",
		);
		if (typeof left === "string" && typeof right === "string") return left === right;
		if (left === null || typeof left !== "object") {
			if (right === null || typeof right !== "object") return left === right;
		}
		// A function is not even equal to itself where it is compared directly.
		if (left instanceof Lambda || left instanceof PrimOp || left instanceof PartialApplication) return false;
		const what =
			operator === "==" ? "while testing two values for equality" : "while testing two values for inequality";
		return this.equal(left, right, code.position, what);
	}

	#update(code: { a: Code; b: Code }, env: Env): Attrs {
		const right = this.#updateOperand(code.b, env, "in the right operand of '//'");
		const left = this.#updateOperand(code.a, env, "in the left operand of '//'");
		return mergeAttrs(left, right);
	}

	#updateOperand(code: Code, env: Env, what: string): Attrs {
		if (code.op === 27) return this.#update(code, env);
		try {
			const value = this.evaluate(code, env);
			if (value instanceof Attrs) return value;
			throw this.typeError("a set", value, 0);
		} catch (error) {
			throw addFrame(error, code.position, what);
		}
	}

	#concatLists(code: { a: Code; b: Code; position: Position }, env: Env): List {
		const left = this.operand(code.a, env, "in the left operand of '++'");
		const right = this.operand(code.b, env, "in the right operand of '++'");
		for (const value of [left, right]) {
			if (isList(value)) continue;
			const error = this.typeError("a list", value, 0);
			throw error.withFrame(code.position, "while evaluating one of the elements to concatenate");
		}
		const a = left as List;
		const b = right as List;
		return a.length === 0 ? b : b.length === 0 ? a : a.concat(b);
	}

	#plus(code: PlusCode, env: Env): Value {
		const left = this.operand(code.a, env, IN_PLUS);
		if (typeof left === "string") {
			const right = this.operand(code.b, env, IN_PLUS);
			if (typeof right === "string") return left + right;
		} else if (typeof left === "number") {
			const right = this.operand(code.b, env, IN_PLUS);
			if (typeof right === "number") {
				const sum = left + right;
				if (Number.isSafeInteger(sum)) return sum;
			}
		}
		return this.concatenate(code, left, env);
	}

	#arithmetic(code: ArithmeticCode<31 | 32 | 33 | 34>, env: Env): Value {
		let left: Value;
		let right: Value;
		try {
			left = this.evaluate(code.a, env);
			right = this.evaluate(code.b, env);
		} catch (error) {
			throw addFrame(error, code.position, `while calling the '${code.c.name}' builtin`);
		}
		if (typeof left === "number" && typeof right === "number") {
			if (code.op === 34) return left < right;
			const result = code.op === 31 ? left - right : code.op === 32 ? left * right : Math.trunc(left / right);
			// `+ 0` makes zero of negative zero; a division by zero is not finite.
			if (Number.isSafeInteger(result)) return result + 0;
		}
		return this.call2(code.c, left, right, code.position);
	}
}

const IN_PLUS = "in an operand of '+'";
