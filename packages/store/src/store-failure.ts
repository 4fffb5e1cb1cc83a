/**
 * What the operating system and SQLite report, as diagnostics. Layer 2. Only failures that the user can mend are
 * translated; every other one is a bug of this program and passes as it is.
 */

import { DiagnosticError, diagnose, type DiagnosticDetail } from "@devenv/diagnostics";

const SQLITE_BUSY = 5;
const SQLITE_READONLY = 8;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;
const SQLITE_NOTADB = 26;
/** The memory that processes share of a database cannot grow: there is no space for it. An extended code. */
const SQLITE_IOERR_SHMSIZE = 4874;

interface Cause {
	readonly code?: unknown;
	readonly errcode?: unknown;
	readonly path?: unknown;
}

/** Runs `action` and translates what it throws; `what` says what was being done, as in "add hello". */
export function translateFailures<T>(what: string, action: () => T): T {
	try {
		return action();
	} catch (error) {
		throw translateFailure(what, error);
	}
}

/** The error to throw instead of `error`. */
export function translateFailure(what: string, error: unknown): unknown {
	if (!(error instanceof Error) || error instanceof DiagnosticError) return error;
	const { code, errcode, path } = error as Cause;
	const place = typeof path === "string" ? ` (${path})` : "";
	const make = (name: string, message: string, detail: DiagnosticDetail): DiagnosticError =>
		new DiagnosticError(diagnose(name, `cannot ${what}: ${message}`, detail), { cause: error });
	if (code === "ENOSPC" || code === "EDQUOT" || primary(errcode) === SQLITE_FULL || errcode === SQLITE_IOERR_SHMSIZE) {
		return make("STORE_DISK_FULL", `the disk or quota is full${place}`, {
			hint: "free some space and run the command again; nothing was changed",
		});
	}
	if (code === "EROFS" || primary(errcode) === SQLITE_READONLY) {
		return make("STORE_READ_ONLY", `the store cannot be written${place}`, {
			hint: "the file system is mounted read-only, or the store belongs to another user",
		});
	}
	if (code === "EACCES" || code === "EPERM" || primary(errcode) === SQLITE_CANTOPEN) {
		return make("STORE_ACCESS", `access is denied${place}`, {
			hint: "a store and what is added to it must be the user's own to read; DEVENV_HOME chooses another store",
		});
	}
	if (primary(errcode) === SQLITE_BUSY) {
		return make("STORE_BUSY", "another process holds the store's database", {
			hint: "run the command again when the other has ended",
		});
	}
	if (primary(errcode) === SQLITE_CORRUPT || primary(errcode) === SQLITE_NOTADB) {
		return make("STORE_DATABASE", "the store's database is damaged", {
			hint: "delete the store's root folder; everything in it can be fetched or built again",
		});
	}
	if (code === "ENAMETOOLONG" || code === "ELOOP" || code === "EMFILE") {
		return make("STORE_LIMIT", shortened(error.message), {});
	}
	return error;
}

/** A path that is too long says nothing more by its middle. */
function shortened(message: string): string {
	return message.length <= 400 ? message : `${message.slice(0, 200)} … ${message.slice(-100)}`;
}

/** Whether the error is of the operating system, with one of the given codes. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
	return error instanceof Error && codes.includes(String((error as Cause).code));
}

/** Whether SQLite reports that another connection holds a lock. */
export function isBusy(error: unknown): boolean {
	return error instanceof Error && primary((error as Cause).errcode) === SQLITE_BUSY;
}

/** Whether SQLite reports that it cannot make or write a file. */
export function isUnwritable(error: unknown): boolean {
	const code = error instanceof Error ? primary((error as Cause).errcode) : undefined;
	return code === SQLITE_READONLY || code === SQLITE_CANTOPEN;
}

/** SQLite's primary result code: the low byte of the extended one. */
function primary(errcode: unknown): number | undefined {
	return typeof errcode === "number" ? errcode & 255 : undefined;
}
