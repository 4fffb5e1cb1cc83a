/** What `nix-instantiate` does, on the thread that evaluates. Layer 5, synchronous. */

import { existsSync, readFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DiagnosticError } from "@devenv/diagnostics";
import {
	attrsFromEntries,
	EvalError,
	type Evaluator,
	formatLog,
	NixPath,
	NO_POSITION,
	type AutoArgs,
	type Expr,
	type Lazy,
	type Origin,
	stringText,
} from "@devenv/evaluator";
import { hostSystem, type MainThread, type NodeEvalIO, ReadJournal } from "@devenv/engine/eval-io";
import { bytesFromText, type StorePath } from "@devenv/nix-formats";
import {
	OpenEvaluation,
	parseSearchPathEntry,
	searchPathEntries,
	splitSearchPath,
} from "../evaluation/open-evaluation.ts";
import type { AutoArgument, InstantiateArguments } from "./arguments.ts";
import { findDerivations, type FoundDerivation } from "./derivation-search.ts";
import { openStore } from "@devenv/store";
import { writeBytes } from "./output.ts";
import { RememberedInstantiation, type Told } from "./remembered-instantiation.ts";

export interface InstantiateHost {
	/** Undefined: there is no store, so nothing is written. */
	readonly storeRoot: string | undefined;
	/** Folder for what can be fetched again. */
	readonly cache: string;
	/** Builds and fetches. */
	readonly main: MainThread;
	/** Gets the derivations, which are printed otherwise. */
	readonly onDerivation?: (derivation: FoundDerivation) => void;
}

const warnNoRoot = "warning: you did not specify '--add-root'; the result might be removed by the garbage collector\n";

/** Runs the program to its exit status; errors are printed. */
export function instantiate(given: InstantiateArguments, host: InstantiateHost): number {
	for (const name of given.unknownSettings) writeBytes(2, bytesFromText(`warning: unknown setting '${name}'\n`));
	let program: Instantiation | undefined;
	try {
		program = new Instantiation(given, host);
		program.run();
		return 0;
	} catch (error) {
		writeBytes(2, `${describeError(error, program, given)}\n`);
		return 1;
	} finally {
		program?.close();
	}
}

function describeError(error: unknown, program: Instantiation | undefined, given: InstantiateArguments): string {
	if (error instanceof EvalError && program !== undefined) {
		return program.evaluator.formatError(error, { showTrace: isOn(given, "show-trace") });
	}
	if (error instanceof DiagnosticError) {
		return bytesFromText(error.diagnostics.map(({ message }) => `error: ${message}`).join("\n"));
	}
	throw error;
}

function isOn(given: InstantiateArguments, setting: string): boolean {
	const value = given.settings.get(setting);
	return value === "true" || value === "1" || value === "yes";
}

class Instantiation {
	readonly evaluator: Evaluator;
	readonly #given: InstantiateArguments;
	readonly #evaluation: OpenEvaluation;
	readonly #onDerivation: InstantiateHost["onDerivation"];
	readonly #io: NodeEvalIO;
	readonly #remembered: RememberedInstantiation | undefined;
	readonly #journal: ReadJournal | undefined;
	readonly #told: Told[] = [];
	#autoArgs: AutoArgs = attrsFromEntries([]);
	#roots = 0;
	#warned = false;
	#standardInput: string | undefined;

