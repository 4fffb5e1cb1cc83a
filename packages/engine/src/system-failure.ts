/** What the operating system refuses, where the user can mend it, as diagnostics. Layer 3. */

import { type Diagnostic, type DiagnosticDetail, diagnose } from "@devenv/diagnostics";

const SQLITE_FULL = 13;

/** The diagnostic for a full disk or quota, or a file system that cannot be written; undefined for anything else. */
export function systemFailure(error: unknown): Diagnostic | undefined {
	if (!(error instanceof Error)) return undefined;
	const { code, errcode, path } = error as { code?: unknown; errcode?: unknown; path?: unknown };
	const notes = typeof path === "string" ? { notes: [{ message: `while writing ${path}` }] } : {};
	if (code === "ENOSPC" || code === "EDQUOT" || errcode === SQLITE_FULL) return diskFull(notes);
	if (code === "EROFS") {
		return diagnose("DISK_READ_ONLY", "the file system cannot be written", {
			...notes,
			hint: "mount it writable, or set DEVENV_HOME to a folder that can be written",
		});
	}
	return undefined;
}

/** The diagnostic `DISK_FULL`. */
export function diskFull(detail: Pick<DiagnosticDetail, "notes"> = {}): Diagnostic {
	return diagnose("DISK_FULL", "the disk or quota is full", {
		...detail,
		hint: "free some space and run the command again: what was finished is kept, nothing is half-written",
	});
}
