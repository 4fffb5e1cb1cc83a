/**
 * What the interpreter runs: the tree that the binder makes from the syntax tree. Layer 1, pure.
 *
 * Nodes have operands `a` to `d`, as instructions of a machine have; the interfaces below say what they mean. Every node
 * must be made by a literal with the keys `op, position, a, b, c, d` in this order: then V8 sees a single object layout in
 * the interpreter's loop. Its switch has literal numbers, checked against {@link Op} by `satisfies`, because only those make
 * a jump table.
 */

import type { AttrName, Expr } from "../syntax/ast.ts";
import type { Position } from "../syntax/position.ts";
import type { AttrOrigin } from "../value/attrs.ts";
import type { PrimOp } from "../value/function.ts";
import type { Shape } from "../value/shape.ts";
import type { Lazy, Value } from "../value/value.ts";
import type { Env } from "./environment.ts";
import type { ReadSet } from "./read-sets.ts";

export const Op = {
	constant: 0,
	slot: 1,
	parentSlot: 2,
	farSlot: 3,
	global: 4,
	withLookup: 5,
	select: 6,
	selectPath: 7,
	hasAttr: 8,
	call1: 9,
	call2: 10,
	callN: 11,
	lambda: 12,
	let: 13,
	attrs: 14,
	recursiveAttrs: 15,
	dynamicAttrs: 16,
	list: 17,
	with: 18,
	if: 19,
	assert: 20,
	not: 21,
	equal: 22,
	notEqual: 23,
	and: 24,
	or: 25,
	implies: 26,
	update: 27,
	concatLists: 28,
	interpolate: 29,
	plus: 30,
	subtract: 31,
	multiply: 32,
	divide: 33,
	lessThan: 34,
	curPos: 35,
	blackhole: 36,
	applyThunk: 37,
	nativeThunk: 38,
	failed: 39,
	tracked: 40,
} as const;

interface Base {
	/** The position Nix gives to the expression, 0 where it gives none. */
	readonly position: Position;
	readonly a: unknown;
	readonly b: unknown;
	readonly c: unknown;
	readonly d: unknown;
}

/** `a` is the value. */
export interface ConstantCode extends Base {
	readonly op: typeof Op.constant;
	readonly a: Value;
}

/** The variable in slot `a` of the current environment. */
export interface SlotCode extends Base {
	readonly op: typeof Op.slot;
	readonly a: number;
}

/** The variable in slot `a` of the parent environment. */
export interface ParentSlotCode extends Base {
	readonly op: typeof Op.parentSlot;
	readonly a: number;
}

/** The variable in slot `a`, `b` environments up (at least 2). */
export interface FarSlotCode extends Base {
	readonly op: typeof Op.farSlot;
	readonly a: number;
	readonly b: number;
}

/** A global whose value `a` may be a thunk. */
export interface GlobalCode extends Base {
	readonly op: typeof Op.global;
	readonly a: Lazy;
}

/** The variable `a`, looked up in the `with` environments that are `b[i]` levels up, in this order. */
export interface WithLookupCode extends Base {
	readonly op: typeof Op.withLookup;
	readonly a: string;
	readonly b: readonly number[];
	/** Positions of the `with` expressions. */
	readonly c: readonly Position[];
}

/** `a.b`; `c` and `d` remember the last shape and the index in it. */
export interface SelectCode extends Base {
	readonly op: typeof Op.select;
	readonly a: Code;
	readonly b: string;
	c: Shape | null;
	d: number;
}

/** An attribute path: names, or codes that give them. */
export type PathCode = readonly (string | Code)[];

/** `a.b₁.b₂…`, or `… or c` where `c` is not null. */
export interface SelectPathCode extends Base {
	readonly op: typeof Op.selectPath;
	readonly a: Code;
	readonly b: PathCode;
	readonly c: Code | null;
	readonly d: PathCache;
}

/** What a selection by path remembers. */
export interface PathCache {
	/** For each step the last shape and the index in it. */
	readonly shapes: (Shape | null)[];
	readonly indexes: number[];
	/** The path as written, for messages. */
	readonly path: readonly AttrName[];
}

