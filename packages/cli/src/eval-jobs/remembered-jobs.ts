/** Jobs of earlier walks, kept on disk: what nothing has changed of is not evaluated again. Layer 5. */

import { basename, join, relative } from "node:path";
import {
	EvaluationMemory,
	hostSystem,
	type RecordedRead,
	RecordBuilder,
	type RememberedResult,
	sourceRootOf,
	type ThreadNumbers,
} from "@devenv/engine/eval-io";
import { formatLog, type LogLevel } from "@devenv/evaluator";
import { bytesFromText, parseDrvPath, textFromBytes } from "@devenv/nix-formats";
import type { HomeLayout } from "@devenv/protocol";
import { openStore, type Store } from "@devenv/store";
import { evaluatorVersion } from "../evaluation/evaluator-version.ts";
import type { Found, FoundReads, JobsRequest } from "./messages.ts";

export interface RememberedJobsOptions {
	readonly request: JobsRequest;
	readonly layout: HomeLayout;
	/** Real path of the tree of sources. */
	readonly root: string;
	readonly onLog: (text: string) => void;
}

export class RememberedJobs {
	readonly #options: RememberedJobsOptions;
	readonly #memory: EvaluationMemory;
	readonly #store: Store;
	readonly #builder: RecordBuilder;
	readonly #known: ReadonlyMap<string, RememberedResult>;
	readonly #reads: readonly RecordedRead[];
	/** Messages that were told for what is remembered. */
	readonly #said = new Set<string>();
	#fresh = false;

	constructor(options: RememberedJobsOptions) {
		const { request, layout, root } = options;
		this.#options = options;
		this.#store = openStore({ root: layout.storeRoot, readOnly: request.readOnly });
		this.#memory = new EvaluationMemory({
			folder: join(layout.cache, "evaluations"),
			question: questionOf(request, root),
			world: { root: bytesFromText(root), store: this.#store, environment: request.impure ? process.env : {} },
		});
		const recalled = this.#memory.recall();
		this.#builder = new RecordBuilder(recalled);
		this.#known = recalled?.record.results ?? new Map<string, RememberedResult>();
		this.#reads = recalled?.record.reads ?? [];
		this.#say(recalled?.record.base ?? []);
	}

	/** What is known of an attribute path, and left in the store as an evaluation would leave it. */
	recall(attrPath: readonly string[]): Found | undefined {
		const known = this.#known.get(JSON.stringify(attrPath));
		if (known === undefined) return undefined;
		const found = JSON.parse(known.data) as Found;
		if (found.kind === "job" && found.job.drvPath !== undefined && !this.#keep(found.job.drvPath)) return undefined;
		this.#say(known.reads);
		return found;
	}

	/** Takes what a thread found, to be kept. */
	learn(
		attrPath: readonly string[],
		found: Found,
		told: { readonly thread: ThreadNumbers; readonly reads: FoundReads },
	): void {
		const { thread, reads } = told;
		this.#builder.learn(thread, reads.fresh);
		this.#builder.addBase(thread, reads.base ?? []);
		this.#builder.add(JSON.stringify(attrPath), JSON.stringify(found), { thread, reads: reads.own });
		this.#fresh = true;
	}

	/** Whether a message was told for something remembered, so that it need not be told again; true once. */
	wasSaid(text: string): boolean {
		return this.#said.delete(text);
	}

	/** Writes what is new. */
	save(): void {
		if (this.#fresh && !this.#builder.hopeless) this.#memory.keep(this.#builder.build());
	}

	close(): void {
		this.#store.close();
	}

	/** Whether a store derivation is there still; what may be written is kept from garbage collection as if it were new. */
	#keep(drvPath: string): boolean {
		const { readOnly, gcRoots } = this.#options.request;
		if (readOnly) return true;
		const path = parseDrvPath(drvPath, this.#store.storeDir);
		this.#store.addTempRoot(path);
		if (!this.#store.isValid(path)) return false;
		if (gcRoots !== undefined) this.#store.addRoot(join(gcRoots, basename(path)), path);
		return true;
	}

	#say(reads: Iterable<number>): void {
		for (const number of reads) {
			const read = this.#reads[number];
			if (read?.kind !== "log") continue;
			const text = textFromBytes(formatLog(read.answer as LogLevel, read.name));
			if (this.#said.has(text)) continue;
			this.#said.add(text);
			this.#options.onLog(text);
		}
	}
}

/** Real path of the tree of sources of a set of jobs; undefined where there is none that could be looked at. */
export function jobsRoot({ source }: JobsRequest): string | undefined {
	switch (source.kind) {
		case "file":
			return sourceRootOf(source.path);
		case "expression":
			return sourceRootOf(source.baseDir);
		case "flake":
			return sourceRootOf(process.cwd());
	}
}

/** What the jobs depend on that is not read. */
function questionOf(request: JobsRequest, root: string): string {
	const { gcRoots: _, source, ...rest } = request;
	const placed = (path: string): string => `./${relative(root, path)}`;
	const here =
		source.kind === "file" ? placed(source.path) : source.kind === "expression" ? placed(source.baseDir) : "";
	const { HOME, NIX_PATH } = process.env;
	return JSON.stringify([
		evaluatorVersion(),
		hostSystem(),
		{ ...rest, source: source.kind === "file" ? here : source, here },
		rest.args.length > 0 || rest.include.length > 0 ? process.cwd() : null,
		HOME ?? null,
		rest.impure ? (NIX_PATH ?? null) : null,
	]);
}