	constructor(given: InstantiateArguments, { storeRoot, cache, main, onDerivation }: InstantiateHost) {
		this.#given = given;
		this.#onDerivation = onDerivation;
		const environment = isOn(given, "restrict-eval") ? {} : process.env;
		const nixPath = searchPath(given);
		const readOnly = given.readOnly || storeRoot === undefined;
		const store = openStore({ root: storeRoot ?? join(tmpdir(), "devenv-no-store"), readOnly });
		this.#remembered =
			storeRoot === undefined ? undefined : RememberedInstantiation.open(given, { store, cache, environment, nixPath });
		this.#journal = this.#remembered === undefined ? undefined : new ReadJournal(bytesFromText(this.#remembered.root));
		this.#evaluation = new OpenEvaluation({
			store,
			journal: this.#journal,
			storeRoot,
			cache,
			main,
			readOnly: given.readOnly,
			pure: false,
			environment,
			log: (level, message) => {
				writeBytes(2, `${formatLog(level, message)}\n`);
			},
			evaluator: {
				currentSystem: given.settings.get("eval-system") ?? given.settings.get("system") ?? hostSystem(),
				nixPath,
				homeDir: bytesFromText(process.env["HOME"] ?? homedir()),
				maxCallDepth: Number(given.settings.get("max-call-depth") ?? 10_000),
				traceVerbose: isOn(given, "trace-verbose"),
				abortOnWarn: isOn(given, "abort-on-warn"),
				pureEval: isOn(given, "pure-eval"),
				experimentalFeatures: new Set((given.settings.get("experimental-features") ?? "").split(/\s+/)),
			},
		});
		this.evaluator = this.#evaluation.evaluator;
		this.#io = this.#evaluation.io;
	}

	close(): void {
		this.#evaluation.close();
	}

	run(): void {
		const known = this.#remembered?.recall((text) => {
			writeBytes(2, `${text}\n`);
		});
		if (known === undefined) {
			this.#evaluate();
			this.#remembered?.keep(this.#told, this.#journal?.reads ?? []);
			return;
		}
		for (const each of known) {
			if (each.kind === "text") writeBytes(1, each.text);
			else this.#tell(each.found);
		}
	}

	#evaluate(): void {
		if (this.#given.mode === "find-file") {
			for (const name of this.#given.inputs) writeBytes(1, `${this.#findFile(bytesFromText(name))}\n`);
			return;
		}
		this.#autoArgs = attrsFromEntries(
			[...this.#given.autoArguments].map(([name, value]) => [bytesFromText(name), this.#autoArgument(value)]),
		);
		const here = bytesFromText(process.cwd());
		const { fromStdin, fromExpressions } = this.#given;
		if (fromStdin) this.#process(this.#readStandardInput(), here, { kind: "stdin" });
		const inputs =
			!fromStdin && !fromExpressions && this.#given.inputs.length === 0 ? ["./default.nix"] : this.#given.inputs;
		for (const input of inputs) {
			if (fromExpressions) this.#process(bytesFromText(input), here, { kind: "string" });
			else this.#processFile(input);
		}
	}

	#readStandardInput(): string {
		this.#standardInput ??= readFileSync(0, "latin1");
		return this.#standardInput;
	}

	#autoArgument(argument: AutoArgument): Lazy {
		switch (argument.kind) {
			case "string":
				return bytesFromText(argument.text);
			case "file":
				return this.#io.readFile(bytesFromText(resolve(argument.text)));
			case "stdin":
				return this.#readStandardInput();
			case "expression": {
				const text = bytesFromText(argument.text);
				const here = bytesFromText(process.cwd());
				const expr = this.evaluator.check(text, here);
				return this.evaluator.runtime.lazy(() => this.evaluator.evalExpr(expr));
			}
		}
	}

	#findFile(name: string): string {
		const { runtime } = this.evaluator;
		const find = runtime.builtins.get("findFile") ?? null;
		const searchPathValue = runtime.builtins.get("nixPath") ?? null;
		const found = this.evaluator.call(find, searchPathValue, name);
		return found instanceof NixPath ? found.path : "";
	}

	#processFile(input: string): void {
		const lookup = /^<(.+)>$/.exec(input);
		const path = lookup?.[1] === undefined ? bytesFromText(resolve(input)) : this.#findFile(bytesFromText(lookup[1]));
		if (this.#given.mode !== "parse") {
			this.#output(this.evaluator.evalFile(path));
			return;
		}
		const { runtime } = this.evaluator;
		const isFolder = runtime.access(NO_POSITION, () => this.#io.fileType(path)) === "directory";
		const file = isFolder ? `${path}/default.nix` : path;
		const text = runtime.access(NO_POSITION, () => this.#io.readFile(file));
		const folder = file.slice(0, file.lastIndexOf("/"));
		this.#process(text, folder === "" ? "/" : folder, { kind: "file", path: file });
	}

	#process(text: string, baseDir: string, origin: Origin): void {
		const expr: Expr = this.evaluator.check(text, baseDir, origin);
		if (this.#given.mode === "parse") writeBytes(1, `${this.evaluator.printAst(expr)}\n`);
		else this.#output(this.evaluator.evalExpr(expr));
	}

	#output(root: Lazy): void {
		for (const path of this.#given.attrPaths) {
			const { value } = this.evaluator.select(root, bytesFromText(path), this.#autoArgs);
			this.evaluator.force(value);
			if (this.#given.mode === "eval") this.#print(value);
			else for (const found of findDerivations(this.evaluator, value, this.#autoArgs)) this.#instantiated(found);
		}
	}

	#print(selected: Lazy): void {
		const value = this.#autoArgs.size === 0 ? selected : this.evaluator.autoCall(selected, this.#autoArgs);
		const { strict, form, location } = this.#given;
		switch (form) {
			case "plain":
				this.#write(`${this.evaluator.print(value, { strict })}\n`);
				return;
			case "json":
				this.#write(`${this.evaluator.toJson(value, { strict, copyToStore: true })}\n`);
				return;
			case "xml":
				this.#write(this.evaluator.toXml(value, { strict, location }));
				return;
			case "raw": {
				const what = "while generating the nix-instantiate output";
				const string = this.evaluator.runtime.coerceToString(value, NO_POSITION, what);
				this.#write(stringText(string));
			}
		}
	}

	#write(text: string): void {
		this.#told.push({ kind: "text", text });
		writeBytes(1, text);
	}

	#instantiated(found: FoundDerivation): void {
		this.#io.write([found.drvPath]);
		this.#told.push({ kind: "derivation", found });
		this.#tell(found);
	}

	#tell({ drvPath, outputName }: FoundDerivation): void {
		if (this.#onDerivation !== undefined) {
			this.#onDerivation({ drvPath, outputName });
			return;
		}
		let shown = drvPath;
		if (this.#given.addRoot === undefined) {
			if (!this.#warned) writeBytes(2, warnNoRoot);
			this.#warned = true;
		} else {
			const link = resolve(this.#given.addRoot) + (++this.#roots > 1 ? `-${this.#roots}` : "");
			this.#evaluation.store.addRoot(link, drvPath as StorePath);
			shown = bytesFromText(link);
		}
		writeBytes(1, `${shown}${outputName === "out" ? "" : `!${outputName}`}\n`);
	}
}

/** `-I` first, then NIX_PATH, or where that is not set the channels that exist. */
function searchPath(given: InstantiateArguments): ReturnType<typeof searchPathEntries> {
	const configured = given.settings.get("nix-path");
	const environment = process.env["NIX_PATH"];
	const rest =
		configured === undefined
			? environment === undefined
				? channels()
				: splitSearchPath(environment)
			: configured.split(/\s+/).filter((entry) => entry !== "");
	return searchPathEntries([...given.include, ...rest]);
}

function channels(): string[] {
	const own = join(process.env["HOME"] ?? homedir(), ".nix-defexpr/channels");
	const shared = "/nix/var/nix/profiles/per-user/root/channels";
	return [own, `nixpkgs=${shared}/nixpkgs`, shared].filter((entry) => existsSync(parseSearchPathEntry(entry).path));
}
