/**
 * Locks of the runtime folder: under one a single client of many starts the daemon, under the other a daemon binds its
 * socket. Layer 2.
 *
 * A lock is an exclusive SQLite transaction on a file of its own that nothing is ever written to. The kernel releases it
 * when its process ends, however it ends, and never before: a process that was suspended in the middle finds all as it
 * was, so that what it decided under the lock still holds.
 */

import { dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { fail } from "@devenv/diagnostics";
import type { HomeLayout } from "@devenv/protocol";

/** Milliseconds between attempts. */
const PAUSE = 25;
/** Milliseconds that the work under a lock may take others to wait. */
const PATIENCE = 30_000;

const SQLITE_BUSY = 5;
/** Bytes of the longest path that SQLite opens, the names of its other files included. */
const LONGEST_PATH = 500;

/**
 * Runs `work` while no other process runs one under the same lock; the runtime folder exists. Fails with
 * `DAEMON_START_BUSY` when another holds the lock for longer than `patience` milliseconds.
 */
export async function withRuntimeLock<T>(
	layout: HomeLayout,
	name: "start" | "bind",
	work: () => Promise<T>,
	patience: number = PATIENCE,
): Promise<T> {
	// Loaded only where a daemon has to be started; an import() would make node warn in the client, whose code it did not load.
	const sqlite = process.getBuiltinModule("node:sqlite");
	const file = `${layout.runtime}/${name}-lock.sqlite`;
	const connection = open(file, () => new sqlite.DatabaseSync(file, { timeout: 0 }));
	try {
		const deadline = performance.now() + patience;
		while (!open(file, () => tryLock(connection))) {
			if (performance.now() > deadline) {
				fail("DAEMON_START_BUSY", `another process has been starting the daemon for ${patience / 1000} seconds`, {
					hint: `if it is suspended, let it go on or end it: \`fuser ${file}\` names it`,
				});
			}
			await new Promise((resolve) => setTimeout(resolve, PAUSE));
		}
		return await work();
	} finally {
		connection.close();
	}
}

/** False while another connection holds the lock. */
function tryLock(connection: DatabaseSync): boolean {
	try {
		connection.exec("begin exclusive");
		return true;
	} catch (error) {
		if (((error as { readonly errcode?: number }).errcode ?? 0) % 256 === SQLITE_BUSY) return false;
		throw error;
	}
}

function open<T>(file: string, act: () => T): T {
	try {
		return act();
	} catch (error) {
		if (Buffer.byteLength(file) > LONGEST_PATH) {
			return fail("HOME_TOO_LONG", `the path of ${dirname(file)} is too long`, {
				hint: `set DEVENV_HOME to a folder whose path has less than ${LONGEST_PATH - 100} bytes`,
			});
		}
		const reason = error instanceof Error ? error.message : String(error);
		return fail("HOME_UNWRITABLE", `cannot lock ${file}: ${reason}`, {
			hint: "make the folder writable, or set DEVENV_HOME to a folder that you may write",
		});
	}
}
