/**
 * The binder: syntax tree → code, with every variable resolved. Layer 1, pure.
 *
 * Undefined variables are found here, so that a file with one is refused before any of it runs. Known globals become
 * constants, and operators that Nix defines as calls (`a - b` is `__sub a b`) become operations unless the program has a
 * variable of that name.
 */

import { nearestNames, unreachable } from "@devenv/diagnostics";
import { type Bindings, type Code, LambdaCode, Op, type PathCode } from "../eval/code.ts";
import { EvalError } from "../eval/error.ts";
import {
	type AttrName,
	type AttrsExpr,
	type BinaryOperator,
	type CallExpr,
	type ConcatExpr,
	type Definition,
	type Expr,
	type InheritSource,
	type LambdaExpr,
	type SelectExpr,
	type VariableExpr,
} from "../syntax/ast.ts";
import { Attrs, ShapeOrigin } from "../value/attrs.ts";
import { PrimOp } from "../value/function.ts";
import { EMPTY_SHAPE, shapeOf } from "../value/shape.ts";
import { Thunk } from "../value/thunk.ts";
import { NixFloat, NixPath, type Value } from "../value/value.ts";
import { resolve, type Scope, type SlotScope, visibleNames } from "./scope.ts";

/** Compiles an expression for environments that match `scope`. Throws on undefined variables. */
export function compile(expr: Expr, scope: Scope): Code {
	switch (expr.kind) {
		case "variable":
			return compileVariable(expr, scope);
		case "string":
		case "int":
			return constant(expr.value);
		case "call":
			return compileCall(expr, scope);
		case "select":
			return compileSelect(expr, scope);
		case "concat":
			return compileConcat(expr, scope);
		case "attrs":
			return compileAttrs(expr, scope);
		case "list": {
			const elements = expr.elements.map((element) => compile(element, scope));
			if (elements.length === 0) return constant([]);
			return { op: Op.list, position: expr.position, a: elements, b: null, c: null, d: null };
		}
		case "lambda":
			return compileLambda(expr, scope);
		case "if": {
			const condition = compile(expr.condition, scope);
			const then = compile(expr.then, scope);
			return { op: Op.if, position: expr.position, a: condition, b: then, c: compile(expr.else, scope), d: null };
		}
		case "let": {
			const { inner, bindings } = compileBindings(expr.bindings, scope);
			return { op: Op.let, position: 0, a: bindings, b: compile(expr.body, inner), c: null, d: null };
		}
		case "with": {
			const subject = compile(expr.scope, scope);
			const body = compile(expr.body, { kind: "with", position: expr.position, parent: scope });
			return { op: Op.with, position: expr.position, a: subject, b: body, c: null, d: null };
		}
		case "assert": {
			const condition = compile(expr.condition, scope);
			const body = compile(expr.body, scope);
			return { op: Op.assert, position: expr.position, a: condition, b: body, c: expr.condition, d: null };
		}
		case "not": {
			const operand = compile(expr.operand, scope);
			return { op: Op.not, position: operand.position, a: operand, b: null, c: null, d: null };
		}
		case "binary": {
			const left = compile(expr.left, scope);
			const op = binaryOps[expr.operator];
			return { op, position: expr.position, a: left, b: compile(expr.right, scope), c: null, d: null };
		}
		case "hasAttr": {
			const subject = compile(expr.subject, scope);
			const path = compilePath(expr.path, scope);
			return { op: Op.hasAttr, position: subject.position, a: subject, b: path, c: null, d: null };
		}
		case "float":
			return constant(new NixFloat(expr.value));
		case "path":
			return constant(new NixPath(expr.path));
		case "curPos":
			return { op: Op.curPos, position: expr.position, a: null, b: null, c: null, d: null };
		default:
			return unreachable(expr);
	}
}

const binaryOps = {
	"==": Op.equal,
	"!=": Op.notEqual,
	"&&": Op.and,
	"||": Op.or,
	"->": Op.implies,
	"//": Op.update,
	"++": Op.concatLists,
} as const satisfies Record<BinaryOperator, number>;

function constant(value: Value): Code {
	return { op: Op.constant, position: 0, a: value, b: null, c: null, d: null };
}

function slot(index: number, level: number, position: number): Code {
	if (level === 0) return { op: Op.slot, position, a: index, b: null, c: null, d: null };
	if (level === 1) return { op: Op.parentSlot, position, a: index, b: null, c: null, d: null };
	return { op: Op.farSlot, position, a: index, b: level, c: null, d: null };
}

function compileVariable(expr: VariableExpr, scope: Scope): Code {
	const { name, position } = expr;
	const found = resolve(name, scope);
	switch (found.kind) {
		case "slot":
			return slot(found.slot, found.level, position);
		case "global":
			if (found.value instanceof Thunk) {
				return { op: Op.global, position, a: found.value, b: null, c: null, d: null };
			}
			return { op: Op.constant, position, a: found.value, b: null, c: null, d: null };
		case "with":
			return { op: Op.withLookup, position, a: name, b: found.levels, c: found.positions, d: null };
		case "undefined":
			throw new EvalError("undefinedVariable", `undefined variable '${name}'`, {
				position,
				suggestions: nearestNames(name, visibleNames(scope)),
			});
		default:
			return unreachable(found);
	}
}

