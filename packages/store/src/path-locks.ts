/**
 * Locks on store paths, so that two processes do not build the same thing twice. Layer 2. They are rows in a small
 * database beside the store's, each with the session that holds it; the row of a dead session counts for nothing.
 * Safety never rests on them: registration is a transaction that takes the first to come.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { DatabaseSync } from "node:sqlite";
import { DiagnosticError } from "@devenv/diagnostics";
import type { StorePath } from "@devenv/nix-formats";
import { isSessionAlive } from "./session.ts";
import type { PathLock } from "./store.ts";
import { translateFailure, translateFailures } from "./store-failure.ts";
import type { StoreLayout } from "./store-layout.ts";

const FIRST_WAIT_MILLISECONDS = 5;
const LONGEST_WAIT_MILLISECONDS = 200;

const BUSY_MILLISECONDS = 30_000;

export class PathLocks {
	readonly #layout: StoreLayout;
	readonly #session: string;
	readonly #database: DatabaseSync;
	/** What this session holds; a row of its own that is not here was released while the disk was full. */
	readonly #mine = new Set<string>();

	constructor(layout: StoreLayout, session: string) {
		this.#layout = layout;
		this.#session = session;
		this.#database = new DatabaseSync(layout.locks, { timeout: BUSY_MILLISECONDS });
		// After a power failure no lock is held: nothing need reach the disk.
		this.#database.exec(`pragma journal_mode = wal; pragma synchronous = off;
			create table if not exists Locks (path text primary key not null, session text not null)`);
	}

	/** All the locks or none: undefined when another holds one of them. */
	tryLock(paths: readonly StorePath[]): PathLock | undefined {
		return translateFailures("lock store paths", () => {
			const complete = this.#transaction(() => this.#take(paths));
			if (!complete) return undefined;
			for (const path of paths) this.#mine.add(path);
			return new HeldLocks(paths, (path) => {
				this.#release(path);
			});
		});
	}

	/** Runs `work` and commits when it gives true; otherwise, and when the disk is full, nothing is changed. */
	#transaction(work: () => boolean): boolean {
		this.#database.exec("begin immediate");
		try {
			const complete = work();
			if (complete) this.#database.exec("commit");
			return complete;
		} finally {
			if (this.#database.isTransaction) this.#database.exec("rollback");
		}
	}

	#take(paths: readonly StorePath[]): boolean {
		const holder = this.#database.prepare("select session from Locks where path = ?");
		const take = this.#database.prepare("insert or replace into Locks (path, session) values (?, ?)");
		for (const path of new Set(paths)) {
			const session = holder.get(path)?.["session"];
			if (typeof session === "string" && this.#isHeld(session, path)) return false;
			take.run(path, this.#session);
		}
		return true;
	}

	/** Never fails: a row that cannot be deleted counts for nothing in this session, and for others when it ends. */
	#release(path: StorePath): void {
		this.#mine.delete(path);
		try {
			this.#database.prepare("delete from Locks where path = ? and session = ?").run(path, this.#session);
		} catch (error) {
			if (!(translateFailure("release a lock", error) instanceof DiagnosticError)) throw error;
		}
	}

	async lock(paths: readonly StorePath[], signal: AbortSignal | undefined): Promise<PathLock> {
		for (let wait = FIRST_WAIT_MILLISECONDS; ; wait = Math.min(2 * wait, LONGEST_WAIT_MILLISECONDS)) {
			signal?.throwIfAborted();
			const lock = this.tryLock(paths);
			if (lock !== undefined) return lock;
			await sleep(wait, undefined, signal === undefined ? {} : { signal });
		}
	}

	/** Paths that a living session has locked. */
	held(): Set<string> {
		const held = new Set<string>();
		for (const row of this.#database.prepare("select path, session from Locks").all()) {
			const { path, session } = row as { path: unknown; session: unknown };
			if (typeof path === "string" && typeof session === "string" && this.#isHeld(session, path)) held.add(path);
		}
		return held;
	}

	/** Releases all that the session still holds. */
	close(): void {
		this.#database.prepare("delete from Locks where session = ?").run(this.#session);
		this.#database.close();
	}

	#isHeld(session: string, path: string): boolean {
		return session === this.#session ? this.#mine.has(path) : isSessionAlive(this.#layout, session);
	}
}

class HeldLocks implements PathLock {
	readonly paths: readonly StorePath[];
	readonly #release: (path: StorePath) => void;
	#held = true;

	constructor(paths: readonly StorePath[], release: (path: StorePath) => void) {
		this.paths = paths;
		this.#release = release;
	}

	release(): void {
		if (!this.#held) return;
		this.#held = false;
		for (const path of this.paths) this.#release(path);
	}

	[Symbol.dispose](): void {
		this.release();
	}
}
