/** The binary caches of one engine: those of the user's settings, and those that a copy names. Layer 3. */

import { join } from "node:path";
import { fail } from "@devenv/diagnostics";
import { type Derivation, parsePublicKey, type PublicKey, type StorePath } from "@devenv/nix-formats";
import type { Scratch, Store } from "@devenv/store";
import type { EngineListener } from "../engine-event.ts";
import type { Fetcher } from "../fetch/fetcher.ts";
import type { Wanted } from "../queue/build-queue.ts";
import type { Settings } from "../settings.ts";
import { BinaryCache } from "./binary-cache.ts";
import { parseCacheAddress } from "./cache-address.ts";
import { NarInfoMemo } from "./narinfo-memo.ts";
import { NarThread } from "./nar-thread.ts";
import { type Available, type Offer, Substituter } from "./substituter.ts";
import { findSubstitutable, missingOutputs } from "./substitute-wanted.ts";
import { type UploadReport, uploadTo } from "./upload.ts";

export interface CachesOptions {
	readonly store: Store;
	readonly fetcher: Fetcher;
	/** Folder for what can be fetched again. */
	readonly cache: string;
	readonly settings: Settings;
	readonly onWarning: (message: string) => void;
}

interface CopyOptions {
	readonly signal: AbortSignal;
	readonly emit: EngineListener;
}

export interface DownloadReport {
	/** Bytes fetched, compressed. */
	readonly bytes: number;
	/** Paths that the cache has not, not in whole, or not as it should; each with the reason. */
	readonly missing: readonly { readonly path: StorePath; readonly reasons: readonly string[] }[];
}

/** What would be taken from caches. */
export interface SubstitutionPlan extends Available {
	/** Derivations that need not be built then. */
	readonly covered: ReadonlySet<string>;
}

export class Caches {
	readonly #options: CachesOptions;
	readonly #memo: NarInfoMemo;
	readonly #thread: NarThread;
	readonly #keys: readonly PublicKey[];
	readonly #opened: BinaryCache[] = [];
	#scratch: Scratch | undefined;
	#substituter: Substituter | undefined;

	constructor(options: CachesOptions) {
		this.#options = options;
		this.#memo = new NarInfoMemo(join(options.cache, "narinfo.sqlite"));
		this.#thread = new NarThread(options.store.place);
		this.#keys = options.settings.trustedPublicKeys.map(parsePublicKey);
	}

