/** Answers of reads: how each kind is put into words, when it is made and when it is checked. Layer 3. */

import { lstatSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { isMissing, type LogicalFiles, MAX_READ_BYTES, typeOf } from "../eval-io/logical-files.ts";
import { FileRefused, readRegularFile } from "../eval-io/read-regular-file.ts";
import { bufferFromBytes, bytesFromBuffer } from "@devenv/nix-formats";
import type { FileType } from "@devenv/evaluator";
import { digestOf, type ReadJournal, type ReadKind, stateOf } from "./read-journal.ts";

/** Digests only: what a variable holds may be a secret. */
export function answerOfVariable(value: string | undefined): string {
	return value === undefined ? "unset" : digestOf(Buffer.from(value));
}

export function digestOfEntries(entries: readonly (readonly [name: string, type: FileType])[]): string {
	const lines = entries.map(([name, type]) => `${name}\0${type}\0`);
	return digestOf(lines.sort().join(""));
}

/** The answer of a read that failed. Throws what is no failure of the file system. */
export function answerOfFailure(error: unknown): string {
	if (error instanceof FileRefused) return `! ${error.reason}`;
	if (error instanceof Error && "syscall" in error) return `! ${String((error as NodeJS.ErrnoException).code)}`;
	throw error;
}

/** What a read of a physical path (bytes) would get now. */
export function answerNow(kind: "file" | "content" | "list" | "type" | "link", path: string): string {
	const place = bufferFromBytes(path);
	try {
		switch (kind) {
			case "file":
				return digestOf(readRegularFile(place, MAX_READ_BYTES));
			case "content":
				return digestOf(readRegularFile(place, MAX_READ_BYTES)) + ((statSync(place).mode & 0o100) === 0 ? "" : " x");
			case "list": {
				const entries = readdirSync(place, { encoding: "buffer", withFileTypes: true });
				return digestOfEntries(entries.map((entry) => [bytesFromBuffer(entry.name), typeOf(entry)]));
			}
			case "type": {
				const stats = lstatSync(place, { throwIfNoEntry: false });
				return stats === undefined ? "absent" : typeOf(stats);
			}
			case "link":
				return readlinkSync(place, "latin1");
		}
	} catch (error) {
		return kind === "type" && isMissing(error) ? "absent" : answerOfFailure(error);
	}
}

interface FilteredEntry {
	readonly path: string;
	readonly type: string;
	/** Of a link, its target. */
	readonly state: string;
}

/** What of a folder a filter lets through to the store: each entry is a read of its own. */
export class FilteredTree {
	readonly #files: LogicalFiles | undefined;
	readonly #entries: FilteredEntry[] = [];

	/** Without files nothing is kept. */
	constructor(files: LogicalFiles | undefined) {
		this.#files = files;
	}

	/** Before an entry is copied. */
	add(path: string, type: string): void {
		if (this.#files === undefined) return;
		const physical = this.#files.physical(path);
		const state = type === "symlink" ? answerNow("link", physical) : stateOf(physical);
		this.#entries.push({ path, type, state });
	}

	/** After all were copied. An entry whose content may have changed meanwhile is not believed. */
	note(journal: ReadJournal): void {
		if (this.#files === undefined) return;
		for (const { path, type, state } of this.#entries) {
			const physical = this.#files.physical(path);
			if (type === "symlink") {
				if (answerNow("link", physical) === state) journal.noteLink(path, state);
				else journal.never();
				continue;
			}
			const kind: ReadKind = type === "directory" ? "list" : "content";
			const answer = answerNow(kind, physical);
			if (answer.startsWith("!") || state === "" || stateOf(physical) !== state) journal.never();
			else journal.notePath(kind, path, answer, state);
		}
	}
}
