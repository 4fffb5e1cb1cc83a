/**
 * The evaluator as its users see it: files and texts in, values out, and what is done with values. Layer 1, pure.
 *
 * One evaluator keeps what it has read and evaluated for as long as it lives; `forgetFiles` makes it read changed files
 * again. It is synchronous and not reentrant; run it where the stack is large (a Worker with `stackSizeMb`).
 */

import type { Diagnostic, Location } from "@devenv/diagnostics";
import { builtinDocumentation } from "./builtins/documentation.ts";
import { valueToJson, valueToXml } from "./builtins/index.ts";
import { EvalError } from "./eval/error.ts";
import { EvalRuntime } from "./eval/eval-runtime.ts";
import { diagnoseError, locate, renderNixError, type RenderErrorOptions } from "./eval/render-error.ts";
import { printValue } from "./eval/print-value.ts";
import { parseAttrPath } from "./eval/attr-path.ts";
import type { ReadTracker } from "./eval/read-sets.ts";
import type { Runtime, RuntimeSettings } from "./eval/runtime.ts";
import type { EvalIO } from "./io.ts";
import type { Expr } from "./syntax/ast.ts";
import type { Origin, Position } from "./syntax/position.ts";
import { printExpr, printIdentifier } from "./syntax/print-expr.ts";
import { Attrs, AttrsBuilder, EMPTY_ATTRS } from "./value/attrs.ts";
import { Lambda, PartialApplication, PrimOp } from "./value/function.ts";
import { describeType } from "./value/type-name.ts";
import { isList, type Lazy, type Value } from "./value/value.ts";

export interface EvaluatorOptions extends Partial<RuntimeSettings> {
	readonly io: EvalIO;
	readonly currentSystem: string;
}

const DEFAULTS: Omit<RuntimeSettings, "currentSystem"> = {
	nixPath: [],
	maxCallDepth: 10_000,
	traceVerbose: false,
	abortOnWarn: false,
	experimentalFeatures: new Set(),
	homeDir: "/homeless-shelter",
	pureEval: false,
	lints: { urlLiterals: "ignore", absolutePathLiterals: "ignore", shortPathLiterals: "ignore" },
};

/** The arguments of `--arg` and `--argstr`, by name. */
export type AutoArgs = Attrs;

export class Evaluator {
	readonly #runtime: EvalRuntime;

	constructor({ io, ...settings }: EvaluatorOptions) {
		this.#runtime = new EvalRuntime(io, { ...DEFAULTS, ...settings });
	}

	/** What built-in operations work with. */
	get runtime(): Runtime {
		return this.#runtime;
	}

	/** What is read by what is evaluated, where the I/O tells. */
	get reads(): ReadTracker {
		return this.#runtime.reads;
	}

