/** Attribute sets: literals, selection, `?` and variables from `with`. Layer 1, pure. */

import type { AttrName } from "../syntax/ast.ts";
import type { Position } from "../syntax/position.ts";
import { printAttrPath, printIdentifier } from "../syntax/print-expr.ts";
import { Attrs, AttrsBuilder, mergeAttrs } from "../value/attrs.ts";
import { Thunk } from "../value/thunk.ts";
import type { Lazy, Value } from "../value/value.ts";
import { Calls } from "./calls.ts";
import {
	type AttrsCode,
	type Bindings,
	BLACKHOLE,
	type Code,
	type DynamicAttrsCode,
	type HasAttrCode,
	type RecursiveAttrsCode,
	type SelectCode,
	type SelectPathCode,
	type WithLookupCode,
} from "./code.ts";
import { allocateEnv, type Env } from "./environment.ts";
import { EvalError } from "./error.ts";

export abstract class AttributeOperations extends Calls {
	protected lookupWith(code: WithLookupCode, start: Env): Lazy {
		const levels = code.b;
		let env = start;
		let level = 0;
		for (let i = 0; i < levels.length; i++) {
			for (; level < (levels[i] as number); level++) env = env[0] as Env;
			const scope = this.#withScope(env, code.c[i] as Position);
			const value = scope.get(code.a);
			if (value !== undefined) return value;
		}
		throw this.error("undefinedVariable", `undefined variable '${printIdentifier(code.a)}'`, {
			position: code.position,
		});
	}

