/** The command line of `nix-instantiate`, read as Nix reads it. Layer 5, no I/O. */

import { diagnose, DiagnosticError } from "@devenv/diagnostics";
import { expandFlags, ignoredFlags, shortFlags, switches, valued } from "../nix-programs/common-flags.ts";

type OutputForm = "plain" | "raw" | "json" | "xml";

/** A value for a function's argument: an expression, a text, or a file with the text. */
export interface AutoArgument {
	readonly kind: "expression" | "string" | "file" | "stdin";
	readonly text: string;
}

export interface InstantiateArguments {
	/** Files, or expressions after `--expr`. */
	readonly inputs: readonly string[];
	readonly fromExpressions: boolean;
	readonly fromStdin: boolean;
	readonly mode: "instantiate" | "eval" | "parse" | "find-file";
	readonly form: OutputForm;
	/** `--xml` with source positions. */
	readonly location: boolean;
	readonly strict: boolean;
	readonly readOnly: boolean;
	readonly attrPaths: readonly string[];
	readonly autoArguments: ReadonlyMap<string, AutoArgument>;
	/** Entries of `-I`, in order. */
	readonly include: readonly string[];
	readonly addRoot: string | undefined;
	/** `--store`, as given. */
	readonly store: string | undefined;
	/** Settings by `--option`, by a flag of their own or by Nix's configuration; later ones win. */
	readonly settings: ReadonlyMap<string, string>;
	/** Settings that Nix does not have, to be warned about. */
	readonly unknownSettings: readonly string[];
}

export type ParsedArguments =
	| { readonly kind: "run"; readonly arguments: InstantiateArguments }
	| { readonly kind: "help" }
	| { readonly kind: "version" };

/** Flags without meaning here, and how many values they take. */
const ignored: Readonly<Record<string, number>> = {
	...ignoredFlags,
	"--indirect": 0,
	"--repair": 0,
	"--override-flake": 2,
	"--eval-store": 1,
};

/** Reads the arguments; fails with `USAGE` as Nix does. `config` is the text of Nix's configuration. */
export function parseArguments(argv: readonly string[], config: string = ""): ParsedArguments {
	return new ArgumentParser(argv, config).parse();
}

class ArgumentParser {
	readonly #pending: string[];
	readonly #inputs: string[] = [];
	readonly #attrPaths: string[] = [];
	readonly #include: string[] = [];
	readonly #autoArguments = new Map<string, AutoArgument>();
	readonly #settings = new Map<string, string>();
	readonly #unknown: string[] = [];
	#fromExpressions = false;
	#fromStdin = false;
	#mode: InstantiateArguments["mode"] = "instantiate";
	#form: OutputForm = "plain";
	#location = true;
	#strict = false;
	#readOnly = false;
	#readWrite = false;
	#addRoot: string | undefined;
	#store: string | undefined;

	constructor(argv: readonly string[], config: string) {
		this.#pending = [...argv];
		for (const line of config.split("\n")) {
			const found = /^\s*([\w-]+)\s*=\s*(.*?)\s*(?:#.*)?$/.exec(line);
			if (found !== null) this.#set(found[1] ?? "", found[2] ?? "");
		}
	}

	parse(): ParsedArguments {
		let onlyInputs = false;
		for (let argument = this.#pending.shift(); argument !== undefined; argument = this.#pending.shift()) {
			if (onlyInputs) {
				this.#inputs.push(argument);
				continue;
			}
			const [flag = "", ...rest] = expandFlags(argument);
			this.#pending.unshift(...rest);
			argument = flag;
			if (argument === "--") onlyInputs = true;
			else if (argument === "--help") return { kind: "help" };
			else if (argument === "--version") return { kind: "version" };
			else this.#argument(shortFlags[argument] ?? argument);
		}
		const evaluates = this.#mode === "eval" || this.#mode === "parse";
		return {
			kind: "run",
			arguments: {
				inputs: this.#inputs,
				fromExpressions: this.#fromExpressions,
				fromStdin: this.#fromStdin,
				mode: this.#mode,
				form: this.#form,
				location: this.#location,
				strict: this.#strict,
				readOnly: this.#readOnly || (evaluates && !this.#readWrite),
				attrPaths: this.#attrPaths.length === 0 ? [""] : this.#attrPaths,
				autoArguments: this.#autoArguments,
				include: this.#include,
				addRoot: this.#addRoot,
				store: this.#store,
				settings: this.#settings,
				unknownSettings: this.#unknown,
			},
		};
	}

	#value(flag: string): string {
		const value = this.#pending.shift();
		if (value === undefined) failUsage(`flag '${flag}' requires an argument`);
		return value;
	}

