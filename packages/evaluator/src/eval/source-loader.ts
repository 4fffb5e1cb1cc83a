/**
 * Source files: from a path to its code and its value, each worked out once. Layer 1, pure.
 *
 * A path is resolved as Nix does it before the cache is asked: links are followed, a folder means its `default.nix`.
 * The value of a file is a thunk, so that files that need each other's value are infinite recursion and not a hang.
 */

import { compile } from "../bind/compile.ts";
import type { Scope } from "../bind/scope.ts";
import { embeddedFiles } from "../builtins/index.ts";
import type { EvalIO, FileType } from "../io.ts";
import { EvalIoError } from "../io.ts";
import type { Expr } from "../syntax/ast.ts";
import { parseExpr } from "../syntax/parser.ts";
import { baseName, canonicalPath, parentPath } from "../syntax/path.ts";
import type { Origin, Position, PositionTable } from "../syntax/position.ts";
import type { Attrs } from "../value/attrs.ts";
import type { Thunk } from "../value/thunk.ts";
import type { Lazy, Value } from "../value/value.ts";
import type { Code } from "./code.ts";
import type { Env } from "./environment.ts";
import { addFrame } from "./error.ts";
import type { ReadTracker, Tracked } from "./read-sets.ts";
import type { RuntimeSettings } from "./runtime.ts";
import type { SourcePlace } from "./source-place.ts";

/** What the loader needs of the runtime. */
export interface SourceHost {
	readonly io: EvalIO;
	readonly positions: PositionTable;
	readonly settings: RuntimeSettings;
	readonly reads: ReadTracker;
	readonly place: SourcePlace;
	describe(position: Position): string;
	/** A position with its lines, indented as below a warning. */
	excerpt(position: Position): string;
	evaluate(code: Code, env: Env): Value;
	lazy(compute: () => Value): Thunk;
	force(value: Lazy): Value;
	access<T>(position: Position, read: () => T): T;
}

/** Links that may be followed before a path counts as a cycle. */
const MOST_LINKS = 1024;
const EMBEDDED = "/__corepkgs__/";

export class SourceLoader {
	readonly #host: SourceHost;
	readonly #globals: Scope;
	readonly #globalValues: ReadonlyMap<string, Lazy>;
	readonly #resolved = new Map<string, Tracked<string>>();
	readonly #realFolders = new Map<string, Tracked<string>>();
	readonly #values = new Map<string, Thunk>();

	constructor(host: SourceHost, globals: ReadonlyMap<string, Lazy>) {
		this.#host = host;
		this.#globalValues = globals;
		this.#globals = { kind: "globals", values: globals };
	}

	/** Forgets every file, so that changed ones are read again. */
	clear(): void {
		this.#resolved.clear();
		this.#realFolders.clear();
		this.#values.clear();
	}

	/** The value of a file, for `import`. */
	fileValue(path: string, position: Position): Thunk {
		const file = this.resolveImport(path, position);
		const known = this.#values.get(file);
		if (known !== undefined) return known;
		const value = this.#host.lazy(() => this.#evalFile(file, this.#globals, [null]));
		this.#values.set(file, value);
		return value;
	}

	/** The value of a file that a user named; unlike an imported one's it gets no frame of its own. */
	evalMain(path: string): Value {
		const file = this.resolveImport(path, 0);
		const known = this.#values.get(file);
		if (known !== undefined) return this.#host.force(known);
		const code = this.#compileFile(file, this.#globals);
		const value = this.#host.lazy(() => this.#host.evaluate(code, [null]));
		this.#values.set(file, value);
		return this.#host.force(value);
	}

	/** The value of a file whose variables may also be those of `scope`. */
	evalScoped(path: string, scope: Attrs, position: Position): Value {
		const file = this.resolveImport(path, position);
		const slots = new Map(scope.names.map((name, i) => [name, i + 1]));
		return this.#evalFile(file, { kind: "slots", slots, parent: this.#globals }, [[null], ...scope.values]);
	}

