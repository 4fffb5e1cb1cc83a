/**
 * One open store's presence: a lock file that is held as long as its process lives, and a folder for data on its way
 * into the store. Layer 2.
 *
 * The lock is an exclusive SQLite transaction that is never committed: the kernel releases it when the process dies,
 * however it dies, and it is seen from other threads, processes and containers. Who finds a session whose lock is
 * free removes what it left.
 *
 * Moving an object into place and registering it happen in one write transaction, after a mark named after the
 * object was made in the session's folder. So a killed process leaves either a registered object, or a mark that
 * says which unregistered one to remove.
 */

import { randomBytes } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, rmSync, unlinkSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { type ByteString, bytesFromText, isStorePath, storePathBase, type StorePath } from "@devenv/nix-formats";
import type { Database } from "./database.ts";
import { deleteTree, lstatIfThere, moveTree } from "./file-tree.ts";
import type { PathTable } from "./path-table.ts";
import { hasCode, isBusy, isUnwritable } from "./store-failure.ts";
import type { StoreLayout } from "./store-layout.ts";

const MARK = ".moving";

export class Session {
	/** Names the lock file and the folder. */
	readonly id: string;
	/** The session's folder. */
	readonly folder: string;
	readonly #layout: StoreLayout;
	readonly #lock: DatabaseSync;
	#count = 0;

	constructor(layout: StoreLayout) {
		this.#layout = layout;
		const { id, lock } = newLock(layout);
		this.id = id;
		this.#lock = lock;
		this.folder = `${layout.temporary}/${id}`;
		mkdirSync(this.folder, { mode: 0o700 });
	}

	/** A path in the session's folder where nothing is yet. */
	newPath(): string {
		this.#count += 1;
		return `${this.folder}/${this.#count}`;
	}

	/** Says that the object may come to lie in the store folder without being registered yet. */
	mark(path: StorePath): void {
		closeSync(openSync(this.#markFile(path), "w"));
	}

	/** Takes {@link mark} back, once the object is registered or gone. */
	unmark(path: StorePath): void {
		unlinkSync(this.#markFile(path));
	}

	/** After a failed registration: removes marked objects that are not registered, and the marks. */
	removeUnregistered(database: Database, paths: PathTable): void {
		const moved = removeMarked({ layout: this.#layout, database, paths, folder: this.folder });
		for (const path of moved) deleteTree(path);
		for (const name of namesIn(this.folder)) {
			if (name.endsWith(MARK)) unlinkSync(`${this.folder}/${name}`);
		}
	}

	/** Ends the session; what still lies in its folder is deleted. */
	close(): void {
		deleteTree(bytesFromText(this.folder));
		// Somebody may have deleted the whole store meanwhile.
		rmSync(lockFile(this.#layout, this.id), { force: true });
		this.#lock.close();
	}

	#markFile(path: StorePath): string {
		return `${this.folder}/${storePathBase(path)}${MARK}`;
	}
}

/** Whether the session's process still lives. */
export function isSessionAlive(layout: StoreLayout, id: string): boolean {
	return !withDeadSession(layout, id, () => undefined);
}

/** Runs `action` with the lock of a dead session held, so that no other takes it for dead; false if it lives. */
function withDeadSession(layout: StoreLayout, id: string, action: () => void): boolean {
	const file = lockFile(layout, id);
	if (!existsSync(file)) {
		action();
		return true;
	}
	let probe: DatabaseSync | undefined;
	try {
		probe = new DatabaseSync(existing(file), { timeout: 0 });
		if (tryExclusive(probe, file) === "held") return false;
		action();
		return true;
	} catch (error) {
		if (!existsSync(file)) {
			action();
			return true;
		}
		// Another user's, which this one may not judge.
		if (isUnwritable(error)) return false;
		throw error;
	} finally {
		probe?.close();
	}
}

/** As SQLite opens a file that it must not make: only its owner makes a lock file, so that what lies there is what he locked. */
function existing(file: string): URL {
	const url = pathToFileURL(file);
	url.searchParams.set("mode", "rw");
	return url;
}

function newLock(layout: StoreLayout): { readonly id: string; readonly lock: DatabaseSync } {
	for (;;) {
		const id = `${process.pid}-${randomBytes(8).toString("hex")}`;
		const file = lockFile(layout, id);
		const lock = new DatabaseSync(file, { timeout: 0 });
		// Between making and locking it, a cleaner may have taken the file for that of a dead session.
		if (tryExclusive(lock, file) === "taken" && existsSync(file)) return { id, lock };
		lock.close();
	}
}

/** `held`: by another connection. `gone`: the file was deleted after it was opened, for which SQLite has no error of its own. */
function tryExclusive(connection: DatabaseSync, file: string): "taken" | "held" | "gone" {
	try {
		connection.exec("begin exclusive");
		return "taken";
	} catch (error) {
		if (isBusy(error)) return "held";
		if (!existsSync(file)) return "gone";
		throw error;
	}
}

/** Removes what sessions left whose processes were killed. */
export function removeDeadSessions(layout: StoreLayout, database: Database, paths: PathTable): void {
	const locks = readdirSync(layout.sessions).map((name) => name.replace(/\.lock$/, ""));
	for (const id of new Set([...readdirSync(layout.temporary), ...locks])) {
		withDeadSession(layout, id, () => {
			const folder = `${layout.temporary}/${id}`;
			removeMarked({ layout, database, paths, folder });
			deleteTree(bytesFromText(folder));
			deleteTree(bytesFromText(lockFile(layout, id)));
		});
	}
}

/** Nothing when the folder is not there, or no longer: another process may clean the same session. */
function namesIn(folder: string): string[] {
	try {
		return readdirSync(folder);
	} catch (error) {
		if (hasCode(error, "ENOENT")) return [];
		throw error;
	}
}

/** Moves marked objects that are not registered from the store folder into the session's; where they are now. */
function removeMarked(left: {
	readonly layout: StoreLayout;
	readonly database: Database;
	readonly paths: PathTable;
	readonly folder: string;
}): ByteString[] {
	const { layout, database, paths, folder } = left;
	const moved: ByteString[] = [];
	for (const name of namesIn(folder)) {
		if (!name.endsWith(MARK)) continue;
		const base = name.slice(0, -MARK.length);
		const path = `${layout.storeDir}/${base}`;
		if (!isStorePath(path, layout.storeDir)) continue;
		database.transaction(() => {
			const physical = bytesFromText(`${layout.storeFolder}/${base}`);
			if (!paths.isValid(path) && lstatIfThere(physical) !== undefined) {
				const place = bytesFromText(`${folder}/${randomBytes(8).toString("hex")}`);
				moveTree(physical, place);
				moved.push(place);
			}
		});
	}
	return moved;
}

function lockFile(layout: StoreLayout, id: string): string {
	return `${layout.sessions}/${id}.lock`;
}