/** The built-in operation that an operator stands for; undefined where the program has a variable of its name. */
function operatorOf(expr: CallExpr, scope: Scope): { op: ArithmeticOp; primOp: PrimOp } | undefined {
	if (expr.fn.kind !== "variable" || expr.args.length !== 2) return undefined;
	const op = arithmeticOps.get(expr.fn.name);
	if (op === undefined) return undefined;
	const found = resolve(expr.fn.name, scope);
	if (found.kind !== "global" || !(found.value instanceof PrimOp)) return undefined;
	return { op, primOp: found.value };
}

type ArithmeticOp = typeof Op.subtract | typeof Op.multiply | typeof Op.divide | typeof Op.lessThan;

const arithmeticOps: ReadonlyMap<string, ArithmeticOp> = new Map<string, ArithmeticOp>([
	["__sub", Op.subtract],
	["__mul", Op.multiply],
	["__div", Op.divide],
	["__lessThan", Op.lessThan],
]);

function compileCall(expr: CallExpr, scope: Scope): Code {
	const { position } = expr;
	const operator = operatorOf(expr, scope);
	const [first, second] = expr.args as [Expr, Expr | undefined];
	if (operator !== undefined && second !== undefined) {
		const left = compile(first, scope);
		return { op: operator.op, position, a: left, b: compile(second, scope), c: operator.primOp, d: null };
	}
	const fn = compile(expr.fn, scope);
	if (second === undefined) return { op: Op.call1, position, a: fn, b: compile(first, scope), c: null, d: null };
	const args = expr.args.map((arg) => compile(arg, scope));
	if (args.length === 2) {
		return { op: Op.call2, position, a: fn, b: args[0] as Code, c: args[1] as Code, d: null };
	}
	return { op: Op.callN, position, a: fn, b: args, c: null, d: null };
}

function compilePath(path: readonly AttrName[], scope: Scope): PathCode {
	return path.map((name) => (typeof name === "string" ? name : compile(name, scope)));
}

function compileSelect(expr: SelectExpr, scope: Scope): Code {
	const { position, path } = expr;
	const subject = compile(expr.subject, scope);
	const name = path[0] as AttrName;
	if (path.length === 1 && typeof name === "string" && expr.fallback === undefined) {
		// `builtins.map` is a constant like `map`.
		if (subject.op === Op.constant && subject.a instanceof Attrs) {
			const value = subject.a.get(name);
			if (value !== undefined && !(value instanceof Thunk)) {
				return { op: Op.constant, position, a: value, b: null, c: null, d: null };
			}
		}
		return { op: Op.select, position, a: subject, b: name, c: null, d: -1 };
	}
	const steps = compilePath(path, scope);
	return {
		op: Op.selectPath,
		position,
		a: subject,
		b: steps,
		c: expr.fallback === undefined ? null : compile(expr.fallback, scope),
		d: { shapes: steps.map(() => null), indexes: steps.map(() => -1), path },
	};
}

function compileConcat(expr: ConcatExpr, scope: Scope): Code {
	const { parts, position } = expr;
	const [left, right] = parts;
	if (!expr.string && parts.length === 2 && left !== undefined && right !== undefined && left.value.kind !== "path") {
		const a = compile(left.value, scope);
		const b = compile(right.value, scope);
		return { op: Op.plus, position, a, b, c: left.position, d: right.position };
	}
	const codes: Code[] = [];
	const positions: number[] = [];
	let text: string | undefined;
	const flush = (): void => {
		if (text !== undefined) codes.push(constant(text));
		text = undefined;
	};
	for (const part of parts) {
		if (expr.string && part.value.kind === "string") {
			if (text === undefined) positions.push(part.position);
			text = (text ?? "") + part.value.value;
			continue;
		}
		flush();
		codes.push(compile(part.value, scope));
		positions.push(part.position);
	}
	flush();
	const only = codes[0];
	if (codes.length === 1 && only?.op === Op.constant && typeof only.a === "string") return only;
	return { op: Op.interpolate, position, a: codes, b: positions, c: expr.string, d: null };
}

function compileLambda(expr: LambdaExpr, scope: Scope): Code {
	const slots = new Map<string, number>();
	if (expr.parameter !== undefined) slots.set(expr.parameter, 1);
	for (const formal of expr.formals?.entries ?? []) slots.set(formal.name, slots.size + 1);
	const inner: SlotScope = { kind: "slots", slots, parent: scope };
	const formals =
		expr.formals === undefined
			? undefined
			: {
					ellipsis: expr.formals.ellipsis,
					entries: expr.formals.entries.map(({ name, position, fallback }) => ({
						name,
						position,
						hasDefault: fallback !== undefined,
						fallback: fallback === undefined ? null : compile(fallback, inner),
					})),
				};
	const lambda = new LambdaCode({
		name: expr.name,
		argName: expr.parameter,
		formals,
		position: expr.position,
		body: compile(expr.body, inner),
	});
	return { op: Op.lambda, position: expr.position, a: lambda, b: null, c: null, d: null };
}

