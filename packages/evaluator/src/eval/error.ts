/**
 * Evaluation errors: a kind with a stable code, Nix's wording, a position and trace frames. Layer 1, pure.
 *
 * Only the kinds `assertion` and `thrown` are caught by `builtins.tryEval`. Messages are byte strings like everything
 * in the evaluator; they become text at the border.
 */

import { NO_POSITION, type Position } from "../syntax/position.ts";
import type { Thunk } from "../value/thunk.ts";

export type EvalErrorKind =
	| "eval"
	| "type"
	| "assertion"
	| "thrown"
	| "abort"
	| "undefinedVariable"
	| "missingArgument"
	| "infiniteRecursion"
	| "stackOverflow"
	| "invalidPath"
	| "restricted"
	| "syntax"
	| "io";

const codes: Record<EvalErrorKind, string> = {
	eval: "EVAL_FAILED",
	type: "EVAL_TYPE",
	assertion: "EVAL_ASSERTION",
	thrown: "EVAL_THROWN",
	abort: "EVAL_ABORTED",
	undefinedVariable: "EVAL_UNDEFINED_VARIABLE",
	missingArgument: "EVAL_MISSING_ARGUMENT",
	infiniteRecursion: "EVAL_INFINITE_RECURSION",
	stackOverflow: "EVAL_STACK_OVERFLOW",
	invalidPath: "EVAL_INVALID_PATH",
	restricted: "EVAL_RESTRICTED",
	syntax: "EVAL_SYNTAX",
	io: "EVAL_IO",
};

/** One step of how evaluation came to an error: "while …". */
export interface TraceFrame {
	readonly position: Position;
	readonly message: string;
	/**
	 * `always` is shown even where the trace is cut (`builtins.addErrorContext`), `detail` only with `--show-trace`
	 * (function calls).
	 */
	readonly shown: FrameVisibility;
}

export type FrameVisibility = "always" | "normal" | "detail";

/** Frames are a linked list, so that copies of an error share them. */
interface TraceLink {
	readonly frame: TraceFrame;
	readonly inner: TraceLink | undefined;
}

export interface EvalErrorDetail {
	readonly position?: Position;
	/** Names near the one that does not exist. */
	readonly suggestions?: readonly string[];
	readonly cause?: unknown;
	/** Process exit status that goes with the error; 1 by default. */
	readonly status?: number;
}

export class EvalError extends Error {
	readonly kind: EvalErrorKind;
	/** Stable, `EVAL_…`. */
	readonly code: string;
	position: Position;
	#trace: TraceLink | undefined = undefined;
	readonly suggestions: readonly string[];
	/** For infinite recursion: the thunk that needs its own value. */
	culprit: Thunk | undefined = undefined;

	constructor(kind: EvalErrorKind, message: string, detail: EvalErrorDetail = {}) {
		super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
		this.name = "EvalError";
		this.kind = kind;
		this.code = codes[kind];
		this.position = detail.position ?? NO_POSITION;
		this.suggestions = detail.suggestions ?? [];
	}

	/** Whether `builtins.tryEval` turns it into `{ success = false; }`. */
	get catchable(): boolean {
		return this.kind === "assertion" || this.kind === "thrown";
	}

	/** How evaluation came to the error, innermost frame first. */
	get frames(): readonly TraceFrame[] {
		const frames: TraceFrame[] = [];
		for (let link = this.#trace; link !== undefined; link = link.inner) frames.push(link.frame);
		return frames.reverse();
	}

	/** The same error again, with the frames it has now: what a failed thunk gives whoever needs it next. */
	again(): EvalError {
		const { kind, message, position, suggestions, cause } = this;
		const copy = new EvalError(kind, message, { position, suggestions, cause });
		copy.#trace = this.#trace;
		return copy;
	}

	/** Adds an outer frame and gives the error back, to be thrown again. */
	withFrame(position: Position, message: string, shown: FrameVisibility = "normal"): this {
		this.#trace = { frame: { position, message, shown }, inner: this.#trace };
		return this;
	}
}

/** Adds a frame where `error` is an {@link EvalError}; gives `error` back, to be thrown again. */
export function addFrame(error: unknown, position: Position, message: string): unknown {
	return error instanceof EvalError ? error.withFrame(position, message) : error;
}
