/** Formats one file in its place: as a whole, or not at all. Layer 5. */

import { randomBytes } from "node:crypto";
import {
	accessSync,
	closeSync,
	constants,
	fchmodSync,
	fchownSync,
	fsyncSync,
	openSync,
	readFileSync,
	realpathSync,
	renameSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { type Diagnostic, DiagnosticError, diagnose, fail } from "@devenv/diagnostics";
import { formatNix } from "@devenv/evaluator/format";
import { bufferFromBytes, bytesFromBuffer, bytesFromText } from "@devenv/nix-formats";

/** What became of a file. */
export type FileOutcome =
	| { readonly kind: "unchanged" }
	/** It was written, or would be. */
	| { readonly kind: "changed" }
	| { readonly kind: "failed"; readonly diagnostic: Diagnostic };

/** Formats a file; with `check` it is only looked at. */
export function formatFile(path: string, check: boolean): FileOutcome {
	try {
		const before = readFileSync(path);
		const result = formatNix(bytesFromBuffer(before), { kind: "file", path: bytesFromText(path) });
		if (result.kind === "failed") return { kind: "failed", diagnostic: result.error };
		const after = bufferFromBytes(result.value);
		if (after.equals(before)) return { kind: "unchanged" };
		if (!check) replace(path, before, after);
		return { kind: "changed" };
	} catch (error) {
		if (error instanceof DiagnosticError && error.diagnostics[0] !== undefined) {
			return { kind: "failed", diagnostic: error.diagnostics[0] };
		}
		const { code } = error as NodeJS.ErrnoException;
		if (code === undefined) throw error;
		return { kind: "failed", diagnostic: diagnose("FMT_FILE", `${path} cannot be formatted: ${code}`) };
	}
}

/** Puts a text in a file's place, its mode and owner kept; where the path is a link, in the place of what it leads to. */
function replace(path: string, before: Buffer, after: Buffer): void {
	const target = realpathSync(path);
	// A rename would replace a file that is meant not to be written.
	accessSync(target, constants.W_OK);
	const part = join(dirname(target), `.${basename(target)}.${randomBytes(9).toString("hex")}.part`);
	try {
		writeCopy(part, after, target);
		// The last look; what changes in the instant between is lost, as with any editor.
		if (!readFileSync(target).equals(before)) {
			fail("FMT_CHANGED", `${path} was changed meanwhile; it was left as it is`, { hint: "run the command again" });
		}
		renameSync(part, target);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "EEXIST") rmSync(part, { force: true });
		throw error;
	}
}

/** A new file with the mode and, as far as this process may, the owner of another. */
function writeCopy(file: string, content: Buffer, like: string): void {
	const { mode, uid, gid } = statSync(like);
	const descriptor = openSync(file, "wx", 0o600);
	try {
		writeFileSync(descriptor, content);
		if (process.geteuid?.() === 0) fchownSync(descriptor, uid, gid);
		fchmodSync(descriptor, mode & 0o7777);
		fsyncSync(descriptor);
	} finally {
		closeSync(descriptor);
	}
}
