/**
 * The inputs of environments: locking them, bringing them into the store, searching them. Layer 3.
 *
 * Where lock and store suffice, nothing is fetched.
 */

import { existsSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { DiagnosticError, diagnose, fail, type Location } from "@devenv/diagnostics";
import {
	type EnvSpec,
	type InputSpec,
	type Located,
	type LockedInput,
	lockedRevision,
	type LockFile,
	overlayInput,
} from "@devenv/env-file";
import type { StorePath } from "@devenv/nix-formats";
import type { Store } from "@devenv/store";
import { DebianInputs, type DebianRequest } from "../debian/debian-inputs.ts";
import { PackageCatalog } from "../debian/package-catalog.ts";
import type {
	EnvironmentRequest,
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
import { TreeInputs, type TreeRequest } from "./tree-inputs.ts";
import { isTreeUrl } from "./tree-url.ts";

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
	readonly #trees: TreeInputs;
	/** For files on their way; the store removes what a killed process left there. */
	readonly #downloads: string;
	/** Index objects being brought into the store, by lock entry: asked for by many, made once. */
	readonly #making = new Map<string, Promise<StorePath>>();

	constructor(options: InputsOptions) {
		const { store, system, cache } = options;
		this.#options = options;
		this.#downloads = store.scratch().path;
		this.#debian = new DebianInputs({ store, system, memo: join(cache, "indexes") });
		this.#trees = new TreeInputs({ store, fetcher: options.fetcher, cache: join(cache, "git") });
	}

	/** See {@link Engine.lockInputs}. */
	async lock(spec: EnvSpec, existing: LockFile | undefined, options: LockOptions): Promise<LockOutcome> {
		const { update = [], to: _, ...newest } = options;
		requireKnown(spec, update);
		const inputs: LockedInput[] = [];
		const changes: InputChange[] = [];
		for (const input of spec.inputs) {
			const before = existing?.inputs.find(({ name }) => name === input.name);
			const wanted = update === "all" ? takes(input, options.to) : update.includes(input.name);
			if (before !== undefined && before.url === input.url.value && !wanted) {
				inputs.push(before);
				continue;
			}
			// What nobody asked to pin to `to` is locked because it was not.
			const after = await this.#lockOne(input, wanted ? options : newest);
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
		const locked = lockedInput(lock, name);
		if (locked.kind !== "debian") {
			throw new Error(`the input '${name}' is no archive`);
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

	/** The folder of a tree that packages are asked of, made valid. Throws `ENV_INPUT_NO_PACKAGES`, `LOCK_…`, `INPUT_…`. */
	async ensurePackages(
		{ name, location }: { readonly name: string; readonly location?: Location },
		{ project, lock }: Pick<EnvironmentRequest, "project" | "lock">,
		options: WorkOptions,
	): Promise<StorePath> {
		const locked = lockedInput(lock, name);
		if (locked.kind !== "tree") throw new Error(`the input '${name}' is no folder of files`);
		const source = await this.#trees.ensure(locked, treeRequest(project, options));
		if (existsSync(join(this.#options.store.physical(source), "default.nix"))) return source;
		return fail("ENV_INPUT_NO_PACKAGES", `the input '${name}' (${locked.url}) has no default.nix, and so no packages`, {
			...(location === undefined ? {} : { location }),
			hint: `its overlays can be used: overlays: [${name}#overlay.nix]`,
		});
	}

	/** Whether an input is a folder of files, and not an archive. */
	isTree(lock: LockFile, name: string): boolean {
		return lock.inputs.some((input) => input.name === name && input.kind === "tree");
	}

	/** Where an overlay's file is, and the input that it comes from, made valid. Throws `LOCK_…`, `INPUT_…`. */
	async overlayFile(
		{ value, location }: Located<string>,
		{ project, lock }: Pick<EnvironmentRequest, "project" | "lock">,
		options: WorkOptions,
	): Promise<{ readonly file: string; readonly source?: StorePath }> {
		const named = overlayInput(value);
		if (named === undefined) return { file: isAbsolute(value) ? value : resolve(project, value) };
		const place = location === undefined ? {} : { location };
		const locked = lockedInput(lock, named.input);
		if (locked.kind !== "tree") {
			fail("INPUT_NO_FILES", `the input '${named.input}' (${locked.url}) is a package set, which has no files`, {
				...place,
				hint: `write './${value}' for a file of that name`,
			});
		}
		const source = await this.#trees.ensure(locked, treeRequest(project, options));
		const file = join(source, named.file);
		const inside = file.startsWith(`${source}/`);
		if (!inside || !existsSync(this.#options.store.physical(source) + file.slice(source.length))) {
			fail("INPUT_NO_FILE", `the input '${named.input}' has no file '${named.file}'`, {
				...place,
				notes: [{ message: `its files are in ${this.#options.store.physical(source)}` }],
				hint: `paths after '#' are relative to the input's own folder`,
			});
		}
		return { file, source };
	}

	/** See {@link Engine.search}. */
	async search({ lock, query, limit }: SearchRequest, options: WorkOptions): Promise<SearchOutcome> {
		const outcomes: SearchOutcome[] = [];
		for (const { name: input, kind } of lock.inputs) {
			if (kind !== "debian") continue;
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
			if (isTreeUrl(input.url.value)) {
				const to = options.to === undefined ? {} : { to: options.to };
				const request = { ...treeRequest(options.project, options), ...to };
				return await this.#trees.lock({ name: input.name, url: input.url.value }, request);
			}
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

function lockedInput(lock: LockFile, name: string): LockedInput {
	const locked = lock.inputs.find((input) => input.name === name);
	if (locked !== undefined) return locked;
	return fail("LOCK_INPUT_MISSING", `input '${name}' is not in env.lock`, {
		hint: `\`devenv update ${name}\` locks it`,
	});
}

function treeRequest(project: string, { offline = false, signal }: WorkOptions): TreeRequest {
	return { project, offline, ...(signal === undefined ? {} : { signal }) };
}

/** Whether an input that nobody named is one to pin to `to`: dates are for archives, everything else for repositories. */
function takes({ url }: InputSpec, to: string | undefined): boolean {
	if (to === undefined) return true;
	return /^\d{4}-\d\d-\d\d/.test(to) ? !isTreeUrl(url.value) : /^(?:git\+|github:)/.test(url.value);
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
