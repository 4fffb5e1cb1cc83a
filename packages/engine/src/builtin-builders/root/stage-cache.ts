/**
 * Outcomes of first stages, kept between compositions: what the scripts of a set of packages did to its tree. Layer 3.
 *
 * One folder an outcome, named after the hash of all that it depends on: the changed files as `0`, `1` … and `outcome.json`. It is
 * made under another name and renamed. Nothing is synced; so what is taken is checked by its hashes first, whatever a power failure
 * or a hand has made of it. Files are shared by hard links, with the mode 0444 or 0555: they are written no more than those of the
 * store are.
 *
 * Format of `outcome.json`: a line with version, SHA-256 of the rest and bytes of all files; then the outcome as JSON, paths as byte
 * strings, each file with its SHA-256.
 */

import { createHash, randomBytes } from "node:crypto";
import {
	closeSync,
	lstatSync,
	lutimesSync,
	mkdirSync,
	openSync,
	readdirSync,
	readFileSync,
	readSync,
	renameSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { linkFile } from "./root-tree.ts";
import type { TreeChange } from "./tree-changes.ts";

/** What is known of a first stage beside its packages. */
export interface StageOutcome {
	readonly changes: readonly TreeChange[];
	/** Notes of the stubs, one line each. */
	readonly deferred: readonly string[];
	readonly calls: readonly string[];
}

export interface KeptStage {
	readonly outcome: StageOutcome;
	/** Host paths of the changed files, in the order of the changes. */
	readonly files: readonly string[];
}

export interface StageCacheLimits {
	readonly entries: number;
	readonly bytes: number;
}

interface Header {
	readonly version: typeof version;
	readonly sha256: string;
	readonly bytes: number;
}

const version = 1;
const outcomeName = "outcome.json";
const keyPattern = /^[0-9a-f]{64}$/;
const unfinished = "new-";
/** Milliseconds after which what is unfinished was left by a process that ended. */
const longestWriting = 3_600_000;
const defaultLimits: StageCacheLimits = { entries: 24, bytes: 512 * 2 ** 20 };
/** Files that are read before other work gets its turn. */
const filesATurn = 64;

export class StageCache {
	readonly #folder: string;
	readonly #limits: StageCacheLimits;
	readonly #note: (line: string) => void;

	private constructor(folder: string, limits: StageCacheLimits, note: (line: string) => void) {
		this.#folder = folder;
		this.#limits = limits;
		this.#note = note;
	}

	/**
	 * Makes the folder where it is missing. Undefined, with a note, unless it is a folder of the caller's own that nobody else can
	 * write to or read.
	 */
	static open(
		folder: string,
		note: (line: string) => void,
		limits: StageCacheLimits = defaultLimits,
	): StageCache | undefined {
		try {
			mkdirSync(folder, { mode: 0o700, recursive: true });
		} catch (error) {
			note(`outcomes of maintainer scripts are not kept: ${String(error)}`);
			return undefined;
		}
		const info = lstatSync(folder);
		if (info.isDirectory() && info.uid === process.getuid?.() && (info.mode & 0o077) === 0) {
			return new StageCache(folder, limits, note);
		}
		note(`outcomes of maintainer scripts are not kept: ${folder} is no folder that only its user can enter`);
		return undefined;
	}

	/** The outcome with this key, its files linked into `into`, an empty folder on the same file system, and checked there. */
	async take(key: string, into: string): Promise<KeptStage | undefined> {
		const entry = join(this.#folder, key);
		if (lstatSync(entry, { throwIfNoEntry: false }) === undefined) return undefined;
		try {
			const { outcome, hashes } = readOutcome(readFileSync(join(entry, outcomeName)));
			const files: string[] = [];
			for (const [index, hash] of hashes.entries()) {
				if (index % filesATurn === 0) await setImmediate();
				const file = join(into, String(index));
				/* Linked first: what is removed meanwhile is then still there. */
				if (!linkFile(join(entry, String(index)), file)) throw new Error(`file ${index} cannot be linked`);
				const info = lstatSync(file);
				if (!info.isFile() || (info.mode & 0o222) !== 0 || info.mtimeMs !== 1000)
					throw new Error(`file ${index} was touched`);
				if (sha256(readFileSync(file)) !== hash) throw new Error(`file ${index} has changed`);
				files.push(file);
			}
			const now = Date.now() / 1000;
			lutimesSync(entry, now, now);
			return { outcome, files };
		} catch (error) {
			this.#note(`the kept outcome of maintainer scripts cannot be used: ${String(error)}`);
			for (const name of readdirSync(into)) rmSync(join(into, name));
			this.#remove(entry);
			return undefined;
		}
	}

	/** Keeps an outcome; its files must be canonical. What cannot be kept is noted and does no harm. */
	async put(key: string, { outcome, files }: KeptStage): Promise<void> {
		const folder = join(this.#folder, `${unfinished}${randomBytes(9).toString("hex")}`);
		try {
			mkdirSync(folder, { mode: 0o700 });
			const hashes: string[] = [];
			let bytes = 0;
			for (const [index, file] of files.entries()) {
				if (index % filesATurn === 0) await setImmediate();
				const kept = join(folder, String(index));
				if (!linkFile(file, kept)) throw new Error(`${basename(file)} cannot be linked`);
				const contents = readFileSync(kept);
				bytes += contents.length;
				hashes.push(sha256(contents));
			}
			const body = JSON.stringify({ ...outcome, files: hashes });
			const header: Header = { version, sha256: sha256(body), bytes: bytes + body.length };
			writeFileSync(join(folder, outcomeName), `${JSON.stringify(header)}\n${body}`, { mode: 0o400 });
			renameSync(folder, join(this.#folder, key));
		} catch (error) {
			rmSync(folder, { recursive: true, force: true });
			/* Another composition of the same packages was first. */
			if (["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "")) return;
			this.#note(`the outcome of maintainer scripts is not kept: ${String(error)}`);
			return;
		}
		this.#evict();
	}

	/** Removes the outcomes that were not used for longest, and what killed processes left. */
	#evict(): void {
		const entries: { readonly path: string; readonly used: number; readonly bytes: number }[] = [];
		for (const name of readdirSync(this.#folder)) {
			const path = join(this.#folder, name);
			const info = lstatSync(path, { throwIfNoEntry: false });
			if (info === undefined) continue;
			if (keyPattern.test(name)) entries.push({ path, used: info.mtimeMs, bytes: bytesOf(path) });
			else if (Date.now() - info.mtimeMs > longestWriting) rmSync(path, { recursive: true, force: true });
		}
		let [count, bytes] = [0, 0];
		for (const entry of entries.sort((a, b) => b.used - a.used)) {
			if (count >= this.#limits.entries || bytes + entry.bytes > this.#limits.bytes) {
				this.#remove(entry.path);
				continue;
			}
			count++;
			bytes += entry.bytes;
		}
	}

	/** Under another name first: an outcome is there whole or not at all. */
	#remove(entry: string): void {
		const aside = join(this.#folder, `${unfinished}${randomBytes(9).toString("hex")}`);
		try {
			renameSync(entry, aside);
			rmSync(aside, { recursive: true, force: true });
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== "ENOENT") this.#note(`cannot remove ${entry}: ${String(error)}`);
		}
	}
}

/** Bytes of an outcome by its first line; one that cannot be read counts as too large to stay. */
function bytesOf(entry: string): number {
	const start = Buffer.alloc(256);
	try {
		const file = openSync(join(entry, outcomeName), "r");
		try {
			const length = readSync(file, start, 0, start.length, 0);
			return decodeHeader(start.subarray(0, length)).header.bytes;
		} finally {
			closeSync(file);
		}
	} catch {
		return Number.POSITIVE_INFINITY;
	}
}

function decodeHeader(bytes: Buffer): { readonly header: Header; readonly length: number } {
	const length = bytes.indexOf("\n") + 1;
	const value = JSON.parse(bytes.toString("latin1", 0, length)) as Partial<Record<keyof Header, unknown>> | null;
	if (value?.version !== version || typeof value.sha256 !== "string" || typeof value.bytes !== "number") {
		throw new Error("its first line is of another version");
	}
	return { header: { version, sha256: value.sha256, bytes: value.bytes }, length };
}

function readOutcome(bytes: Buffer): { readonly outcome: StageOutcome; readonly hashes: readonly string[] } {
	const { header, length } = decodeHeader(bytes);
	const body = bytes.subarray(length);
	if (sha256(body) !== header.sha256) throw new Error("its list has changed");
	const value = JSON.parse(body.toString("utf8")) as Readonly<Record<string, unknown>>;
	const changes = listOf(value["changes"], decodeChange);
	const hashes = listOf(value["files"], textOf);
	if (changes.filter(({ kind }) => kind === "file").length !== hashes.length) throw new Error("files are missing");
	return {
		outcome: { changes, deferred: listOf(value["deferred"], textOf), calls: listOf(value["calls"], textOf) },
		hashes,
	};
}

function listOf<T>(value: unknown, decode: (each: unknown) => T): readonly T[] {
	if (!Array.isArray(value)) throw new Error("a list is missing");
	return value.map(decode);
}

function textOf(value: unknown): string {
	if (typeof value !== "string") throw new Error("a text is missing");
	return value;
}

function decodeChange(value: unknown): TreeChange {
	if (typeof value !== "object" || value === null) throw new Error("a change is missing");
	const { kind, path, target } = value as Readonly<Record<string, unknown>>;
	const place = textOf(path);
	if (place.includes("\0") || place.split("/").some((part) => part === "" || part === "." || part === "..")) {
		throw new Error("a path leads elsewhere");
	}
	switch (kind) {
		case "removed":
		case "folder":
		case "file":
			return { kind, path: place };
		case "link":
			return { kind, path: place, target: textOf(target) };
		default:
			throw new Error("a change is of an unknown kind");
	}
}

function sha256(contents: Buffer | string): string {
	return createHash("sha256").update(contents).digest("hex");
}