function sortedDefinitions(attrs: AttrsExpr): Definition[] {
	const definitions = [...attrs.definitions.values()];
	for (let i = 1; i < definitions.length; i++) {
		if ((definitions[i - 1] as Definition).name >= (definitions[i] as Definition).name) {
			return definitions.sort((a, b) => (a.name < b.name ? -1 : 1));
		}
	}
	return definitions;
}

/** The slots of a set's `inherit (e)` sources, from `first` on. */
function numberSources(attrs: AttrsExpr, first: number): ReadonlyMap<InheritSource, number> {
	return attrs.sources.length === 0 ? NO_SOURCES : new Map(attrs.sources.map((source, i) => [source, first + i]));
}

const NO_SOURCES: ReadonlyMap<InheritSource, number> = new Map();

function originOf(definitions: readonly Definition[]): { names: string[]; positions: number[] } {
	return { names: definitions.map((each) => each.name), positions: definitions.map((each) => each.position) };
}

function compileAttrs(expr: AttrsExpr, scope: Scope): Code {
	if (expr.recursive) return compileRecursive(expr, scope);
	if (expr.definitions.size === 0 && expr.dynamic.length === 0 && expr.sources.length === 0) {
		return { op: Op.attrs, position: expr.position, a: EMPTY_SHAPE, b: NO_CODES, c: EMPTY_ORIGIN, d: null };
	}
	const definitions = sortedDefinitions(expr);
	const { names, positions } = originOf(definitions);
	const shape = shapeOf(names);
	const { sources } = expr;
	// Inherited from expressions: they lie in an environment of their own, which everything else then sees too.
	const sourceSlots = numberSources(expr, 1);
	const inner: Scope = sources.length === 0 ? scope : { kind: "slots", slots: NO_SLOTS, parent: scope };
	const codes = definitions.map((each) => {
		if (each.kind === "plain") return compile(each.value, inner);
		if (each.kind === "inherited") return compileVariable({ ...each, kind: "variable" }, inner);
		const from = slot(sourceSlots.get(each.source) as number, 0, each.source.position);
		return { op: Op.select, position: each.position, a: from, b: each.name, c: null, d: -1 } as const;
	});
	const attrs = {
		op: Op.attrs,
		position: expr.position,
		a: shape,
		b: codes,
		c: new ShapeOrigin(shape, positions),
		d: sources.length === 0 ? null : sources.map((source) => compile(source.expression, scope)),
	} as const;
	if (expr.dynamic.length === 0) return attrs;
	return { op: Op.dynamicAttrs, position: expr.position, a: attrs, b: compileDynamic(expr, inner), c: null, d: null };
}

const NO_CODES: readonly Code[] = [];
const EMPTY_ORIGIN = new ShapeOrigin(EMPTY_SHAPE, []);
const NO_SLOTS: ReadonlyMap<string, number> = new Map();

function compileDynamic(expr: AttrsExpr, scope: Scope): readonly { name: Code; value: Code; position: number }[] {
	return expr.dynamic.map(({ name, value, position }) => ({
		name: compile(name, scope),
		value: compile(value, scope),
		position,
	}));
}

function compileRecursive(expr: AttrsExpr, scope: Scope): Code {
	const { inner, bindings, definitions } = compileBindings(expr, scope);
	const { names, positions } = originOf(definitions);
	const shape = shapeOf(names);
	const attrs = {
		op: Op.recursiveAttrs,
		position: expr.position,
		a: shape,
		b: bindings,
		c: new ShapeOrigin(shape, positions),
		d: null,
	} as const;
	if (expr.dynamic.length === 0 && !expr.definitions.has("__overrides")) return attrs;
	return { op: Op.dynamicAttrs, position: expr.position, a: attrs, b: compileDynamic(expr, inner), c: null, d: null };
}

/** The definitions of a `let` or `rec`, sorted by name: slots 1 and up; then come the slots of the sources. */
function compileBindings(
	expr: AttrsExpr,
	scope: Scope,
): { inner: Scope; bindings: Bindings; definitions: readonly Definition[] } {
	const definitions = sortedDefinitions(expr);
	const slots = new Map<string, number>();
	for (const each of definitions) slots.set(each.name, slots.size + 1);
	const inner: SlotScope = { kind: "slots", slots, parent: scope };
	const sources = expr.sources.map((source) => compile(source.expression, inner));
	const sourceSlots = numberSources(expr, definitions.length + 1);
	const codes = definitions.map((each) => {
		if (each.kind === "plain") return compile(each.value, inner);
		if (each.kind === "inherited") return compileVariable({ ...each, kind: "variable" }, scope);
		const from = slot(sourceSlots.get(each.source) as number, 0, each.source.position);
		return { op: Op.select, position: each.position, a: from, b: each.name, c: null, d: -1 } as const;
	});
	const anyOuter = definitions.some((each) => each.kind === "inherited");
	const outer = anyOuter ? definitions.map((each) => each.kind === "inherited") : null;
	return { inner, bindings: { codes, outer, sources }, definitions };
}
