/**
 * The inputs of environments: locking them, bringing them into the store, searching them. Layer 3.
 *
 * Where lock and store suffice, nothing is fetched.
 */

import { join } from "node:path";
import { DiagnosticError, diagnose, fail } from "@devenv/diagnostics";
import { type EnvSpec, type InputSpec, type LockedInput, lockedRevision, type LockFile } from "@devenv/env-file";
import type { StorePath } from "@devenv/nix-formats";
import type { Store } from "@devenv/store";
import { DebianInputs, type DebianRequest } from "../debian/debian-inputs.ts";
import { PackageCatalog } from "../debian/package-catalog.ts";
import type {
	InputChange,
	LockOptions,
	LockOutcome,
	SearchOutcome,
	SearchRequest,
	WorkOptions,
} from "../engine-interface.ts";
import type { Fetcher } from "../fetch/fetcher.ts";
import { momentOf } from "../debian/moment.ts";
import { fetchedArchive } from "./fetched-archive.ts";

export interface InputsOptions {
	readonly store: Store;
	readonly fetcher: Fetcher;
	/** Folder for what can be computed again. */
	readonly cache: string;
	readonly system: string;
}

export class Inputs {
	readonly #options: InputsOptions;
	readonly #debian: DebianInputs;
	/** For files on their way; the store removes what a killed process left there. */
	readonly #downloads: string;
	/** Index objects being brought into the store, by lock entry: asked for by many, made once. */
	readonly #making = new Map<string, Promise<StorePath>>();

	constructor(options: InputsOptions) {
		const { store, system, cache } = options;
		this.#options = options;
		this.#downloads = store.scratch().path;
		this.#debian = new DebianInputs({ store, system, memo: join(cache, "indexes") });
	}

	/** See {@link Engine.lockInputs}. */
	async lock(spec: EnvSpec, existing: LockFile | undefined, options: LockOptions): Promise<LockOutcome> {
		const { update = [] } = options;
		requireKnown(spec, update);
		const inputs: LockedInput[] = [];
		const changes: InputChange[] = [];
		for (const input of spec.inputs) {
			const before = existing?.inputs.find(({ name }) => name === input.name);
			const wanted = update === "all" || update.includes(input.name);
			if (before !== undefined && before.url === input.url.value && !wanted) {
				inputs.push(before);
				continue;
			}
			const after = await this.#lockOne(input, options);
			inputs.push(after);
			if (before !== undefined && JSON.stringify(before) === JSON.stringify(after)) continue;
			const from = before === undefined ? null : lockedRevision(before);
			changes.push({ input: input.name, from, to: lockedRevision(after) });
		}
		for (const before of existing?.inputs ?? []) {
			if (inputs.some(({ name }) => name === before.name)) continue;
			changes.push({ input: before.name, from: lockedRevision(before), to: null });
		}
		return { lock: { inputs }, changes };
	}

	/** For people: the newest date of a locked input. */
	describe(lock: LockFile, name: string): string | null {
		const locked = lock.inputs.find((input) => input.name === name);
		return locked === undefined ? null : lockedRevision(locked);
	}

	/** The index object of a locked input, made valid; its store path. Throws `LOCK_…`, `DEBIAN_…`, `FETCH_…`. */
	async ensure(lock: LockFile, name: string, options: WorkOptions): Promise<StorePath> {
		const locked = lock.inputs.find((input) => input.name === name);
		if (locked === undefined) {
			fail("LOCK_INPUT_MISSING", `input '${name}' is not in env.lock`, { hint: `\`devenv update ${name}\` locks it` });
		}
		const key = JSON.stringify(locked);
		for (;;) {
			const others = this.#making.get(key);
			if (others === undefined) break;
			try {
				return await others;
			} catch (error) {
				// Whoever began it may have left; then it is ours to do.
				if (error instanceof DiagnosticError) throw error;
				options.signal?.throwIfAborted();
			}
		}
		const making = this.#debian.ensureIndex(locked, this.#request(options));
		this.#making.set(key, making);
		try {
			return await making;
		} finally {
			this.#making.delete(key);
		}
	}

	/** See {@link Engine.search}. */
	async search({ lock, query, limit }: SearchRequest, options: WorkOptions): Promise<SearchOutcome> {
		const outcomes: SearchOutcome[] = [];
		for (const { name: input } of lock.inputs) {
			const index = await this.ensure(lock, input, options);
			const { hits, total } = new PackageCatalog(this.#options.store.physical(index)).search(query, limit);
			outcomes.push({
				total,
				hits: hits.map(({ name, version, description }) => ({ attr: name, version, description, input })),
			});
		}
		return {
			hits: outcomes.flatMap(({ hits }) => hits).slice(0, limit),
			total: outcomes.reduce((sum, { total }) => sum + total, 0),
		};
	}

	/** Names to suggest for a package that an input does not have. */
	async suggest(lock: LockFile, input: string, name: string): Promise<readonly string[]> {
		const index = await this.ensure(lock, input, {});
		return new PackageCatalog(this.#options.store.physical(index)).suggest(name);
	}

	async #lockOne(input: InputSpec, options: LockOptions): Promise<LockedInput> {
		options.onEvent?.({ kind: "phase", phase: "lock", message: `locking ${input.url.value}` });
		try {
			const past = options.to === undefined ? {} : { past: momentOf(options.to, new Date()) };
			const request = { ...this.#request(options), ...past };
			return await this.#debian.lock({ name: input.name, url: input.url.value }, request);
		} catch (error) {
			throw atInput(error, input);
		}
	}

	#request({ onEvent, signal, offline = false }: WorkOptions): DebianRequest {
		const { fetcher } = this.#options;
		const listener = onEvent === undefined ? {} : { onEvent };
		return {
			access: fetchedArchive({ fetcher, folder: this.#downloads, offline, ...listener }),
			...(signal === undefined ? {} : { signal }),
		};
	}
}

function requireKnown(spec: EnvSpec, update: "all" | readonly string[]): void {
	if (update === "all") return;
	const unknown = update.find((name) => spec.inputs.every((input) => input.name !== name));
	if (unknown === undefined) return;
	fail("ENV_UNKNOWN_INPUT", `there is no input '${unknown}'`, {
		hint: `the inputs are: ${spec.inputs.map(({ name }) => name).join(", ")}`,
	});
}

/** Adds the input's place to the diagnostics that have none. */
function atInput(error: unknown, input: InputSpec): unknown {
	const { location } = input.url;
	if (!(error instanceof DiagnosticError) || location === undefined) return error;
	return new DiagnosticError(
		error.diagnostics.map(({ code, message, ...detail }) => diagnose(code, message, { location, ...detail })),
		{ cause: error },
	);
}