/** `a ? b₁.b₂…`. */
export interface HasAttrCode extends Base {
	readonly op: typeof Op.hasAttr;
	readonly a: Code;
	readonly b: PathCode;
}

/** `a b`. */
export interface Call1Code extends Base {
	readonly op: typeof Op.call1;
	readonly a: Code;
	readonly b: Code;
}

/** `a b c`. */
export interface Call2Code extends Base {
	readonly op: typeof Op.call2;
	readonly a: Code;
	readonly b: Code;
	readonly c: Code;
}

/** `a b₁ b₂ …`, three arguments or more. */
export interface CallNCode extends Base {
	readonly op: typeof Op.callN;
	readonly a: Code;
	readonly b: readonly Code[];
}

export interface LambdaNode extends Base {
	readonly op: typeof Op.lambda;
	readonly a: LambdaCode;
}

/** The definitions of a `let`, or of a `rec` set. */
export interface Bindings {
	/** Codes of the slots from 1 on. */
	readonly codes: readonly Code[];
	/** Which codes belong to the outer environment (`inherit x`); null where none does. */
	readonly outer: readonly boolean[] | null;
	/** Codes of `inherit (e)` sources, which come in the slots after the others. */
	readonly sources: readonly Code[];
}

/** `let a in b`. */
export interface LetCode extends Base {
	readonly op: typeof Op.let;
	readonly a: Bindings;
	readonly b: Code;
}

/** `{ … }` with the names of shape `a`, in that order the codes `b`. */
export interface AttrsCode extends Base {
	readonly op: typeof Op.attrs;
	readonly a: Shape;
	readonly b: readonly Code[];
	readonly c: AttrOrigin;
	/** Sources of `inherit (e)`: where not null, `b` runs in an environment of its own, with these from slot 1 on. */
	readonly d: readonly Code[] | null;
}

/** `rec { … }`; slots are in the order of the shape `a`. */
export interface RecursiveAttrsCode extends Base {
	readonly op: typeof Op.recursiveAttrs;
	readonly a: Shape;
	readonly b: Bindings;
	readonly c: AttrOrigin;
}

/** A set `a` (an attrs or recursiveAttrs node) with dynamic attributes `b` or `__overrides`. */
export interface DynamicAttrsCode extends Base {
	readonly op: typeof Op.dynamicAttrs;
	readonly a: AttrsCode | RecursiveAttrsCode;
	readonly b: readonly { readonly name: Code; readonly value: Code; readonly position: Position }[];
}

export interface ListCode extends Base {
	readonly op: typeof Op.list;
	readonly a: readonly Code[];
}

/** `with a; b`. */
export interface WithCode extends Base {
	readonly op: typeof Op.with;
	readonly a: Code;
	readonly b: Code;
}

/** `if a then b else c`. */
export interface IfCode extends Base {
	readonly op: typeof Op.if;
	readonly a: Code;
	readonly b: Code;
	readonly c: Code;
}

/** `assert a; b`, where `c` is the condition as written. */
export interface AssertCode extends Base {
	readonly op: typeof Op.assert;
	readonly a: Code;
	readonly b: Code;
	readonly c: Expr;
}

export interface NotCode extends Base {
	readonly op: typeof Op.not;
	readonly a: Code;
}

/** An operation on the operands `a` and `b`. */
export interface BinaryCode<O extends number> extends Base {
	readonly op: O;
	readonly a: Code;
	readonly b: Code;
}

/** A built-in operation `c` on `a` and `b`, done here where both are small integers. */
export interface ArithmeticCode<O extends number> extends Base {
	readonly op: O;
	readonly a: Code;
	readonly b: Code;
	readonly c: PrimOp;
}

/** The parts `a` (at positions `b`) as one string, or, unless `c`, as what the first part's type makes of it. */
export interface InterpolateCode extends Base {
	readonly op: typeof Op.interpolate;
	readonly a: readonly Code[];
	readonly b: readonly Position[];
	readonly c: boolean;
}

