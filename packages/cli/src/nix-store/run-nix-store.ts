/** `nix-store`: the drop-in for Nix's program. Layer 5. */

import { isDrvPath } from "@devenv/nix-formats";
import { nixConfiguration } from "../nix-programs/nix-configuration.ts";
import { writeText } from "../nix-programs/byte-output.ts";
import { failUsage, reportFailure } from "../nix-programs/nix-error.ts";
import { ProgramStore } from "../nix-programs/program-store.ts";
import { writeError } from "../standard-error.ts";
import * as archives from "./store-archives.ts";
import { type Operation, parseStoreArguments, type StoreArguments } from "./store-arguments.ts";
import * as contents from "./store-contents.ts";
import { collectGarbage, deletePaths, formatMebibytes } from "./store-garbage.ts";
import { answerQuery, type QueryKind } from "./store-query.ts";
import { storeUsage } from "./store-usage.ts";
import { repairPaths, verify, verifyPaths } from "./store-verify.ts";

/** Runs the program; `argv` is without the program's name. Gives the exit status. */
export async function runNixStore(argv: readonly string[]): Promise<number> {
	let world: ProgramStore | undefined;
	try {
		const given = parseStoreArguments(argv, nixConfiguration());
		if (given.operation === "help") {
			writeText(storeUsage);
			return 0;
		}
		if (given.operation === "version") {
			const { NIX_VERSION } = await import("@devenv/evaluator");
			writeText(`nix-store (Nix) ${NIX_VERSION}\n`);
			return 0;
		}
		world = new ProgramStore(given.common);
		const status = await handlers[given.operation](world, given);
		return typeof status === "number" ? status : 0;
	} catch (error) {
		return reportFailure(error);
	} finally {
		await world?.close();
	}
}

/** What each operation does; a number that it gives, or resolves to, is the exit status. */
const handlers: Readonly<
	Record<Exclude<Operation, "help" | "version">, (world: ProgramStore, given: StoreArguments) => unknown>
> = {
	realise: async (world, given) => {
		const { realise } = await import("./store-realise.ts");
		await realise(world, given);
	},
	query,
	gc: collectGarbage,
	delete: deletePaths,
	add: contents.add,
	"add-fixed": contents.addFixed,
	"print-fixed-path": contents.printFixedPath,
	"print-env": contents.printEnvironment,
	"read-log": contents.readLog,
	"check-validity": contents.checkValidity,
	dump: archives.dump,
	restore: archives.restore,
	export: archives.exportObjects,
	import: archives.importObjects,
	"dump-db": archives.dumpDatabase,
	"load-db": archives.loadDatabase,
	"register-validity": archives.registerGiven,
	"generate-binary-cache-key": archives.generateBinaryCacheKey,
	verify,
	"verify-path": verifyPaths,
	"repair-path": repairPaths,
	optimise,
	init: archives.initialise,
	serve: async (world, given) => {
		const { serve } = await import("../nix-serve/serve-store.ts");
		await serve(world, given);
	},
};

function optimise(world: ProgramStore, { flags, args }: StoreArguments): void {
	if (flags.length > 0 || args.length > 0) failUsage("nix-store", "no arguments expected");
	const { filesLinked, bytesFreed } = world.writing.optimise();
	writeError(`${formatMebibytes(bytesFreed)} freed by hard-linking ${filesLinked} files\n`);
}

const queryFlags: Readonly<Record<string, QueryKind>> = {
	"--outputs": "outputs",
	"--requisites": "requisites",
	"-R": "requisites",
	"--references": "references",
	"--referrers": "referrers",
	"--referers": "referrers",
	"--referrers-closure": "referrers-closure",
	"--referers-closure": "referrers-closure",
	"--deriver": "deriver",
	"-d": "deriver",
	"--valid-derivers": "valid-derivers",
	"--binding": "binding",
	"-b": "binding",
	"--hash": "hash",
	"--size": "size",
	"--tree": "tree",
	"--graph": "graph",
	"--graphml": "graphml",
	"--resolve": "resolve",
	"--roots": "roots",
};

async function query(world: ProgramStore, given: StoreArguments): Promise<void> {
	let kind: QueryKind | undefined;
	let binding: string | undefined;
	let [useOutputs, includeOutputs, forceRealise] = [false, false, false];
	const words = [...given.args];
	for (const flag of given.flags) {
		const asked = Object.hasOwn(queryFlags, flag) ? queryFlags[flag] : undefined;
		if (asked === "binding") binding = words.shift() ?? failUsage("nix-store", "expected binding name");
		if (asked !== undefined) {
			if (kind !== undefined && kind !== asked) {
				failUsage("nix-store", `query type '${flag}' conflicts with earlier flag`);
			}
			kind = asked;
		} else if (flag === "--use-output" || flag === "-u") useOutputs = true;
		else if (flag === "--force-realise" || flag === "--force-realize" || flag === "-f") forceRealise = true;
		else if (flag === "--include-outputs") includeOutputs = true;
		else failUsage("nix-store", `unknown flag '${flag}'`);
	}
	const paths = words.map((word) => world.find(word));
	if (forceRealise) {
		const { realise } = await import("./store-realise.ts");
		const drvs = paths.filter((path) => isDrvPath(path, world.reading.storeDir));
		await realise(world, { ...given, flags: [], args: drvs, noOutput: true });
	}
	writeText(answerQuery(world.reading, { kind: kind ?? "outputs", useOutputs, includeOutputs, binding }, paths));
}
