/** The command line of `nix-build`: its own flags, and those that it has in common with `nix-instantiate`. Layer 5, no I/O. */

import { diagnose, DiagnosticError } from "@devenv/diagnostics";
import { parseArguments, type InstantiateArguments } from "../nix-instantiate/arguments.ts";

export interface BuildArguments {
	readonly instantiate: InstantiateArguments;
	/** Store derivations that were named instead of expressions. */
	readonly derivations: readonly string[];
	/** Path of the first link; undefined for none. */
	readonly outLink: string | undefined;
	readonly dryRun: boolean;
	readonly keepGoing: boolean;
	/** Builds again what is valid, and compares. */
	readonly check: boolean;
	/** Where a hash is not the right one, the line with the right one is printed. */
	readonly fix: boolean;
	/** The output of builds is not shown. */
	readonly quiet: boolean;
}

export type ParsedBuild =
	| { readonly kind: "run"; readonly arguments: BuildArguments }
	| { readonly kind: "help" }
	| { readonly kind: "version" };

const unsupported: Readonly<Record<string, string>> = {
	"--run-env": "it is an old name of nix-shell",
	"--repair": "what is damaged is not built again",
};

/** Fails with `USAGE`. `config` is the text of Nix's configuration. */
export function parseBuildArguments(argv: readonly string[], config: string = ""): ParsedBuild {
	const rest: string[] = [];
	let outLink: string | undefined = "result";
	let [dryRun, keepGoing, quiet, check, fix] = [false, false, false, false, false];
	const pending = [...argv];
	for (let word = pending.shift(); word !== undefined; word = pending.shift()) {
		const reason = unsupported[word];
		if (reason !== undefined) failUsage(`'${word}' is not supported: ${reason}`);
		switch (word) {
			case "-o":
			case "--out-link":
			case "--add-root": {
				const path = pending.shift();
				if (path === undefined) failUsage(`flag '${word}' requires an argument`);
				outLink = path;
				break;
			}
			case "--no-out-link":
			case "--no-link":
				outLink = undefined;
				break;
			case "--dry-run":
				dryRun = true;
				break;
			case "-k":
			case "--keep-going":
				keepGoing = true;
				break;
			case "--check":
				check = true;
				break;
			case "--fix":
				fix = true;
				break;
			case "-Q":
			case "--no-build-output":
			case "--quiet":
				quiet = true;
				break;
			default:
				rest.push(word);
		}
	}
	const parsed = parseArguments(rest, config);
	if (parsed.kind !== "run") return parsed;
	const { mode, fromExpressions, inputs } = parsed.arguments;
	if (mode !== "instantiate") failUsage(`nix-build builds; '${mode}' is nix-instantiate's`);
	const derivations = fromExpressions ? [] : inputs.filter((input) => /^\/.*\.drv$/.test(input));
	const instantiate = { ...parsed.arguments, inputs: inputs.filter((input) => !derivations.includes(input)) };
	return { kind: "run", arguments: { instantiate, derivations, outLink, dryRun, keepGoing, check, fix, quiet } };
}

function failUsage(message: string): never {
	throw new DiagnosticError(diagnose("USAGE", message, { hint: "Try 'nix-build --help' for more information." }));
}