	#compileFile(file: string, scope: Scope): Code {
		const text = embeddedFiles.get(file) ?? this.#host.access(0, () => this.#host.io.readFile(this.#realPath(file)));
		const origin: Origin = file.startsWith(EMBEDDED)
			? { kind: "internal", name: baseName(file) }
			: { kind: "file", path: file };
		return compile(this.parse(text, origin, parentPath(file)), scope);
	}

	#evalFile(file: string, scope: Scope, env: Env): Value {
		const code = this.#compileFile(file, scope);
		try {
			return this.#host.evaluate(code, env);
		} catch (error) {
			throw addFrame(error, 0, `while evaluating the file '${file}':`);
		}
	}

	/** Parses a text; relative paths in it start from `baseDir`. */
	parse(text: string, origin: Origin, baseDir: string): Expr {
		const { settings, positions, io } = this.#host;
		return parseExpr(text, {
			base: positions.add(origin, text),
			paths: {
				baseDir,
				homeDir: settings.homeDir,
				pureEval: settings.pureEval,
				onPath: (from, path) => {
					this.#host.place.made(from, path);
				},
			},
			pipeOperators: settings.experimentalFeatures.has("pipe-operators"),
			describe: (position) => this.#host.describe(position),
			lints: settings.lints,
			warn: (message, position) => {
				io.log("warning", position === 0 ? message : `${message}\n${this.#host.excerpt(position)}`);
			},
		});
	}

	/** Parses and binds a text; `extra` are further variables. The code is for the environment `[null]`, or that of `extra`. */
	compileText(text: string, origin: Origin, baseDir: string): Code {
		return compile(this.parse(text, origin, baseDir), this.#globals);
	}

	/**
	 * Binds an expression in whose scope the attributes of a set are, as by a `with` around it but without its text: what is
	 * visible everywhere comes first. Gives the code with its environment.
	 */
	compileWith(expr: Expr, set: Attrs): { readonly code: Code; readonly env: Env } {
		const names = set.names.filter((name) => !this.#globalValues.has(name));
		const slots = new Map(names.map((name, i) => [name, i + 1]));
		const values = names.map((name) => set.get(name) as Lazy);
		return { code: compile(expr, { kind: "slots", slots, parent: this.#globals }), env: [[null], ...values] };
	}

	/** The same with the attributes before what is visible everywhere, as by a `let` around it. */
	compileIn(expr: Expr, set: Attrs): { readonly code: Code; readonly env: Env } {
		const slots = new Map(set.names.map((name, i) => [name, i + 1]));
		return { code: compile(expr, { kind: "slots", slots, parent: this.#globals }), env: [[null], ...set.values] };
	}

	/** Binds an expression that was parsed before. */
	compileExpr(expr: Expr): Code {
		return compile(expr, this.#globals);
	}

	/** Names that are visible everywhere. */
	get globals(): ReadonlyMap<string, Lazy> {
		return this.#globalValues;
	}

	/** The file that `import path` reads: links followed, `default.nix` of a folder. */
	resolveImport(path: string, position: Position): string {
		return this.#host.reads.remember(this.#resolved, path, () => {
			return this.#host.access(position, () => this.#resolveFile(path));
		});
	}

	#resolveFile(path: string): string {
		if (path.startsWith(EMBEDDED)) return path;
		let file = canonicalPath(path);
		for (let links = 0; file !== "/"; links++) {
			if (links > MOST_LINKS) throw tooManyLinks(path);
			const real = this.resolveParents(file);
			if (this.#typeOf(real, path) !== "symlink") break;
			const target = this.#host.io.readLink(real);
			file = canonicalPath(target.startsWith("/") ? target : `${parentPath(file)}/${target}`);
		}
		return this.#typeOf(this.#realPath(file), path) === "directory" ? `${file === "/" ? "" : file}/default.nix` : file;
	}

	#typeOf(path: string, shown: string): FileType {
		const type = this.#host.io.fileType(path);
		if (type === undefined) throw new EvalIoError(`path '${shown}' does not exist`, shown);
		return type;
	}

	/** The path with the links in its folders followed, the last part as it is. */
	resolveParents(path: string): string {
		if (path === "/") return path;
		const folder = parentPath(path);
		const real = this.#host.reads.remember(this.#realFolders, folder, () => this.#realPath(folder));
		return `${real === "/" ? "" : real}/${baseName(path)}`;
	}

	/** The path with every link followed. */
	#realPath(path: string): string {
		let current = path;
		for (let links = 0; links <= MOST_LINKS; links++) {
			if (current === "/") return current;
			const real = this.resolveParents(current);
			if (this.#host.io.fileType(real) !== "symlink") return real;
			const target = this.#host.io.readLink(real);
			current = canonicalPath(target.startsWith("/") ? target : `${parentPath(real)}/${target}`);
		}
		throw tooManyLinks(path);
	}
}

function tooManyLinks(path: string): EvalIoError {
	return new EvalIoError(`too many symbolic links encountered while traversing the path '${path}'`, path);
}