	#argument(argument: string): void {
		switch (argument) {
			case "-":
				this.#fromStdin = true;
				return;
			case "--expr":
				this.#fromExpressions = true;
				return;
			case "--eval":
			case "--eval-only":
				if (this.#mode !== "parse") this.#mode = "eval";
				return;
			case "--parse":
			case "--parse-only":
				this.#mode = "parse";
				return;
			case "--find-file":
				this.#mode = "find-file";
				return;
			case "--read-write-mode":
				this.#readWrite = true;
				return;
			case "--readonly-mode":
			case "--dry-run":
				this.#readOnly = true;
				return;
			case "--strict":
				this.#strict = true;
				return;
			case "--raw":
			case "--json":
			case "--xml":
				this.#form = argument.slice(2) as OutputForm;
				return;
			case "--no-location":
				this.#location = false;
				return;
			case "--attr":
				this.#attrPaths.push(this.#value(argument));
				return;
			case "--add-root":
				this.#addRoot = this.#value(argument);
				return;
			case "--store":
				this.#store = this.#value(argument);
				return;
			case "--include":
				this.#include.push(this.#value(argument));
				return;
			case "--impure":
				this.#settings.set("pure-eval", "false");
				return;
			case "--option": {
				const name = this.#value(argument);
				this.#set(name, this.#value(argument));
				return;
			}
			default:
				if (this.#autoArgument(argument) || this.#otherFlag(argument)) return;
				if (argument.startsWith("-")) failUsage(`unrecognised flag '${argument}'`);
				this.#inputs.push(argument);
		}
	}

	#autoArgument(flag: string): boolean {
		const kinds: Readonly<Record<string, AutoArgument["kind"]>> = {
			"--arg": "expression",
			"--argstr": "string",
			"--arg-from-file": "file",
			"--arg-from-stdin": "stdin",
		};
		const kind = kinds[flag];
		if (kind === undefined) return false;
		const name = this.#value(flag);
		this.#autoArguments.set(name, { kind, text: kind === "stdin" ? "" : this.#value(flag) });
		return true;
	}

	/** Settings as flags, and flags that change nothing. */
	#otherFlag(flag: string): boolean {
		const skipped = ignored[flag];
		if (skipped !== undefined) {
			for (let count = 0; count < skipped; count++) this.#value(flag);
			return true;
		}
		if (!flag.startsWith("--")) return false;
		const name = flag.slice(2);
		if (switches.has(name)) this.#settings.set(name, "true");
		else if (name.startsWith("no-") && switches.has(name.slice(3))) this.#settings.set(name.slice(3), "false");
		else if (valued.has(name)) this.#set(name, this.#value(flag));
		else return false;
		return true;
	}

	#set(name: string, value: string): void {
		if (name.startsWith("extra-") && valued.has(name.slice("extra-".length))) {
			const base = name.slice("extra-".length);
			const before = this.#settings.get(base);
			this.#settings.set(base, before === undefined ? value : `${before} ${value}`);
			return;
		}
		if (!switches.has(name) && !valued.has(name)) this.#unknown.push(name);
		this.#settings.set(name, value);
	}
}

function failUsage(message: string): never {
	throw new DiagnosticError(diagnose("USAGE", message, { hint: "Try 'nix-instantiate --help' for more information." }));
}
