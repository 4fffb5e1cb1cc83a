/**
 * Temporary roots: what a living process works with must not be collected. Layer 2.
 *
 * They stand in the session's folder, as paths that each end in a zero byte, and count as long as the session lives.
 * For real Nix's collector they stand in Nix's own place too: a file `temproots/<pid>-<rest of the session's name>` (of
 * whose name Nix reads the number only), which counts as long as a process holds a lock (flock) on it. Node has no flock
 * of its own; the lock belongs to the open file, so that util-linux's `flock` can take it for us and end.
 */

import { spawn } from "node:child_process";
import { closeSync, ftruncateSync, openSync, readdirSync, readFileSync, unlinkSync, writeSync } from "node:fs";
import { isStorePath, type StorePath } from "@devenv/nix-formats";
import { isSessionAlive, type Session } from "./session.ts";
import { hasCode } from "./store-failure.ts";
import type { StoreLayout } from "./store-layout.ts";

/** The file's name in a session's folder. */
const FILE = "temproots";

/** The temporary roots of this connection. */
export class TempRoots {
	readonly #layout: StoreLayout;
	readonly #session: () => Pick<Session, "id" | "folder">;
	readonly #known = new Set<StorePath>();
	#files: readonly number[] = [];

	/** The session is asked for at the first root. */
	constructor(layout: StoreLayout, session: () => Pick<Session, "id" | "folder">) {
		this.#layout = layout;
		this.#session = session;
	}

	/** Writes the path down; false when it was there already. */
	add(path: StorePath): boolean {
		if (this.#known.has(path)) return false;
		if (this.#files.length === 0) this.#open();
		for (const file of this.#files) writeSync(file, `${path}\0`, null, "latin1");
		this.#known.add(path);
		return true;
	}

	/** Takes all back. */
	forget(): void {
		for (const file of this.#files) ftruncateSync(file);
		this.#known.clear();
	}

	/** Lets go of the files. */
	close(): void {
		if (this.#files.length > 0) removeIfThere(this.#sharedFile());
		for (const file of this.#files) closeSync(file);
		this.#files = [];
		this.#known.clear();
	}

	#open(): void {
		const own = openSync(`${this.#session().folder}/${FILE}`, "a", 0o600);
		const shared = openSync(this.#sharedFile(), "a", 0o600);
		this.#files = [own, shared];
		const child = spawn("flock", ["-s", "3"], { stdio: ["ignore", "ignore", "ignore", shared] });
		// Without the program only real Nix's collector would not see these roots.
		child.on("error", () => undefined);
		child.unref();
	}

	#sharedFile(): string {
		return `${this.#layout.tempRoots}/${this.#session().id}`;
	}
}

/** A temporary root of a living process. */
export interface TempRoot {
	readonly pid: number;
	readonly path: StorePath;
}

/** The temporary roots of all that lives; Nix's files of dead processes are removed. */
export function readTempRoots(layout: StoreLayout): TempRoot[] {
	const roots: TempRoot[] = [];
	const own = new Set<string>();
	const read = (file: string, pid: number): void => {
		try {
			for (const path of readFileSync(file, "latin1").split("\0")) {
				if (isStorePath(path, layout.storeDir)) roots.push({ pid, path });
			}
		} catch (error) {
			if (!hasCode(error, "ENOENT")) throw error;
		}
	};
	for (const id of readdirSync(layout.temporary)) {
		const pid = Number.parseInt(id, 10);
		if (!isSessionAlive(layout, id)) continue;
		own.add(id);
		read(`${layout.temporary}/${id}/${FILE}`, pid);
	}
	for (const name of readdirSync(layout.tempRoots)) {
		const pid = Number.parseInt(name, 10);
		if (!(pid > 0) || own.has(name)) continue;
		const file = `${layout.tempRoots}/${name}`;
		// What is named as our sessions are, and is of none that lives, is left over.
		if (!name.includes("-") && isProcessAlive(pid)) read(file, pid);
		else removeIfThere(file);
	}
	return roots;
}

function removeIfThere(file: string): void {
	try {
		unlinkSync(file);
	} catch (error) {
		if (!hasCode(error, "ENOENT")) throw error;
	}
}

function isProcessAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		return !hasCode(error, "ESRCH");
	}
}
