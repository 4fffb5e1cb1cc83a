/** The command line of `nix-store`: one operation, its flags, and its arguments. Layer 5, no I/O. */

import { ArgumentReader, type CommonArguments } from "../nix-programs/nix-arguments.ts";
import { failUsage } from "../nix-programs/nix-error.ts";

export type Operation =
	| "realise"
	| "serve"
	| "gc"
	| "delete"
	| "query"
	| "add"
	| "add-fixed"
	| "print-fixed-path"
	| "print-env"
	| "read-log"
	| "dump-db"
	| "load-db"
	| "register-validity"
	| "check-validity"
	| "dump"
	| "restore"
	| "export"
	| "import"
	| "init"
	| "verify"
	| "verify-path"
	| "repair-path"
	| "optimise"
	| "generate-binary-cache-key"
	| "help"
	| "version";

const operations: Readonly<Record<string, Operation>> = {
	"--realise": "realise",
	"--realize": "realise",
	"-r": "realise",
	"--serve": "serve",
	"--gc": "gc",
	"--delete": "delete",
	"--query": "query",
	"-q": "query",
	"--add": "add",
	"-A": "add",
	"--add-fixed": "add-fixed",
	"--print-fixed-path": "print-fixed-path",
	"--print-env": "print-env",
	"--read-log": "read-log",
	"-l": "read-log",
	"--dump-db": "dump-db",
	"--load-db": "load-db",
	"--register-validity": "register-validity",
	"--check-validity": "check-validity",
	"--dump": "dump",
	"--restore": "restore",
	"--export": "export",
	"--import": "import",
	"--init": "init",
	"--verify": "verify",
	"--verify-path": "verify-path",
	"--repair-path": "repair-path",
	"--optimise": "optimise",
	"--optimize": "optimise",
	"--generate-binary-cache-key": "generate-binary-cache-key",
	"--help": "help",
	"--version": "version",
};

/** Letters that mean something else here than in programs that evaluate. */
const ownLetters: ReadonlySet<string> = new Set(["-A"]);

export interface StoreArguments {
	readonly operation: Operation;
	/** Flags that no program but this one has, in order. */
	readonly flags: readonly string[];
	readonly args: readonly string[];
	/** `--max-freed`, as given. */
	readonly maxFreed: string | undefined;
	/** Path of the first link that keeps what is realised. */
	readonly addRoot: string | undefined;
	/** Paths that are realised are not printed. */
	readonly noOutput: boolean;
	readonly common: CommonArguments;
}

/** Fails with `USAGE`. `config` is the text of Nix's configuration. */
export function parseStoreArguments(argv: readonly string[], config?: string): StoreArguments {
	const reader = new ArgumentReader("nix-store", argv, config);
	const [flags, args]: [string[], string[]] = [[], []];
	let operation: Operation | undefined;
	let [maxFreed, addRoot]: (string | undefined)[] = [];
	let noOutput = false;
	for (let word = reader.next(ownLetters); word !== undefined; word = reader.next(ownLetters)) {
		const found = Object.hasOwn(operations, word) ? operations[word] : undefined;
		if (found !== undefined) {
			if (operation !== undefined && operation !== found) {
				failUsage("nix-store", "only one operation may be specified");
			}
			operation = found;
		} else if (word === "--add-root") addRoot = reader.value(word);
		else if (word === "--no-output") noOutput = true;
		else if (word === "--max-freed") maxFreed = reader.value(word);
		else if (word === "--indirect") continue;
		else if (word.startsWith("-") && word !== "-") flags.push(word);
		else args.push(word);
	}
	if (operation === undefined) failUsage("nix-store", "no operation specified");
	return { operation, flags, args, maxFreed, addRoot, noOutput, common: reader.common() };
}
