/**
 * Takes store objects from binary caches. Layer 3.
 *
 * A cache's narinfo is an offer if it is for this very path and a trusted key has signed it (or the path is content-addressed, so
 * that the content itself is checked, or the user trusts that cache). Caches are asked in the order of their priority; one that
 * cannot be reached is left out for the rest of a request. An object comes after all that it refers to.
 */

import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { DiagnosticError } from "@devenv/diagnostics";
import {
	type NarInfo,
	parseNarInfo,
	type PublicKey,
	storePathHashPart,
	storePathName,
	type StorePath,
	verifySignature,
} from "@devenv/nix-formats";
import type { Scratch, Store } from "@devenv/store";
import type { EngineListener } from "../engine-event.ts";
import { Slots } from "../queue/slots.ts";
import type { BinaryCache } from "./binary-cache.ts";
import { parseCompression } from "./nar-compression.ts";
import type { NarInfoMemo } from "./narinfo-memo.ts";
import type { ImportJob, NarThread } from "./nar-thread.ts";

export interface SubstituterOptions {
	readonly store: Store;
	readonly caches: readonly BinaryCache[];
	readonly keys: readonly PublicKey[];
	readonly memo: NarInfoMemo;
	readonly thread: NarThread;
	readonly scratch: Scratch;
	/** Downloads at once. */
	readonly fetches: number;
	readonly onWarning: (message: string) => void;
}

export interface SubstituteContext {
	readonly signal: AbortSignal;
	readonly emit: EngineListener;
}

export interface Offer {
	readonly cache: BinaryCache;
	readonly info: NarInfo;
}

/** What came of a request. */
export interface Substitution {
	/** The paths that are valid now, with all that they refer to. */
	readonly valid: ReadonlySet<StorePath>;
	readonly bytes: number;
}

/** What caches have of paths. */
export interface Available {
	/** Those that they have with all that they refer to, and those that are valid. */
	readonly available: ReadonlySet<StorePath>;
	/** What would be fetched for these. */
	readonly offers: ReadonlyMap<StorePath, Offer>;
}

/** Questions to caches at once. */
const LOOKUPS = 16;

export class Substituter {
	readonly #options: SubstituterOptions;
	readonly #lookups = new Slots(LOOKUPS);
	readonly #fetches: Slots;
	/** Imports under way, whoever asked. */
	readonly #coming = new Map<StorePath, Promise<void>>();

	constructor(options: SubstituterOptions) {
		this.#options = options;
		this.#fetches = new Slots(options.fetches);
	}

