/** What `nix-instantiate` said for the same arguments before, kept on disk: it says it again while nothing has changed. Layer 5. */

import { join, relative, resolve } from "node:path";
import {
	EvaluationMemory,
	hostSystem,
	RecordBuilder,
	type RecordedRead,
	type ThreadNumbers,
	sourceRootOf,
} from "@devenv/engine/eval-io";
import { formatLog, type LogLevel } from "@devenv/evaluator";
import { bytesFromText, type DrvPath } from "@devenv/nix-formats";
import type { Store } from "@devenv/store";
import { evaluatorVersion } from "../evaluation/evaluator-version.ts";
import type { InstantiateArguments } from "./arguments.ts";
import type { FoundDerivation } from "./derivation-search.ts";

/** What one run tells, in its order. */
export type Told =
	| { readonly kind: "derivation"; readonly found: FoundDerivation }
	/** A byte string for standard output. */
	| { readonly kind: "text"; readonly text: string };

/** Milliseconds of evaluation below which remembering costs more than it gives. */
const WORTH = 100;

export interface InstantiationWorld {
	readonly store: Store;
	readonly cache: string;
	readonly environment: Readonly<Record<string, string | undefined>>;
	/** Entries of the search path. */
	readonly nixPath: unknown;
}

export class RememberedInstantiation {
	/** Real path of the tree of sources. */
	readonly root: string;
	readonly #memory: EvaluationMemory;
	readonly #store: Store;
	readonly #started: number = performance.now();

	/** Undefined where nothing is to be remembered. */
	static open(given: InstantiateArguments, world: InstantiationWorld): RememberedInstantiation | undefined {
		if (given.mode !== "instantiate" && (given.mode !== "eval" || !given.readOnly)) return undefined;
		if (given.settings.get("eval-cache") === "false" || given.fromStdin) return undefined;
		if ([...given.autoArguments.values()].some(({ kind }) => kind === "stdin")) return undefined;
		const [first = "."] = given.inputs;
		const root = sourceRootOf(given.fromExpressions || first.startsWith("<") ? process.cwd() : resolve(first));
		return root === undefined ? undefined : new RememberedInstantiation(given, { ...world, root });
	}

	private constructor(given: InstantiateArguments, world: InstantiationWorld & { readonly root: string }) {
		const { root, store, cache, environment } = world;
		this.root = root;
		this.#store = store;
		this.#memory = new EvaluationMemory({
			folder: join(cache, "evaluations"),
			question: questionOf(given, world),
			world: { root: bytesFromText(root), store, environment },
		});
	}

	/** What is to be told, messages first; undefined where it has to be evaluated. */
	recall(onMessage: (text: string) => void): readonly Told[] | undefined {
		const record = this.#memory.recall()?.record;
		const known = record?.results.get("");
		if (record === undefined || known === undefined) return undefined;
		const told = JSON.parse(known.data) as readonly Told[];
		for (const each of told) if (each.kind === "derivation" && !this.#keep(each.found.drvPath)) return undefined;
		for (const { kind, name, answer } of record.reads) {
			if (kind === "log") onMessage(formatLog(answer as LogLevel, name));
		}
		return told;
	}

	/** Keeps what was told after these reads. */
	keep(told: readonly Told[], reads: readonly RecordedRead[]): void {
		if (performance.now() - this.#started < WORTH) return;
		const builder = new RecordBuilder();
		const numbers: ThreadNumbers = [];
		builder.learn(numbers, reads);
		builder.addBase(numbers, numbers.keys());
		builder.add("", JSON.stringify(told), { thread: numbers, reads: [] });
		if (!builder.hopeless) this.#memory.keep(builder.build());
	}

	/** Whether a store derivation is there still; it is kept from garbage collection as if it were new. */
	#keep(drvPath: string): boolean {
		if (this.#store.readOnly) return true;
		this.#store.addTempRoot(drvPath as DrvPath);
		return this.#store.isValid(drvPath as DrvPath);
	}
}

/** What the outcome depends on that is not read. */
function questionOf(
	given: InstantiateArguments,
	{ root, nixPath }: InstantiationWorld & { readonly root: string },
): string {
	const { addRoot: _root, store: _store, inputs, settings, autoArguments, ...rest } = given;
	const placed = (path: string): string => (path.startsWith("<") ? path : `./${relative(root, resolve(path))}`);
	return JSON.stringify([
		"nix-instantiate",
		evaluatorVersion(),
		hostSystem(),
		rest,
		given.fromExpressions ? inputs : inputs.map(placed),
		placed("."),
		[...settings],
		[...autoArguments],
		nixPath,
		process.env["HOME"] ?? null,
	]);
}
