/** An evaluator in this thread, on a store and the machine's files: what `nix-instantiate`, `eval-jobs` and `repl` evaluate with. Layer 5. */

import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Evaluator, type EvaluatorOptions, type LogLevel } from "@devenv/evaluator";
import { FetchedObjects, type MainThread, NodeEvalIO, type ReadJournal, userRegistries } from "@devenv/engine/eval-io";
import { bytesFromText } from "@devenv/nix-formats";
import { openStore, type Store } from "@devenv/store";

export interface EvaluationOptions {
	/** Undefined: there is no store, so nothing is written or fetched. */
	readonly storeRoot: string | undefined;
	/** Folder for what can be fetched again. */
	readonly cache: string;
	/** Builds and fetches. */
	readonly main: MainThread;
	/** Store derivations and copied files are only named; what is fetched is in the store all the same. */
	readonly readOnly: boolean;
	/** Refuses what may give another result another time. */
	readonly pure: boolean;
	/** Nothing is fetched, even where there is a store. */
	readonly offline?: boolean;
	/** What `builtins.getEnv` sees. */
	readonly environment: Readonly<Record<string, string | undefined>>;
	readonly log: (level: LogLevel, message: string) => void;
	readonly evaluator: Omit<EvaluatorOptions, "io">;
	/** That store, opened already for what is to be done; closed with the evaluation. */
	readonly store?: Store;
	/** Gets what is read. */
	readonly journal?: ReadJournal | undefined;
}

export class OpenEvaluation {
	readonly evaluator: Evaluator;
	readonly io: NodeEvalIO;
	readonly store: Store;
	readonly #options: EvaluationOptions;
	/** What fetching writes to where the store is only read otherwise. */
	#writable: Store | undefined;
	#objects: FetchedObjects | undefined;

	constructor(options: EvaluationOptions) {
		const { storeRoot, readOnly, main } = options;
		this.#options = options;
		this.store =
			options.store ??
			openStore({
				root: storeRoot ?? join(tmpdir(), "devenv-no-store"),
				readOnly: readOnly || storeRoot === undefined,
			});
		this.io = new NodeEvalIO({
			store: this.store,
			readOnly: readOnly || storeRoot === undefined,
			pure: options.pure,
			environment: options.environment,
			log: options.log,
			...(options.journal === undefined ? {} : { journal: options.journal }),
			realise: (drvPath, outputs) => main.ask({ kind: "realise", drvPath, outputs }, drvPath),
			...(storeRoot === undefined || options.offline === true
				? {}
				: {
						fetch: (request) => this.#fetched(storeRoot).fetch(request),
						fetchTree: (input) => this.#fetched(storeRoot).fetchTree(input),
					}),
		});
		this.evaluator = new Evaluator({ io: this.io, ...options.evaluator });
	}

	close(): void {
		this.store.close();
		this.#writable?.close();
	}

	#fetched(root: string): FetchedObjects {
		if (this.#objects !== undefined) return this.#objects;
		if (this.store.readOnly) {
			this.#writable = openStore({ root });
			this.io.useStore(this.#writable);
		}
		const { main, cache, pure, environment } = this.#options;
		const registries = pure ? { files: [] } : userRegistries(environment);
		this.#objects = new FetchedObjects({ store: this.#writable ?? this.store, main, cache, registries });
		return this.#objects;
	}
}

/** One entry of `-I` or NIX_PATH: `name=path` or `path`. */
export function parseSearchPathEntry(text: string): { readonly prefix: string; readonly path: string } {
	const at = text.indexOf("=");
	return at < 0 ? { prefix: "", path: text } : { prefix: text.slice(0, at), path: text.slice(at + 1) };
}

/** Takes NIX_PATH apart at colons, but not at those of URLs. */
export function splitSearchPath(text: string): string[] {
	const entries: string[] = [];
	for (const piece of text.split(":")) {
		const last = entries.at(-1);
		const opensUrl = last !== undefined && /(?:^|=)(?:https?|file|git|s3|ssh)$/.test(last) && piece.startsWith("//");
		const opensChannel = last !== undefined && /(?:^|=)(?:channel|flake)$/.test(last);
		if (opensUrl || opensChannel) entries[entries.length - 1] = `${last}:${piece}`;
		else entries.push(piece);
	}
	return entries.filter((entry) => entry !== "");
}

/** Entries of a search path as the evaluator takes them: paths made absolute, URLs as they are. */
export function searchPathEntries(entries: readonly string[]): { prefix: string; path: string }[] {
	return entries.map((entry) => {
		const { prefix, path } = parseSearchPathEntry(entry);
		const isUrl = /^(?:[a-z0-9+]+:\/\/|channel:|flake:)/.test(path);
		return { prefix: bytesFromText(prefix), path: bytesFromText(isUrl ? path : resolve(path)) };
	});
}