/** `a + b`; `c` and `d` are the operands' positions. */
export interface PlusCode extends Base {
	readonly op: typeof Op.plus;
	readonly a: Code;
	readonly b: Code;
	readonly c: Position;
	readonly d: Position;
}

export interface CurPosCode extends Base {
	readonly op: typeof Op.curPos;
}

/** What a thunk that is being evaluated holds. */
export interface BlackholeCode extends Base {
	readonly op: typeof Op.blackhole;
}

/** Calls the function and arguments that lie in the environment's slots. */
export interface ApplyThunkCode extends Base {
	readonly op: typeof Op.applyThunk;
}

/** Calls the JavaScript function in the environment's slot 1. */
export interface NativeThunkCode extends Base {
	readonly op: typeof Op.nativeThunk;
}

/** What a thunk holds whose evaluation failed. */
export interface FailedCode extends Base {
	readonly op: typeof Op.failed;
}

/**
 * What a thunk holds that was evaluated, or failed (`d`), and depends on the reads `a`. `b` and `c` are the code and the
 * environment that it was made from, where they are kept.
 */
export interface TrackedCode extends Base {
	readonly op: typeof Op.tracked;
	readonly a: ReadSet;
	readonly b: Code | null;
	readonly c: Env | null;
	readonly d: boolean;
}

export type Code =
	| ConstantCode
	| SlotCode
	| ParentSlotCode
	| FarSlotCode
	| GlobalCode
	| WithLookupCode
	| SelectCode
	| SelectPathCode
	| HasAttrCode
	| Call1Code
	| Call2Code
	| CallNCode
	| LambdaNode
	| LetCode
	| AttrsCode
	| RecursiveAttrsCode
	| DynamicAttrsCode
	| ListCode
	| WithCode
	| IfCode
	| AssertCode
	| NotCode
	| BinaryCode<typeof Op.equal>
	| BinaryCode<typeof Op.notEqual>
	| BinaryCode<typeof Op.and>
	| BinaryCode<typeof Op.or>
	| BinaryCode<typeof Op.implies>
	| BinaryCode<typeof Op.update>
	| BinaryCode<typeof Op.concatLists>
	| ArithmeticCode<typeof Op.subtract>
	| ArithmeticCode<typeof Op.multiply>
	| ArithmeticCode<typeof Op.divide>
	| ArithmeticCode<typeof Op.lessThan>
	| InterpolateCode
	| PlusCode
	| CurPosCode
	| BlackholeCode
	| FailedCode
	| TrackedCode
	| ApplyThunkCode
	| NativeThunkCode;

/** One formal of a set pattern. */
export interface FormalCode {
	readonly name: string;
	readonly position: Position;
	readonly hasDefault: boolean;
	/** The default, run in the function's environment; null where there is none. */
	readonly fallback: Code | null;
}

/** A function's code. Its environment has the whole argument first (where it has a name), then the formals. */
export class LambdaCode {
	/** What the function was bound to. */
	readonly name: string | undefined;
	readonly argName: string | undefined;
	readonly formals: { readonly entries: readonly FormalCode[]; readonly ellipsis: boolean } | undefined;
	readonly position: Position;
	body: Code;
	/** The shape of the last argument and where in it the formals lie (-1: missing), for functions with a set pattern. */
	cachedShape: Shape | null = null;
	cachedIndexes: readonly number[] = [];

	constructor(fields: Pick<LambdaCode, "name" | "argName" | "formals" | "position" | "body">) {
		this.name = fields.name;
		this.argName = fields.argName;
		this.formals = fields.formals;
		this.position = fields.position;
		this.body = fields.body;
	}
}

export const BLACKHOLE: Code = { op: Op.blackhole, position: 0, a: null, b: null, c: null, d: null };
export const FAILED: Code = { op: Op.failed, position: 0, a: null, b: null, c: null, d: null };
export const APPLY_THUNK: Code = { op: Op.applyThunk, position: 0, a: null, b: null, c: null, d: null };
export const NATIVE_THUNK: Code = { op: Op.nativeThunk, position: 0, a: null, b: null, c: null, d: null };
