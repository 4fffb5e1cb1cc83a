/**
 * Deletes what no root reaches. Layer 2.
 *
 * Safe beside others at work, without stopping them: paths are removed in batches, each a write transaction that first
 * reads the roots again and leaves out whatever has become a root or is still referred to. Who adds a temporary root
 * while the collector's mark exists waits for the running batch before it asks whether the path is valid; so it sees
 * either the path deleted, or the collector sees its root. Files are moved out of the store folder after the batch, in
 * a transaction that leaves what has been registered again, and deleted after that.
 */

import { closeSync, existsSync, openSync, readdirSync, unlinkSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { DatabaseSync } from "node:sqlite";
import { fail } from "@devenv/diagnostics";
import { type ByteString, bytesFromText, isDrvPath, isStorePath, type StorePath } from "@devenv/nix-formats";
import { closureOf } from "./closure.ts";
import type { Database } from "./database.ts";
import { deleteTree, DiskUsage, lstatIfThere, measureTree, moveTree } from "./file-tree.ts";
import { readGcRoots } from "./gc-roots.ts";
import { linkNames, sharedInodes } from "./optimise.ts";
import type { PathLocks } from "./path-locks.ts";
import type { PathTable } from "./path-table.ts";
import type { PlacedObjects } from "./placed-objects.ts";
import { readRuntimeRoots } from "./runtime-roots.ts";
import type { Session } from "./session.ts";
import { isBusy } from "./store-failure.ts";
import type { StoreLayout } from "./store-layout.ts";
import type { GarbageOptions, GarbageReport, GcRoot } from "./store.ts";
import { readTempRoots } from "./temp-roots.ts";

const BATCH = 200;

const LOCK_ATTEMPTS = 10;
const LOCK_PAUSE_MILLISECONDS = 100;

export interface CollectorContext {
	readonly layout: StoreLayout;
	readonly database: Database;
	readonly paths: PathTable;
	readonly session: Session;
	readonly placed: PlacedObjects;
	readonly locks: PathLocks;
}

/** Permanent, temporary and runtime roots, in this order; only of the last kind are all paths valid. */
export function readAllRoots(layout: StoreLayout, paths: PathTable, options: { readonly prune: boolean }): GcRoot[] {
	// Temporary roots first: a process may turn one into a permanent root and end while this looks.
	const temporary = readTempRoots(layout).map(({ pid, path }) => ({ link: `{temp:${pid}}`, path }));
	// Processes may use paths of another store under the same logical folder.
	const runtime = readRuntimeRoots(layout).filter((root) => paths.isValid(root.path));
	return [...readGcRoots(layout, options), ...temporary, ...runtime];
}

/** Collects; fails with `STORE_COLLECTOR_RUNS` when another collector is at work. */
export function collectGarbage(context: CollectorContext, options: GarbageOptions): GarbageReport {
	if (options.dryRun === true) return new Collection(context, options).preview();
	const { layout } = context;
	using _lock = takeCollectorLock(layout);
	writeFileSync(layout.collectorMark, `${process.pid}\n`);
	try {
		return new Collection(context, options).run();
	} finally {
		unlinkSync(layout.collectorMark);
	}
}

/** Whether a collector may be at work. */
export function collectorRuns(layout: StoreLayout): boolean {
	return existsSync(layout.collectorMark);
}

/** Removes the mark of a collector that was killed. */
export function removeStaleMark(layout: StoreLayout): void {
	if (!collectorRuns(layout)) return;
	const lock = tryCollectorLock(layout);
	if (lock === undefined) return;
	try {
		if (collectorRuns(layout)) unlinkSync(layout.collectorMark);
	} finally {
		lock.close();
	}
}

class Collection {
	readonly #context: CollectorContext;
	readonly #options: GarbageOptions;

	constructor(context: CollectorContext, options: GarbageOptions) {
		this.#context = context;
		this.#options = options;
	}

	preview(): GarbageReport {
		const usage = new DiskUsage(sharedInodes(this.#links));
		const deleted = [...this.#deadPaths(), ...this.#strays()].map((path) => {
			const before = usage.bytes;
			measureTree(this.#physical(path), usage);
			return { path, size: usage.bytes - before };
		});
		return { deleted, bytesFreed: usage.bytes };
	}

	run(): GarbageReport {
		const { maxFreed = Number.POSITIVE_INFINITY } = this.#options;
		const freed = new DiskUsage(sharedInodes(this.#links));
		const deleted: { path: StorePath; size: number }[] = [];
		const remove = (paths: readonly StorePath[]): void => {
			for (const { path, aside } of this.#moveAside(paths)) {
				const before = freed.bytes;
				deleteTree(bytesFromText(aside), freed);
				deleted.push({ path, size: freed.bytes - before });
			}
		};
		// With a limit, one at a time, so that no more is deleted than asked for.
		const size = maxFreed === Number.POSITIVE_INFINITY ? BATCH : 1;
		const dead = this.#deadPaths();
		for (let at = 0; at < dead.length && freed.bytes < maxFreed; at += size) {
			remove(this.#forget(dead.slice(at, at + size)));
		}
		if (freed.bytes < maxFreed) remove(this.#strays());
		this.#removeUnusedLinks();
		return { deleted, bytesFreed: freed.bytes };
	}

	/** Valid paths that no root reaches, referrers before what they refer to. What was placed is registered for its deriver. */
	#deadPaths(): StorePath[] {
		const { paths, placed, layout } = this.#context;
		const graph = paths.graph();
		const dropped = new Set(this.#options.dropped);
		const roots = readAllRoots(layout, paths, { prune: this.#options.dryRun !== true })
			.filter(({ link }) => !dropped.has(link))
			.filter(({ link }) => this.#options.ignoreRoots !== true || link.startsWith("{temp:"))
			.concat(placed.list().map(({ path, deriver }) => ({ link: `{placed:${path}}`, path: deriver })))
			.filter(({ path }) => graph.has(path));
		const reach = (start: readonly StorePath[]): StorePath[] =>
			closureOf(start, (path) => [...(graph.get(path) ?? []), ...this.#companions(path)]);
		const live = new Set(reach(roots.map(({ path }) => path)));
		const wanted = this.#options.paths;
		if (wanted === undefined) {
			const dead = [...graph.keys()].filter((path) => !live.has(path)).sort();
			return closureOf(dead, (path) => graph.get(path) ?? [])
				.filter((path) => !live.has(path))
				.reverse();
		}
		const set = new Set(wanted);
		for (const path of set) {
			const referrers = paths.referrers(path).filter((each) => !set.has(each));
			const keepers = live.has(path) ? roots.filter((root) => reach([root.path]).includes(path)) : [];
			if (keepers.length > 0 || referrers.length > 0) failAlive(path, keepers, referrers);
		}
		return closureOf(set, (path) => (graph.get(path) ?? []).filter((each) => set.has(each)))
			.filter((path) => graph.has(path))
			.reverse();
	}

	/** What is alive with a path beside what it refers to. */
	#companions(path: StorePath): readonly StorePath[] {
		const { paths, layout } = this.#context;
		const { keepDerivations = true, keepOutputs = false } = this.#options;
		if (!isDrvPath(path, layout.storeDir)) return keepDerivations ? paths.derivers(path) : [];
		if (!keepOutputs) return [];
		return [...paths.derivationOutputs(path).values()].filter((output) => paths.isValid(output));
	}

	/** Removes a batch from the database; returns those that could be removed. */
	#forget(batch: readonly StorePath[]): StorePath[] {
		const { database, paths, layout } = this.#context;
		return database.transaction(() => {
			const roots = new Set(readTempRoots(layout).map((root) => root.path));
			if (this.#options.ignoreRoots !== true) {
				for (const root of readGcRoots(layout, { prune: false })) roots.add(root.path);
			}
			const removed = batch.filter((path) => {
				if (roots.has(path) || paths.hasReferrers(path)) return false;
				paths.remove(path);
				return true;
			});
			return removed;
		});
	}

	/** Moves files of paths that are not valid out of the store folder. */
	#moveAside(candidates: readonly StorePath[]): { readonly path: StorePath; readonly aside: string }[] {
		const { database, paths, placed, session } = this.#context;
		if (candidates.length === 0) return [];
		return database.transaction(() =>
			candidates.flatMap((path) => {
				const physical = this.#physical(path);
				if (paths.isValid(path) || placed.has(path) || lstatIfThere(physical) === undefined) return [];
				const aside = session.newPath();
				moveTree(physical, bytesFromText(aside));
				return [{ path, aside }];
			}),
		);
	}

	/** Files in the store folder that are named as store paths, but are neither valid nor in use. */
	#strays(): StorePath[] {
		if (this.#options.paths !== undefined) return [];
		const { layout, paths, placed, locks } = this.#context;
		const present = readdirSync(layout.storeFolder)
			.map((name) => `${layout.storeDir}/${name}`)
			.filter((path) => isStorePath(path, layout.storeDir));
		const used = new Set<string>([...readTempRoots(layout).map((root) => root.path), ...locks.held()]);
		return present.filter((path) => {
			// Real Nix keeps its locks and chroots beside the path that they belong to.
			const owner = path.replace(/\.(?:lock|chroot|check)$/, "");
			return !used.has(path) && !used.has(owner) && !paths.isValid(path) && !placed.has(path);
		});
	}

	/** Links that no object shares any more: their files were counted with the last object that had them. */
	#removeUnusedLinks(): void {
		for (const name of linkNames(this.#links)) {
			const file = `${this.#links}/${name}`;
			if (lstatIfThere(file)?.nlink === 1) deleteTree(file);
		}
	}

	get #links(): ByteString {
		return bytesFromText(this.#context.layout.links);
	}

	#physical(path: StorePath): string {
		const { layout } = this.#context;
		return bytesFromText(layout.storeFolder + path.slice(layout.storeDir.length));
	}
}

/** Roots and referrers of one path that are named when it cannot be deleted. */
const NAMED_KEEPERS = 10;

function failAlive(path: StorePath, keepers: readonly GcRoot[], referrers: readonly StorePath[]): never {
	const reason = keepers.length > 0 ? "a root keeps it" : `${referrers[0] ?? ""} refers to it`;
	const notes = [
		...keepers.map(({ link, path: kept }) => (kept === path ? `${link} keeps it` : `${link} keeps ${kept}`)),
		...referrers.map((each) => `${each} refers to it`),
	];
	const more = notes.length - NAMED_KEEPERS;
	fail("STORE_PATH_ALIVE", `cannot delete ${path}: ${reason}`, {
		notes: [...notes.slice(0, NAMED_KEEPERS), ...(more > 0 ? [`and ${more} more`] : [])].map((message) => ({
			message,
		})),
	});
}

/** Held by SQLite for our own collectors, by `flock` (where there is such a program) against real Nix's. */
function takeCollectorLock(layout: StoreLayout): Disposable {
	const lock = tryCollectorLock(layout);
	if (lock === undefined) return failRunning();
	const file = openSync(layout.gcLock, "a", 0o600);
	const release = (): void => {
		closeSync(file);
		lock.close();
	};
	if (!lockForNix(file)) {
		release();
		return failRunning();
	}
	return { [Symbol.dispose]: release };
}

/** False when real Nix collects. The options are those that every `flock` has. */
function lockForNix(file: number): boolean {
	const pause = new Int32Array(new SharedArrayBuffer(4));
	for (let attempt = 0; attempt < LOCK_ATTEMPTS; attempt += 1) {
		const { status } = spawnSync("flock", ["-x", "-n", "3"], { stdio: ["ignore", "ignore", "ignore", file] });
		if (status !== 1) return true;
		// A process just forked elsewhere in this one may still share the file of a collection that ended.
		Atomics.wait(pause, 0, 0, LOCK_PAUSE_MILLISECONDS);
	}
	return false;
}

function tryCollectorLock(layout: StoreLayout): DatabaseSync | undefined {
	const lock = new DatabaseSync(layout.collectorLock, { timeout: 0 });
	try {
		lock.exec("pragma locking_mode = exclusive; begin exclusive");
		return lock;
	} catch (error) {
		lock.close();
		if (isBusy(error)) return undefined;
		throw error;
	}
}

function failRunning(): never {
	return fail("STORE_COLLECTOR_RUNS", "another process is collecting garbage in this store", {
		hint: "wait until it has ended",
	});
}
