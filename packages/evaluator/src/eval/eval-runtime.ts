/**
 * The runtime: the interpreter together with type checks, coercion, comparison, files and printing. Layer 1, pure.
 *
 * What it offers to built-in operations is the interface Runtime; what each method promises is told there.
 */

import { editDistance } from "@devenv/diagnostics";
import { bytesFromText } from "@devenv/nix-formats";
import { builtinsFor } from "../builtins/index.ts";
import { EvalIoError, type EvalIO } from "../io.ts";
import { baseName } from "../syntax/path.ts";
import { type Position, PositionTable } from "../syntax/position.ts";
import { printExpr, printIdentifier } from "../syntax/print-expr.ts";
import { Attrs, attrsFromEntries } from "../value/attrs.ts";
import { parseContextElement, type StringContext } from "../value/context.ts";
import { type BuiltinDefinition, Lambda, PartialApplication, PrimOp } from "../value/function.ts";
import type { NixInt } from "../value/integer.ts";
import {
	ContextString,
	type FunctionValue,
	isInt,
	isList,
	isString,
	type Lazy,
	type List,
	NixFloat,
	type NixPath,
	type NixString,
	stringText,
	type Value,
} from "../value/value.ts";
import { type AssertCode, type Code, type InterpolateCode, Op, type PlusCode } from "./code.ts";
import { coerceToPath, coerceToString, concatenate } from "./coerce.ts";
import { equalValues, explainDifference, lessThan } from "./compare.ts";
import type { Env } from "./environment.ts";
import { addFrame, EvalError, type EvalErrorDetail, type EvalErrorKind } from "./error.ts";
import { Interpreter } from "./interpreter.ts";
import { type Look, NO_LIMITS, printBrief } from "./print-value.ts";
import { describeOrigin, renderPosition } from "./render-error.ts";
import type { CoerceOptions, Runtime, RuntimeSettings } from "./runtime.ts";
import type { Tracked } from "./read-sets.ts";
import { SourceLoader } from "./source-loader.ts";
import { SourcePlace } from "./source-place.ts";

const DEFAULT_COERCION: CoerceOptions = {};

export class EvalRuntime extends Interpreter implements Runtime {
	readonly io: EvalIO;
	readonly settings: RuntimeSettings;
	readonly positions: PositionTable = new PositionTable();
	readonly builtins: Attrs;
	/** Files, their code and their values. */
	readonly sources: SourceLoader;
	readonly place: SourcePlace;
	readonly folders: Map<string, Tracked<Attrs>> = new Map();
	protected override readonly runtime: Runtime = this;
	/** How values are looked at that are printed. */
	readonly look: Look = {
		force: (thunk) => this.force(thunk),
		seen: (path) => {
			this.place.seen(path);
		},
	};
	readonly #shown = { describe: (lambda: Lambda): string => this.#describeLambda(lambda), look: this.look };
	readonly #storePaths = new Map<string, Tracked<NixString>>();

	constructor(io: EvalIO, settings: RuntimeSettings) {
		super(settings.maxCallDepth);
		this.io = io;
		this.settings = settings;
		this.place = new SourcePlace(io);
		io.observe?.((read) => {
			this.reads.read(read);
		});
		const { builtins, globals } = this.#defineBuiltins(builtinsFor(settings.experimentalFeatures));
		this.builtins = builtins;
		this.sources = new SourceLoader(this, globals);
	}