	/** Names that are visible everywhere. */
	get globalNames(): readonly string[] {
		return [...this.#runtime.sources.globals.keys()];
	}

	/** The value of a file (absolute path), evaluated once. Throws an EvalError. */
	evalFile(path: string): Value {
		return this.#runtime.enter(() => this.#runtime.sources.evalMain(path));
	}

	/** The value of a text (a byte string); relative paths in it start from `baseDir`. Throws an EvalError. */
	evalString(text: string, baseDir: string, origin: Origin = { kind: "string" }): Value {
		return this.evalExpr(this.parse(text, baseDir, origin));
	}

	/** Parses without binding: undefined variables are not found. Throws an EvalError of kind `syntax`. */
	parse(text: string, baseDir: string, origin: Origin = { kind: "string" }): Expr {
		return this.#runtime.sources.parse(text, origin, baseDir);
	}

	/** Parses and binds; throws on undefined variables too. */
	check(text: string, baseDir: string, origin: Origin = { kind: "string" }): Expr {
		const expr = this.parse(text, baseDir, origin);
		this.#runtime.enter(() => this.#runtime.sources.compileExpr(expr));
		return expr;
	}

	evalExpr(expr: Expr): Value {
		return this.#runtime.enter(() => {
			return this.#runtime.evaluate(this.#runtime.sources.compileExpr(expr), [null]);
		});
	}

	/** Evaluates a parsed expression in whose scope the attributes of `scope` are; globals come first, as with `with`. */
	evalExprWith(expr: Expr, scope: Attrs): Value {
		return this.#runtime.enter(() => {
			const { code, env } = this.#runtime.sources.compileWith(expr, scope);
			return this.#runtime.evaluate(code, env);
		});
	}

	/** Evaluates a parsed expression whose variables are the attributes of `scope`, before what is visible everywhere. */
	evalExprIn(expr: Expr, scope: Attrs): Value {
		return this.#runtime.enter(() => {
			const { code, env } = this.#runtime.sources.compileIn(expr, scope);
			return this.#runtime.evaluate(code, env);
		});
	}

	/** The same, evaluated when needed; names that are not there are found at once. */
	delayExprIn(expr: Expr, scope: Attrs): Lazy {
		const { code, env } = this.#runtime.enter(() => this.#runtime.sources.compileIn(expr, scope));
		return this.#runtime.lazy(() => this.#runtime.evaluate(code, env));
	}

	/** The tree as `nix-instantiate --parse` prints it, without a line end. */
	printAst(expr: Expr): string {
		return this.#runtime.enter(() => printExpr(expr));
	}

	/** Evaluates to weak head normal form. */
	force(value: Lazy): Value {
		return this.#runtime.enter(() => this.#runtime.force(value));
	}

	/** Evaluates completely. */
	forceDeep(value: Lazy): Value {
		return this.#runtime.enter(() => this.#runtime.forceDeep(value));
	}

	call(fn: Lazy, ...args: Lazy[]): Value {
		return this.#runtime.enter(() => this.#runtime.callFunction(fn, args));
	}

	/** The text of a value, as `nix-instantiate --eval` prints it; `strict` evaluates it completely before. */
	print(value: Lazy, options: { readonly strict?: boolean } = {}): string {
		return this.#runtime.enter(() => {
			if (options.strict === true) this.#runtime.forceDeep(value);
			return printValue(value, this.#runtime.look);
		});
	}

	/** The value as JSON text (a byte string), everything evaluated. Paths are copied to the store where wanted. */
	toJson(value: Lazy, options: { readonly strict?: boolean; readonly copyToStore?: boolean } = {}): string {
		const { strict = true, copyToStore = false } = options;
		return this.#runtime.enter(() => valueToJson(this.#runtime, value, { strict, copyToStore, position: 0 }).text);
	}

	/** The value as XML text (a byte string). */
	toXml(value: Lazy, options: { readonly strict?: boolean; readonly location?: boolean } = {}): string {
		const { strict = false, location = true } = options;
		return this.#runtime.enter(() => valueToXml(this.#runtime, value, { strict, location }).text);
	}

	/**
	 * Calls a function that has a set pattern with those of the arguments that it names (all of them where it has an
	 * ellipsis); gives any other value as it is.
	 */
	autoCall(value: Lazy, args: AutoArgs = EMPTY_ATTRS): Value {
		return this.#runtime.enter(() => this.#autoCall(value, args));
	}

	#autoCall(lazy: Lazy, args: AutoArgs): Value {
		const value = this.#runtime.force(lazy);
		if (value instanceof Attrs && value.has("__functor")) {
			return this.#autoCall(this.#runtime.call(value.get("__functor") as Lazy, value), args);
		}
		if (!(value instanceof Lambda) || value.code.formals === undefined) return value;
		const { entries, ellipsis } = value.code.formals;
		if (ellipsis) return this.#runtime.call(value, args);
		const builder = new AttrsBuilder();
		for (const { name, hasDefault, position } of entries) {
			const given = args.get(name);
			if (given !== undefined) builder.set(name, given, args.positionOf(name));
			else if (!hasDefault) throw missingArgument(name, position);
		}
		return this.#runtime.call(value, builder.build());
	}

	/** The part of a value that a selection path (`a.b."c.d".0`) names; functions on the way are called with `args`. */
	select(value: Lazy, path: string, args: AutoArgs = EMPTY_ATTRS): { value: Lazy; position: Position } {
		return this.#runtime.enter(() => {
			let found: { value: Lazy; position: Position } = { value, position: 0 };
			for (const step of parseAttrPath(path)) found = this.#step(this.#autoCall(found.value, args), { step, path });
			return found;
		});
	}

	#step(value: Value, at: { step: string; path: string }): { value: Lazy; position: Position } {
		const { step, path } = at;
		const index = /^[0-9]+$/.test(step) ? Number(step) : undefined;
		const expected = index === undefined ? "set" : "list";
		if (index === undefined ? !(value instanceof Attrs) : !isList(value)) {
			const found = describeType(value);
			throw new EvalError(
				"type",
				`the expression selected by the selection path '${path}' should be a ${expected} but is ${found}`,
			);
		}
		if (isList(value)) {
			const element = value[index ?? 0];
			if (element !== undefined) return { value: element, position: 0 };
			throw new EvalError("eval", `list index ${index ?? 0} in selection path '${path}' is out of range`);
		}
		const attrs = value as Attrs;
		if (step === "") throw new EvalError("eval", `empty attribute name in selection path '${path}'`);
		const attr = attrs.get(step);
		if (attr !== undefined) return { value: attr, position: attrs.positionOf(step) };
		throw new EvalError("eval", `attribute '${printIdentifier(step)}' in selection path '${path}' not found`, {
			suggestions: this.#runtime.suggestNames(step, attrs.names),
		});
	}

	/** What Nix prints to stderr for an error, "error: " included, without a line end; a byte string. */
	formatError(error: EvalError, options: RenderErrorOptions = { showTrace: false }): string {
		return renderNixError(error, this.#runtime.positions, options);
	}

	/** The error as a diagnostic, with code, place and trace. */
	diagnose(error: EvalError): Diagnostic {
		return diagnoseError(error, this.#runtime.positions);
	}

	/**
	 * What is written about a function, in Markdown: the built-in documentation, or the comment `/** … *\/` before the attribute that
	 * it is the value of (RFC 145). Undefined where there is nothing.
	 */
	documentation(value: Value): { readonly name?: string; readonly text: string } | undefined {
		if (value instanceof PrimOp || value instanceof PartialApplication) {
			const primOp = value instanceof PrimOp ? value : value.primOp;
			const text = builtinDocumentation(primOp.name);
			const parameters = primOp.definition.params.map((each) => ` ${each}`).join("");
			return text === undefined ? undefined : { name: `builtins.${primOp.name}${parameters}`, text };
		}
		if (!(value instanceof Lambda)) return undefined;
		const before = this.#runtime.positions.textBefore(value.code.position) ?? "";
		const [, comment, name] = /\/\*\*(?!\/)((?:(?!\*\/)[\s\S])*)\*\/\s*(?:([\w'"-]+)\s*=\s*)?\(*$/.exec(before) ?? [];
		if (comment === undefined) return undefined;
		const text = undent(comment);
		return name === undefined ? { text } : { name, text };
	}

	/** A position for people; undefined where it is none. */
	locate(position: Position): Location | undefined {
		return locate(position, this.#runtime.positions);
	}

	/** Forgets what files held and what they evaluated to. */
	forgetFiles(): void {
		this.#runtime.sources.clear();
		this.forgetFolders();
	}

	/** Forgets what folders contained; files that were read stay. */
	forgetFolders(): void {
		this.#runtime.folders.clear();
	}
}

function missingArgument(name: string, position: Position): EvalError {
	return new EvalError(
		"missingArgument",
		[
			`cannot evaluate a function that has an argument without a value ('${printIdentifier(name)}')`,
			"Nix attempted to evaluate a function as a top level expression; in",
			"this case it must have its arguments supplied either by default",
			"values, or passed explicitly with '--arg' or '--argstr'. See",
			"https://nix.dev/manual/nix/stable/language/syntax.html#functions.",
		].join("\n"),
		{ position },
	);
}

/** A comment's text without what indents all of its lines. */
function undent(comment: string): string {
	const lines = comment
		.replace(/^[ \t]*\n/, "")
		.trimEnd()
		.split("\n");
	const widths = lines.filter((line) => line.trim() !== "").map((line) => /^[ \t]*/.exec(line)?.[0].length ?? 0);
	const common = widths.length === 0 ? 0 : Math.min(...widths);
	return lines
		.map((line) => line.slice(common))
		.join("\n")
		.trim();
}
