/**
 * The runtime: what the interpreter and the built-in operations do with values. Layer 1, pure.
 *
 * `what` arguments say what is being done, worded as Nix words its trace frames ("while evaluating the first argument
 * passed to builtins.map"); they become a frame when the operation fails, so pass constant strings.
 */

import type { EvalIO } from "../io.ts";
import type { Position, PositionTable } from "../syntax/position.ts";
import type { Lints } from "../syntax/string-parser.ts";
import type { Attrs } from "../value/attrs.ts";
import type { StringContext } from "../value/context.ts";
import type { NixInt } from "../value/integer.ts";
import type { Thunk } from "../value/thunk.ts";
import type { FunctionValue, Lazy, List, NixPath, NixString, Value } from "../value/value.ts";
import type { EvalError, EvalErrorDetail, EvalErrorKind } from "./error.ts";
import type { ReadTracker, Tracked } from "./read-sets.ts";
import type { SourcePlace } from "./source-place.ts";

/** How {@link Runtime.coerceToString} treats what is not a string. */
export interface CoerceOptions {
	/** Also turn null, booleans, numbers and lists into strings (`toString`, derivation attributes); false by default. */
	readonly more?: boolean;
	/** Copy paths to the store and give the store path (interpolation, derivation attributes); true by default. */
	readonly copyToStore?: boolean;
}

export interface Runtime {
	readonly io: EvalIO;
	readonly positions: PositionTable;
	readonly settings: RuntimeSettings;
	/** What folders contain, by path: package sets that are made anew for each system read the same ones a hundred times. */
	readonly folders: Map<string, Tracked<Attrs>>;
	/** What was read by the evaluations under way. */
	readonly reads: ReadTracker;
	readonly place: SourcePlace;

	/** Evaluates to weak head normal form. */
	force(value: Lazy, position?: Position): Value;
	/** Evaluates a value and everything in it. */
	forceDeep(value: Lazy, position?: Position): Value;

	/** A value computed when needed. */
	lazy(compute: () => Value): Thunk;
	/** `fn a`, `fn a b`, computed when needed. */
	lazyCall(fn: Lazy, ...args: Lazy[]): Thunk;

	/** Calls a function (or a set with `__functor`). */
	call(fn: Lazy, a: Lazy, position?: Position): Value;
	call2(fn: Lazy, a: Lazy, b: Lazy, position?: Position): Value;
	callFunction(fn: Lazy, args: readonly Lazy[], position?: Position): Value;

	/** Evaluates and checks the type; the error is of kind `type`, with `what` as a frame. */
	expectInt(value: Lazy, position: Position, what: string): NixInt;
	/** An integer or a float, as a JavaScript number. */
	expectFloat(value: Lazy, position: Position, what: string): number;
	expectBool(value: Lazy, position: Position, what: string): boolean;
	/** The text of a string, its context dropped: only where the context does not matter. */
	expectText(value: Lazy, position: Position, what: string): string;
	/** A string that must have no context. */
	expectPlainString(value: Lazy, position: Position, what: string): string;
	expectString(value: Lazy, position: Position, what: string): NixString;
	expectList(value: Lazy, position: Position, what: string): List;
	expectAttrs(value: Lazy, position: Position, what: string): Attrs;
	/** A function, or a set with `__functor`. */
	expectFunction(value: Lazy, position: Position, what: string): FunctionValue | Attrs;
	/** The attribute of a set; a `type` error where it is missing. */
	expectAttr(attrs: Attrs, name: string, what: string): Lazy;

	/** A string from a string, path, derivation or set with `__toString`. */
	coerceToString(value: Lazy, position: Position, what: string, options?: CoerceOptions): NixString;
	/** A path from a path or a string that is an absolute path; the context of the string is given too. */
	coerceToPath(value: Lazy, position: Position, what: string): { path: NixPath; context: StringContext };
	/** Copies a path to the store, once per evaluator; gives the store path as a string with context. */
	copyPathToStore(path: NixPath): NixString;

	isDerivation(value: Value): value is Attrs;
	/** `a == b` of elements: identical values are equal, functions too. */
	equal(a: Lazy, b: Lazy, position: Position, what: string): boolean;
	/** `a < b` as `builtins.lessThan` and `sort` see it. */
	lessThan(a: Lazy, b: Lazy, position: Position, what: string): boolean;

	/** `import path`, cached. */
	importFile(path: string, position: Position): Value;
	/** `scopedImport scope path`, not cached. */
	importScoped(path: string, scope: Attrs, position: Position): Value;
	/** Evaluates a text of the caller's; relative paths in it are relative to `baseDir`. */
	evalText(text: string, name: string, baseDir: string): Value;

	/** The value as `builtins.trace` shows it, without evaluating anything. */
	print(value: Lazy): string;
	/** The same, shortened, as error messages show values. */
	printBrief(value: Lazy): string;

	/** Makes an error, to be thrown. */
	error(kind: EvalErrorKind, message: string, detail?: EvalErrorDetail): EvalError;
	/** Runs something that may fail; errors that `tryEval` catches are given back, others are thrown on. */
	attempt(run: () => Value): { readonly value: Value } | { readonly error: EvalError };
	/** Runs something one call deeper; where calls are nested too deeply, it throws at `position`. */
	nested<T>(position: Position, run: () => T): T;
	/** A position as messages show it: `file:line:column`, a byte string. */
	describe(position: Position): string;
	/** The lines around a position, as they stand below a warning; empty where it is not known. A byte string. */
	excerpt(position: Position): string;
	/** Runs `io` access, turning an EvalIoError into an EvalError at that position. */
	access<T>(position: Position, read: () => T): T;
	/** The attribute set `builtins`. */
	readonly builtins: Attrs;
}

export interface RuntimeSettings {
	/** `x86_64-linux` and so on: `builtins.currentSystem`. */
	readonly currentSystem: string;
	/** Entries of NIX_PATH and `-I`, first wins; `path` as the user gave it, made absolute. */
	readonly nixPath: readonly { readonly prefix: string; readonly path: string }[];
	/** Nested calls before the evaluation is given up; 10,000 by default as in Nix. */
	readonly maxCallDepth: number;
	/** Whether `trace-verbose` messages are shown. */
	readonly traceVerbose: boolean;
	/** `builtins.warn` ends the evaluation. */
	readonly abortOnWarn: boolean;
	/** Experimental features switched on (`pipe-operators`, …). */
	readonly experimentalFeatures: ReadonlySet<string>;
	/** Home directory, for `~/` paths. */
	readonly homeDir: string;
	readonly pureEval: boolean;
	readonly lints: Lints;
}

export type { Lints };