	/** The derivations of a request that the user's caches have, with which the way down to its inputs ends. */
	async substitutable(wanted: Wanted, signal: AbortSignal): Promise<ReadonlySet<string>> {
		const substituter = this.#ofUser();
		if (substituter === undefined) return new Set();
		return findSubstitutable(wanted, this.#options.store, async (paths) => {
			return (await substituter.lookUp(paths, signal)).available;
		});
	}

	/**
	 * Takes outputs of a derivation from the user's caches. Where not all of them come, gives the derivations on the way to its
	 * inputs that can be had instead. What goes wrong is a warning; rejects only when the signal aborts.
	 */
	async substitute(drv: Derivation, outputs: readonly string[], options: CopyOptions): Promise<ReadonlySet<string>> {
		const wanted = missingOutputs(this.#options.store, drv, outputs);
		const { valid } = (await this.#ofUser()?.substitute(wanted, options)) ?? { valid: new Set() };
		if (wanted.every((path) => valid.has(path))) return new Set();
		return this.substitutable(drv.inputDrvs, options.signal);
	}

	/** What of a request and of paths would be fetched, and the derivations that need not be built then. */
	async plan(wanted: Wanted, paths: readonly StorePath[], signal: AbortSignal): Promise<SubstitutionPlan> {
		const substituter = this.#ofUser();
		const offers = new Map<StorePath, Offer>();
		if (substituter === undefined) return { covered: new Set(), available: new Set(), offers };
		const take = async (asked: readonly StorePath[]): Promise<ReadonlySet<StorePath>> => {
			const found = await substituter.lookUp(asked, signal);
			for (const [path, offer] of found.offers) offers.set(path, offer);
			return found.available;
		};
		const covered = await findSubstitutable(wanted, this.#options.store, take);
		return { covered, available: await take(paths), offers };
	}

	/** Makes those of the paths valid that the user's caches have with all that they refer to. */
	async substitutePaths(paths: readonly StorePath[], options: CopyOptions): Promise<void> {
		await this.#ofUser()?.substitute(paths, options);
	}

	/** What the user's caches say of paths. */
	async offersOf(paths: readonly StorePath[], signal: AbortSignal): Promise<ReadonlyMap<StorePath, Offer>> {
		return (await this.#ofUser()?.offersOf(paths, signal)) ?? new Map();
	}

	/** Puts what one of the user's caches has of a path in the place of what is there; false where none has it. */
	async repair(path: StorePath, options: CopyOptions): Promise<boolean> {
		return (await this.#ofUser()?.repair(path, options)) ?? false;
	}

	/** Copies paths with all that they refer to into a cache. Rejects with `CACHE_…`, `KEY_…`, `STORE_PATH_NOT_VALID`. */
	upload(url: string, paths: readonly StorePath[], options: CopyOptions): Promise<UploadReport> {
		const { store } = this.#options;
		const world = { store, thread: this.#thread, scratch: this.#openScratch() };
		return uploadTo(this.#open(url), paths, world, options);
	}

	/** Makes paths valid from one cache only. Rejects with `CACHE_ADDRESS`. */
	async download(url: string, paths: readonly StorePath[], options: CopyOptions): Promise<DownloadReport> {
		const reasons: string[] = [];
		const substituter = this.#make([url], (message) => reasons.push(message));
		const { store } = this.#options;
		for (const path of paths) store.addTempRoot(path);
		const wanted = paths.filter((path) => !store.isValid(path));
		const { valid, bytes } = await substituter.substitute(wanted, options);
		const missing = wanted.filter((path) => !valid.has(path)).map((path) => ({ path, reasons }));
		return { bytes, missing };
	}

	async close(): Promise<void> {
		await this.#thread.close();
		for (const cache of this.#opened) cache.close();
		this.#memo.close();
		this.#scratch?.remove();
	}

	/** Undefined where the user names no caches. */
	#ofUser(): Substituter | undefined {
		const { settings, onWarning } = this.#options;
		if (settings.substituters.length === 0) return undefined;
		return (this.#substituter ??= this.#make(settings.substituters, onWarning));
	}

	#make(urls: readonly string[], onWarning: (message: string) => void): Substituter {
		const { store, settings } = this.#options;
		return new Substituter({
			store,
			caches: urls.map((url) => this.#open(url)),
			keys: this.#keys,
			memo: this.#memo,
			thread: this.#thread,
			scratch: this.#openScratch(),
			fetches: settings.maxFetches,
			onWarning,
		});
	}

	#open(url: string): BinaryCache {
		const { fetcher, store } = this.#options;
		const address = parseCacheAddress(url);
		const cache = new BinaryCache(address, {
			fetcher,
			scratch: () => this.#openScratch().path,
			storeDir: store.storeDir,
		});
		this.#opened.push(cache);
		return cache;
	}

	#openScratch(): Scratch {
		return (this.#scratch ??= this.#options.store.scratch());
	}
}

/** Fails with `CACHE_COPY_MISSING` unless all came. */
export function requireAll(url: string, { missing }: DownloadReport): void {
	const [first] = missing;
	if (first === undefined) return;
	const more = missing.length === 1 ? "" : ` and ${missing.length - 1} more`;
	fail("CACHE_COPY_MISSING", `${url} does not have ${first.path}${more}`, {
		notes: [...new Set(missing.flatMap(({ reasons }) => reasons))].slice(0, 5).map((message) => ({ message })),
		hint: "copy it there first with `devenv copy --to`, or check trusted_public_keys in the user's config.yaml",
	});
}