	/** The attribute set `builtins` and the names that are visible everywhere. */
	#defineBuiltins(definitions: readonly BuiltinDefinition[]): { builtins: Attrs; globals: Map<string, Lazy> } {
		const globals = new Map<string, Lazy>();
		const entries: [string, Lazy][] = [];
		for (const definition of definitions) {
			const value = this.#builtinValue(definition);
			globals.set(definition.global === true ? definition.name : `__${definition.name}`, value);
			if (definition.arity === 0 || definition.internal !== true) entries.push([definition.name, value]);
		}
		const self: Lazy = this.lazy(() => builtins);
		const builtins = attrsFromEntries([...entries, ["builtins", self]]);
		globals.set("builtins", builtins);
		return { builtins, globals };
	}

	#builtinValue(definition: BuiltinDefinition): Lazy {
		if (definition.arity !== 0) return new PrimOp(definition);
		// The literals are constants for the binder; other constants may need the world, so they wait.
		if (["true", "false", "null"].includes(definition.name)) return definition.value(this);
		return this.lazy(() => definition.value(this));
	}

	override error(kind: EvalErrorKind, message: string, detail: EvalErrorDetail = {}): EvalError {
		return new EvalError(kind, message, detail);
	}

	describe(position: Position): string {
		const at = this.positions.resolve(position);
		if (at === undefined) return bytesFromText("«none»");
		return `${describeOrigin(at.origin)}:${at.line}:${at.column}`;
	}

	excerpt(position: Position): string {
		const lines = renderPosition("", this.positions.resolve(position)).trimEnd().split("\n");
		return lines.map((line) => `${" ".repeat("warning: ".length)}${line}`.trimEnd()).join("\n");
	}

	/** Runs an entry point: call depth starts at zero, and running out of stack or memory is an error of the program's. */
	enter<T>(run: () => T): T {
		const outer = this.depth;
		this.depth = 0;
		try {
			return run();
		} catch (error) {
			throw this.#programError(error);
		} finally {
			this.depth = outer;
		}
	}

	attempt(run: () => Value): { readonly value: Value } | { readonly error: EvalError } {
		const { depth } = this;
		try {
			return { value: run() };
		} catch (error) {
			this.depth = depth;
			if (error instanceof EvalError && error.catchable) return { error };
			throw this.#programError(error);
		}
	}

	/** What the engine cannot hold (its stack, a string, an array) as an error of the program's. */
	#programError(error: unknown): unknown {
		if (!(error instanceof RangeError)) return error;
		this.io.noteDoubt?.();
		if (/call stack/i.test(error.message)) {
			return new EvalError("stackOverflow", "stack overflow (possible infinite recursion)", { cause: error });
		}
		if (!/invalid (string|array) length/i.test(error.message)) return error;
		return new EvalError("eval", "out of memory", { cause: error });
	}

	nested<T>(position: Position, run: () => T): T {
		this.descend(position);
		const result = run();
		this.depth--;
		return result;
	}

	access<T>(position: Position, read: () => T): T {
		try {
			return read();
		} catch (error) {
			if (!(error instanceof EvalIoError)) throw error;
			throw this.error("io", error.message, { position, cause: error });
		}
	}

	forceDeep(lazy: Lazy, position: Position = 0): Value {
		const value = this.force(lazy, position);
		this.#forceParts(value, new Set());
		return value;
	}

	#forceParts(lazy: Lazy, seen: Set<Value>): void {
		const position = this.determinePosition(lazy);
		this.descend(position);
		const value = this.force(lazy, position);
		if (value !== null && typeof value === "object" && !seen.has(value)) {
			if (value instanceof Attrs) {
				seen.add(value);
				this.#forceAttributes(value, seen);
			} else if (isList(value)) {
				seen.add(value);
				this.#forceElements(value, seen);
			}
		}
		this.depth--;
	}

	#forceAttributes(attrs: Attrs, seen: Set<Value>): void {
		const { names, values } = attrs;
		/* As in Nix, which orders attributes by when their names came up: what a derivation is comes before its parts. */
		const first = attrs.has("outPath") ? names.indexOf("outPath") : -1;
		for (let n = first < 0 ? 0 : -1; n < values.length; n++) {
			const i = n < 0 ? first : n;
			try {
				this.#forceParts(values[i] as Lazy, seen);
			} catch (error) {
				const name = names[i] as string;
				throw addFrame(error, attrs.positionOf(name), `while evaluating the attribute '${printIdentifier(name)}'`);
			}
		}
	}

	#forceElements(list: List, seen: Set<Value>): void {
		for (let i = 0; i < list.length; i++) {
			try {
				this.#forceParts(list[i] as Lazy, seen);
			} catch (error) {
				throw addFrame(error, 0, `while evaluating list element at index ${i}`);
			}
		}
	}

	/** Evaluates and checks; errors of the evaluation get `what` as a frame too. */
	#expect<T extends Value>(lazy: Lazy, site: ExpectSite, matches: (value: Value) => value is T): T {
		try {
			const value = this.force(lazy, site.position);
			if (matches(value)) return value;
			throw this.typeError(site.expected, value, site.position);
		} catch (error) {
			throw addFrame(error, site.position, site.what);
		}
	}

	expectInt(value: Lazy, position: Position, what: string): NixInt {
		if (typeof value === "number") return value;
		return this.#expect(value, { position, what, expected: "an integer" }, isInt);
	}

	expectFloat(value: Lazy, position: Position, what: string): number {
		const number = this.#expect(value, { position, what, expected: "a float" }, isNumber);
		return number instanceof NixFloat ? number.value : Number(number);
	}

	expectBool(value: Lazy, position: Position, what: string): boolean {
		if (value === true || value === false) return value;
		return this.#expect(value, { position, what, expected: "a Boolean" }, isBool);
	}

	expectString(value: Lazy, position: Position, what: string): NixString {
		if (typeof value === "string") return value;
		return this.#expect(value, { position, what, expected: "a string" }, isString);
	}

	expectText(value: Lazy, position: Position, what: string): string {
		const string = this.expectString(value, position, what);
		return stringText(string);
	}

	expectPlainString(value: Lazy, position: Position, what: string): string {
		const string = this.expectString(value, position, what);
		if (typeof string === "string") return string;
		if (string.context.size === 0) return string.text;
		const [first = ""] = [...string.context].sort();
		const message = `the string '${string.text}' is not allowed to refer to a store path (such as '${displayElement(first)}')`;
		throw this.error("eval", message).withFrame(position, what);
	}

	expectFunction(value: Lazy, position: Position, what: string): FunctionValue | Attrs {
		return this.#expect(value, { position, what, expected: "a function" }, isCallable);
	}

	expectList(lazy: Lazy, position: Position, what: string): List {
		const value = this.force(lazy, position);
		if (isList(value)) return value;
		throw this.typeError("a list", value, 0).withFrame(position, what);
	}

	expectAttrs(lazy: Lazy, position: Position, what: string): Attrs {
		const value = this.force(lazy, position);
		if (value instanceof Attrs) return value;
		throw this.typeError("a set", value, 0).withFrame(position, what);
	}

	expectAttr(attrs: Attrs, name: string, what: string): Lazy {
		const value = attrs.get(name);
		if (value !== undefined) return value;
		throw this.error("type", `attribute '${printIdentifier(name)}' missing`).withFrame(0, what);
	}

	isDerivation(value: Value): value is Attrs {
		if (!(value instanceof Attrs)) return false;
		const type = value.get("type");
		if (type === undefined) return false;
		const text = this.force(type, value.positionOf("type"));
		return text === "derivation" || (text instanceof ContextString && text.text === "derivation");
	}

	coerceToString(value: Lazy, position: Position, what: string, options: CoerceOptions = DEFAULT_COERCION): NixString {
		return typeof value === "string" ? value : coerceToString(this, value, { position, what, options });
	}

	coerceToPath(value: Lazy, position: Position, what: string): { path: NixPath; context: StringContext } {
		return coerceToPath(this, value, { position, what, options: DEFAULT_COERCION });
	}

	copyPathToStore({ path }: NixPath): NixString {
		return this.reads.remember(this.#storePaths, path, () => this.#copyToStore(path));
	}

	#copyToStore(path: string): NixString {
		this.place.nameSeen(path);
		if (path.endsWith(".drv")) throw this.error("eval", "file names are not allowed to end in '.drv'");
		const source = this.access(0, () => this.sources.resolveParents(path));
		const storePath = this.access(0, () =>
			this.io.addPathToStore({ path: source, name: baseName(path), method: "recursive" }),
		);
		return new ContextString(storePath, new Set([storePath]));
	}

	override equal(a: Lazy, b: Lazy, position: Position, _what: string): boolean {
		return equalValues(this, a, b, position);
	}

	lessThan(a: Lazy, b: Lazy, position: Position, what: string): boolean {
		return lessThan(this, [a, b], { position, what });
	}

	protected override concatenate(code: InterpolateCode | PlusCode, first: Value, env: Env): Value {
		const codes: readonly Code[] = code.op === Op.plus ? [code.a, code.b] : code.a;
		const positions: readonly Position[] = code.op === Op.plus ? [code.c, code.d] : code.b;
		return concatenate(this, {
			count: codes.length,
			string: code.op === Op.interpolate && code.c,
			position: code.position,
			part: (i) => (i === 0 ? first : this.operand(codes[i] as Code, env, "in an operand of '+'")),
			partPosition: (i) => positions[i] as Position,
		});
	}

	protected override failAssertion(code: AssertCode, env: Env): never {
		const condition = printExpr(code.c);
		if (code.a.op === Op.equal) {
			try {
				explainDifference(this, this.evaluate(code.a.a, env), this.evaluate(code.a.b, env), code.a.position);
			} catch (error) {
				if (!(error instanceof EvalError) || error.kind !== "assertion") throw error;
				throw error.withFrame(code.position, `while evaluating the condition of the assertion '${condition}'`);
			}
		}
		throw this.error("assertion", `assertion '${condition}' failed`, { position: code.position });
	}

	protected override positionValue(position: Position): Value {
		const at = this.positions.resolve(position);
		if (at?.origin.kind !== "file") return null;
		return attrsFromEntries([
			["file", this.place.textOf(at.origin.path)],
			["line", at.line],
			["column", at.column],
		]);
	}

	protected override suggest(name: string, names: Iterable<string>): readonly string[] {
		return this.suggestNames(name, names);
	}

	/** At most five names within two edits, best first, as Nix suggests them. */
	suggestNames(name: string, names: Iterable<string>): readonly string[] {
		const near: { distance: number; name: string }[] = [];
		for (const each of names) {
			if (Math.abs(each.length - name.length) > 2) continue;
			const distance = editDistance(name, each, 2);
			if (distance <= 2) near.push({ distance, name: each });
		}
		near.sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1));
		return near.slice(0, 5).map((each) => each.name);
	}

	importFile(path: string, position: Position): Value {
		return this.force(this.sources.fileValue(path, position), position);
	}

	importScoped(path: string, scope: Attrs, position: Position): Value {
		return this.sources.evalScoped(path, scope, position);
	}

	evalText(text: string, name: string, baseDir: string): Value {
		return this.evaluate(this.sources.compileText(text, { kind: "internal", name }, baseDir), [null]);
	}

	print(value: Lazy): string {
		return printBrief(value, this.#shown, NO_LIMITS);
	}

	override printBrief(value: Lazy): string {
		return printBrief(value, this.#shown);
	}

	#describeLambda({ code }: Lambda): string {
		return `${code.name === undefined ? "" : ` ${printIdentifier(code.name)}`} @ ${this.describe(code.position)}`;
	}
}

interface ExpectSite {
	readonly position: Position;
	readonly what: string;
	/** With its article: "an integer". */
	readonly expected: string;
}

function isBool(value: Value): value is boolean {
	return typeof value === "boolean";
}

function isNumber(value: Value): value is NixInt | NixFloat {
	return isInt(value) || value instanceof NixFloat;
}

function isCallable(value: Value): value is FunctionValue | Attrs {
	if (value instanceof Attrs) return value.has("__functor");
	return value instanceof Lambda || value instanceof PrimOp || value instanceof PartialApplication;
}

/** An element of a string context as messages show it. */
function displayElement(encoded: string): string {
	const element = parseContextElement(encoded);
	if (element.kind === "object") return element.path;
	return element.kind === "closure" ? `${element.drvPath} (deep)` : `${element.drvPath}^${element.output}`;
}