	#withScope(env: Env, position: Position): Attrs {
		const lazy = env[1] as Lazy;
		if (lazy instanceof Attrs) return lazy;
		const scope = this.force(lazy, position);
		if (!(scope instanceof Attrs)) {
			const error = this.typeError("a set", scope, 0);
			throw error.withFrame(position, "while evaluating the first subexpression of a with expression");
		}
		env[1] = scope;
		return scope;
	}

	protected select(code: SelectCode, env: Env): Value {
		const subject = this.operand(code.a, env, "while selecting an attribute");
		if (!(subject instanceof Attrs)) throw this.#selectFailed(code, subject);
		const shape = subject.layerShape;
		let value: Lazy | undefined;
		if (shape === code.c) value = subject.layerValue(code.d);
		else {
			const at = shape.indexOf(code.b);
			if (at >= 0) {
				code.c = shape;
				code.d = at;
				value = subject.layerValue(at);
			} else value = subject.get(code.b);
		}
		if (value === undefined) throw this.#selectFailed(code, subject);
		if (!(value instanceof Thunk)) return value;
		if (value.code === null) return value.payload as Value;
		try {
			if (value.code !== BLACKHOLE) return this.forceThunk(value, code.position);
			return this.#forceRunning(value, code.position, subject.positionOf(code.b));
		} catch (error) {
			const definition = subject.positionOf(code.b);
			throw this.#addSelectFrames(error, { position: code.position, definition, path: [code.b], found: 1 });
		}
	}

	/** Fails: an attribute that is being evaluated is needed. The error's position is the definition's where that is known. */
	#forceRunning(thunk: Thunk, position: Position, definition: Position): Value {
		return this.forceThunk(thunk, definition === 0 ? position : definition);
	}

	#selectFailed(code: SelectCode, subject: Value): unknown {
		const at = { position: code.position, definition: 0, path: [code.b], found: 0 };
		if (subject instanceof Attrs) return this.#addSelectFrames(this.#missing(code.b, subject), at);
		const error = this.typeError("a set", subject, 0);
		return this.#addSelectFrames(error.withFrame(code.position, "while selecting an attribute"), at);
	}

	#missing(name: string, subject: Attrs): EvalError {
		const suggestions = this.suggest(name, subject.names);
		return this.error("eval", `attribute '${printIdentifier(name)}' missing`, { suggestions });
	}

	#addSelectFrames(
		error: unknown,
		at: {
			position: Position;
			definition: Position;
			path: readonly AttrName[];
			found: number;
		},
	): unknown {
		if (!(error instanceof EvalError)) return error;
		if (at.definition !== 0) {
			error.withFrame(at.definition, `from the definition of '${printAttrPath(at.path.slice(0, at.found))}'`);
		}
		return error.withFrame(at.position, `while evaluating the attribute '${printAttrPath(at.path)}'`);
	}

	/** Selects by path; undefined where something is missing and there is a fallback. */
	protected selectPath(code: SelectPathCode, env: Env): Value | undefined {
		let value: Lazy = this.operand(code.a, env, "while selecting an attribute");
		const steps = code.b;
		let holder: Attrs | undefined;
		let last = "";
		let i = 0;
		try {
			for (; i < steps.length; i++) {
				const name = this.#attrName(code, i, env);
				const subject = this.force(value, code.position);
				let next: Lazy | undefined;
				if (subject instanceof Attrs) {
					const shape = subject.layerShape;
					if (shape === code.d.shapes[i] && typeof steps[i] === "string") {
						next = subject.layerValue(code.d.indexes[i] as number);
					} else {
						const at = shape.indexOf(name);
						if (at >= 0) {
							code.d.shapes[i] = shape;
							code.d.indexes[i] = at;
							next = subject.layerValue(at);
						} else next = subject.get(name);
					}
					if (next !== undefined) {
						value = next;
						holder = subject;
						last = name;
						continue;
					}
				}
				if (code.c !== null) return undefined;
				if (subject instanceof Attrs) throw this.#missing(name, subject);
				const error = this.typeError("a set", subject, 0);
				throw error.withFrame(code.position, "while selecting an attribute");
			}
			if (!(value instanceof Thunk)) return value;
			if (value.code !== BLACKHOLE) return this.forceThunk(value, code.position);
			return this.#forceRunning(value, code.position, holder?.positionOf(last) ?? 0);
		} catch (error) {
			const definition = holder?.positionOf(last) ?? 0;
			throw this.#addSelectFrames(error, {
				position: code.position,
				definition,
				path: this.#shownPath(code, env),
				found: i,
			});
		}
	}

	/** The path for a message, with the names of dynamic parts where they can be had. */
	#shownPath(code: SelectPathCode, env: Env): SelectPathCode["d"]["path"] {
		return code.d.path.map((name, i) => {
			if (typeof name === "string") return name;
			try {
				return this.#attrName(code, i, env);
			} catch (error) {
				if (error instanceof EvalError) return name;
				throw error;
			}
		});
	}

	#attrName(code: SelectPathCode | HasAttrCode, step: number, env: Env): string {
		const name = code.b[step] as string | Code;
		if (typeof name === "string") return name;
		const value = this.evaluate(name, env);
		return this.runtime.expectPlainString(value, name.position, "while evaluating an attribute name");
	}

	protected hasAttr(code: HasAttrCode, env: Env): boolean {
		let value: Lazy = this.operand(code.a, env, "in the argument of '?'");
		for (let i = 0; i < code.b.length; i++) {
			const subject = this.force(value, code.position);
			const name = this.#attrName(code, i, env);
			const next = subject instanceof Attrs ? subject.get(name) : undefined;
			if (next === undefined) return false;
			value = next;
		}
		return true;
	}

	/** The environment of a `let` or `rec`. */
	protected bindSlots(bindings: Bindings, env: Env): Env {
		const { codes, outer, sources } = bindings;
		const count = codes.length;
		const inner = allocateEnv(env, count + sources.length);
		for (let i = 0; i < sources.length; i++) inner[count + 1 + i] = this.delay(sources[i] as Code, inner);
		if (outer === null) for (let i = 0; i < count; i++) inner[i + 1] = this.delay(codes[i] as Code, inner);
		else {
			for (let i = 0; i < count; i++) {
				inner[i + 1] = this.delay(codes[i] as Code, outer[i] === true ? env : inner);
			}
		}
		return inner;
	}

	protected makeAttrs(code: AttrsCode, start: Env): Attrs {
		let env = start;
		if (code.d !== null) env = [start, ...this.delayAll(code.d, start)];
		return new Attrs(code.a, this.delayAll(code.b, env), code.c);
	}

	protected makeRecursiveAttrs(code: RecursiveAttrsCode, inner: Env): Attrs {
		return new Attrs(code.a, inner.slice(1, code.a.names.length + 1) as Lazy[], code.c);
	}

	protected makeDynamicAttrs(code: DynamicAttrsCode, start: Env): Attrs {
		let env = start;
		let attrs: Attrs;
		if (code.a.op === 15) {
			env = this.bindSlots(code.a.b, start);
			attrs = this.#override(code.a, env);
		} else {
			if (code.a.d !== null) env = [start, ...this.delayAll(code.a.d, start)];
			attrs = new Attrs(code.a.a, this.delayAll(code.a.b, env), code.a.c);
		}
		const builder = new AttrsBuilder();
		for (const { name, value, position } of code.b) {
			const key = this.force(this.evaluate(name, env), position);
			if (key === null) continue;
			const text = this.runtime.expectPlainString(key, position, "while evaluating the name of a dynamic attribute");
			const earlier = builder.positionOf(text) ?? (attrs.has(text) ? attrs.positionOf(text) : undefined);
			if (earlier !== undefined) {
				const where = this.runtime.describe(earlier);
				const message = `dynamic attribute '${printIdentifier(text)}' already defined at ${where}`;
				throw this.error("eval", message, { position });
			}
			builder.set(text, this.delay(value, env), position);
		}
		return mergeAttrs(attrs, builder.build());
	}

	/** A `rec` set with its `__overrides` applied, which the other attributes see. */
	#override(code: RecursiveAttrsCode, inner: Env): Attrs {
		const at = code.a.indexOf("__overrides");
		if (at < 0) return this.makeRecursiveAttrs(code, inner);
		// What was avoided as a thunk may have taken a value that is overridden.
		const { codes, outer } = code.b;
		for (let i = 0; i < codes.length; i++) {
			if (outer?.[i] !== true) inner[i + 1] = new Thunk(codes[i] as Code, inner);
		}
		const what = "while evaluating the `__overrides` attribute";
		const overrides = this.runtime.expectAttrs(inner[at + 1] as Lazy, 0, what);
		for (const [i, name] of overrides.names.entries()) {
			const slot = code.a.indexOf(name);
			if (slot >= 0) inner[slot + 1] = overrides.values[i];
		}
		return mergeAttrs(this.makeRecursiveAttrs(code, inner), overrides);
	}
}