	/**
	 * Makes those of the paths valid that caches have with all that they refer to, and leaves the others. What goes wrong on the
	 * way is a warning; rejects only when the signal aborts.
	 */
	async substitute(paths: readonly StorePath[], context: SubstituteContext): Promise<Substitution> {
		const { available, offers } = await this.lookUp(paths, context.signal);
		let bytes = 0;
		const works = new Map<StorePath, Promise<boolean>>();
		const bring = (path: StorePath): Promise<boolean> => {
			let work = works.get(path);
			if (work === undefined) {
				work = this.#bring(path, offers, bring, context).then((size) => {
					bytes += size ?? 0;
					return size !== undefined;
				});
				works.set(path, work);
			}
			return work;
		};
		const valid = new Set<StorePath>();
		await Promise.all(
			paths.map(async (path) => {
				if (available.has(path) && (await bring(path))) valid.add(path);
			}),
		);
		context.signal.throwIfAborted();
		return { valid, bytes };
	}

	/** What {@link substitute} would bring; nothing is fetched but what caches say of paths. */
	async lookUp(paths: readonly StorePath[], signal: AbortSignal): Promise<Available> {
		const request = new SubstitutionRequest(signal);
		const plans = await Promise.all(paths.map((path) => this.#plan(path, request)));
		const available = new Set(paths.filter((_, index) => plans[index] !== undefined));
		const offers = new Map<StorePath, Offer>();
		for (const plan of plans) for (const [path, offer] of plan ?? []) offers.set(path, offer);
		return { available, offers };
	}

	/** What the first cache that has a path says of it, whatever it refers to. */
	async offersOf(paths: readonly StorePath[], signal: AbortSignal): Promise<ReadonlyMap<StorePath, Offer>> {
		const request = new SubstitutionRequest(signal);
		const found = await Promise.all(paths.map(async (path) => [path, await this.#offer(path, request)] as const));
		return new Map(found.flatMap(([path, offer]) => (offer === undefined ? [] : [[path, offer] as const])));
	}

	/**
	 * Puts what a cache has of a path in the place of what is there, valid or not. False where none has it, or not what it
	 * refers to; rejects with `CACHE_…` and `STORE_…`, or when the signal aborts.
	 */
	async repair(path: StorePath, context: SubstituteContext): Promise<boolean> {
		const { store } = this.#options;
		const offer = await this.#offer(path, new SubstitutionRequest(context.signal));
		if (offer === undefined) return false;
		const references = offer.info.references.filter((reference) => reference !== path);
		await this.substitute(references, context);
		if (!references.every((reference) => store.isValid(reference))) return false;
		const file = join(this.#options.scratch.path, randomBytes(9).toString("hex"));
		try {
			await this.#fetches.run(context.signal, () => fetchOffer(offer, file, context));
			const job = importJob(offer, file);
			await this.#options.thread.import({ ...job, info: { ...job.info, replace: true } });
		} finally {
			rmSync(file, { force: true });
		}
		return true;
	}

	/** The offers for a path and all that it refers to, but what is valid; undefined where one is lacking. */
	async #plan(path: StorePath, request: SubstitutionRequest): Promise<ReadonlyMap<StorePath, Offer> | undefined> {
		const { store } = this.#options;
		const offers = new Map<StorePath, Offer>();
		const seen = new Set<StorePath>([path]);
		let level: readonly StorePath[] = [path];
		while (level.length > 0) {
			const missing = level.filter((each) => {
				store.addTempRoot(each);
				return !store.isValid(each);
			});
			const found = await Promise.all(missing.map((each) => this.#offer(each, request)));
			const next: StorePath[] = [];
			for (const [index, each] of missing.entries()) {
				const offer = found[index];
				if (offer === undefined) return undefined;
				offers.set(each, offer);
				for (const reference of offer.info.references) {
					if (seen.has(reference)) continue;
					seen.add(reference);
					next.push(reference);
				}
			}
			level = next;
		}
		const circle = findCycle(offers);
		if (circle === undefined) return offers;
		this.#options.onWarning(`${path} is not taken from a binary cache: ${circle} refers to itself through others`);
		return undefined;
	}

	/** The first good offer. One question a path and request. */
	#offer(path: StorePath, request: SubstitutionRequest): Promise<Offer | undefined> {
		let asked = request.offers.get(path);
		if (asked === undefined) {
			asked = this.#lookups.run(request.signal, () => this.#ask(path, request));
			request.offers.set(path, asked);
		}
		return asked;
	}

	async #ask(path: StorePath, request: SubstitutionRequest): Promise<Offer | undefined> {
		request.order ??= this.#order(request);
		for (const cache of await request.order) {
			request.signal.throwIfAborted();
			if (request.unreachable.has(cache)) continue;
			try {
				const offer = await this.#askOne(cache, path, request.signal);
				if (offer !== undefined) return offer;
			} catch (error) {
				request.signal.throwIfAborted();
				request.unreachable.add(cache);
				this.#options.onWarning(`the binary cache ${cache.name} is not used: ${reasonOf(error)}`);
			}
		}
		return undefined;
	}

	/** By priority; those of one priority as they are named. */
	async #order(request: SubstitutionRequest): Promise<readonly BinaryCache[]> {
		const ranked: { readonly cache: BinaryCache; readonly priority: number }[] = [];
		for (const cache of this.#options.caches) {
			try {
				const { priority } = await cache.info(request.signal);
				ranked.push({ cache, priority: cache.address.priority ?? priority });
			} catch (error) {
				request.signal.throwIfAborted();
				this.#options.onWarning(`the binary cache ${cache.name} is not used: ${reasonOf(error)}`);
			}
		}
		return ranked.sort((a, b) => a.priority - b.priority).map(({ cache }) => cache);
	}

	async #askOne(cache: BinaryCache, path: StorePath, signal: AbortSignal): Promise<Offer | undefined> {
		const { memo, store, onWarning } = this.#options;
		const hashPart = storePathHashPart(path);
		const known = memo.find(cache.address.url, hashPart);
		const text = known === undefined ? ((await cache.narInfo(hashPart, signal)) ?? null) : known;
		if (known === undefined) memo.keep(cache.address.url, hashPart, text);
		if (text === null) return undefined;
		const refuse = (reason: string): Offer | undefined => {
			// Whoever mends the cache is not to wait for a month.
			memo.forget(cache.address.url, hashPart);
			onWarning(`${path} is not taken from ${cache.name}: ${reason}`);
			return undefined;
		};
		let info: NarInfo;
		try {
			info = parseNarInfo(text, { file: `${cache.name}/${hashPart}.narinfo`, storeDir: store.storeDir });
		} catch (error) {
			return refuse(reasonOf(error));
		}
		if (info.path !== path) return refuse(`it offers ${info.path} in its place`);
		if (parseCompression(info.compression) === undefined) return refuse(`unknown compression '${info.compression}'`);
		if (!this.#isTrusted(cache, info)) {
			return refuse("no key of trusted_public_keys has signed it; it has " + describeKeys(info.signatures));
		}
		return { cache, info };
	}

	#isTrusted({ address }: BinaryCache, info: NarInfo): boolean {
		if (address.trusted) return true;
		// A hash modulo references to itself is not what the import checks.
		if (info.contentAddress !== undefined && !info.references.includes(info.path)) return true;
		return info.signatures.some((signature) => verifySignature(info, signature, this.#options.keys) !== undefined);
	}

	/** Makes a path valid after all that it refers to; the bytes fetched, or undefined where that failed. */
	async #bring(
		path: StorePath,
		offers: ReadonlyMap<StorePath, Offer>,
		bring: (path: StorePath) => Promise<boolean>,
		context: SubstituteContext,
	): Promise<number | undefined> {
		const { store, onWarning, memo } = this.#options;
		const offer = offers.get(path);
		if (offer === undefined) return store.isValid(path) ? 0 : undefined;
		const references = offer.info.references.filter((reference) => reference !== path);
		const other = this.#coming.get(path);
		if (other !== undefined) {
			return other.then(
				() => 0,
				() => undefined,
			);
		}
		const file = join(this.#options.scratch.path, randomBytes(9).toString("hex"));
		try {
			// The download need not wait for what it refers to.
			const [, ...others] = await Promise.all([
				this.#fetches.run(context.signal, () => fetchOffer(offer, file, context)),
				...references.map(bring),
			]);
			if (!others.every(Boolean)) return undefined;
			await this.#import(offer, file);
			return offer.info.fileSize ?? offer.info.narSize;
		} catch (error) {
			context.signal.throwIfAborted();
			memo.forget(offer.cache.address.url, storePathHashPart(path));
			onWarning(`${path} is not taken from ${offer.cache.name}: ${reasonOf(error)}`);
			return undefined;
		} finally {
			rmSync(file, { force: true });
		}
	}

	async #import(offer: Offer, file: string): Promise<void> {
		const { path } = offer.info;
		const other = this.#coming.get(path);
		if (other !== undefined) return other;
		const work = this.#options.thread.import(importJob(offer, file));
		this.#coming.set(path, work);
		try {
			await work;
		} finally {
			this.#coming.delete(path);
		}
	}
}

function importJob({ info }: Offer, file: string): Omit<ImportJob, "kind"> {
	const { path, narHash, narSize, references, deriver, signatures, contentAddress } = info;
	const compression = parseCompression(info.compression);
	if (compression === undefined) throw new Error(`unknown compression ${info.compression}`);
	return {
		info: {
			path,
			narHash,
			narSize,
			references,
			signatures,
			...(deriver === undefined ? {} : { deriver }),
			...(contentAddress === undefined ? {} : { contentAddress }),
		},
		file,
		compression,
	};
}

class SubstitutionRequest {
	readonly signal: AbortSignal;
	readonly offers = new Map<StorePath, Promise<Offer | undefined>>();
	readonly unreachable = new Set<BinaryCache>();
	order: Promise<readonly BinaryCache[]> | undefined;

	constructor(signal: AbortSignal) {
		this.signal = signal;
	}
}

async function fetchOffer({ cache, info }: Offer, file: string, { signal, emit }: SubstituteContext): Promise<void> {
	// The display tells steps apart by this; a store path is as good as a derivation's.
	const step = { drvPath: info.path, name: storePathName(info.path) };
	const total = info.fileSize ?? null;
	emit({ kind: "fetching", ...step, bytes: 0, total });
	await cache.fetchNar(info, file, {
		signal,
		onProgress: (bytes) => {
			emit({ kind: "fetching", ...step, bytes, total });
		},
	});
	emit({ kind: "fetched", ...step, bytes: info.fileSize ?? info.narSize });
}

/** A path that refers to itself through others, which no store can have; undefined where there is none. */
function findCycle(offers: ReadonlyMap<StorePath, Offer>): StorePath | undefined {
	const done = new Set<StorePath>();
	for (const start of offers.keys()) {
		const way: { readonly path: StorePath; readonly left: StorePath[] }[] = [];
		const onWay = new Set<StorePath>();
		const enter = (path: StorePath): void => {
			onWay.add(path);
			way.push({ path, left: (offers.get(path)?.info.references ?? []).filter((each) => each !== path) });
		};
		if (!done.has(start)) enter(start);
		for (let top = way.at(-1); top !== undefined; top = way.at(-1)) {
			const next = top.left.pop();
			if (next === undefined) {
				done.add(top.path);
				onWay.delete(top.path);
				way.pop();
			} else if (onWay.has(next)) return next;
			else if (!done.has(next)) enter(next);
		}
	}
	return undefined;
}

function reasonOf(error: unknown): string {
	if (error instanceof DiagnosticError) return error.diagnostics.map(({ message }) => message).join("; ");
	return error instanceof Error ? error.message : String(error);
}

function describeKeys(signatures: readonly string[]): string {
	if (signatures.length === 0) return "no signature";
	return `signatures of ${signatures.map((each) => `'${each.split(":", 1)[0] ?? ""}'`).join(", ")}`;
}
