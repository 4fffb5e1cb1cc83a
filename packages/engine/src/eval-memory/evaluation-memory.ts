/**
 * Results of evaluations on disk, each with the reads that it depends on. Layer 3.
 *
 * A file holds the results of one question ("all jobs of this expression with these arguments") in one tree of sources, under
 * a hash of both. A tree without a file of its own begins with that of another: where all that a result depends on is equal
 * there, it is taken over. Files are replaced by renames, and what cannot be read is as good as nothing.
 */

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { changedReads, type ReadWorld } from "./read-check.ts";
import { attempt, digestOf, readKinds, type RecordedRead, type ReadKind } from "./read-journal.ts";

/** Bytes of all files together; the least recently used go first. */
const MOST_BYTES = 256 * 1024 * 1024;
/** Files at most. */
const MOST_FILES = 2_000;
/** Other trees that are looked at for a tree that is new. */
const MOST_OTHERS = 3;
const MAGIC = "devenv-evaluations 1\n";

/** One result: `data` is the caller's text. */
export interface RememberedResult {
	readonly data: string;
	/** Numbers of reads, ascending. */
	readonly reads: Uint32Array;
}

/** What an evaluation told: results by name, and the reads that their numbers stand for. */
export interface EvaluationRecord {
	readonly reads: readonly RecordedRead[];
	/** Reads that every result depends on. */
	readonly base: Uint32Array;
	readonly results: ReadonlyMap<string, RememberedResult>;
}

export interface Recalled {
	readonly record: EvaluationRecord;
	readonly changed: ReadonlySet<number>;
}

export interface EvaluationMemoryOptions {
	/** Folder for the files. */
	readonly folder: string;
	/** Everything that results depend on and that is not read: version, settings, arguments, the expression. */
	readonly question: string;
	readonly world: ReadWorld;
}

export class EvaluationMemory {
	readonly #options: EvaluationMemoryOptions;
	readonly #question: string;
	readonly #file: string;

	constructor(options: EvaluationMemoryOptions) {
		this.#options = options;
		this.#question = nameOf(options.question);
		this.#file = join(options.folder, `${this.#question}-${nameOf(options.world.root)}`);
	}

	/**
	 * What is known and still right, with the reads of the record that have other answers now, on which nothing in it depends;
	 * undefined where that is nothing.
	 */
	recall(): Recalled | undefined {
		for (const file of [this.#file, ...this.#others()]) {
			const record = readRecord(file);
			if (record === undefined) continue;
			const valid = this.#valid(record);
			if (valid === undefined) continue;
			touch(file);
			return valid;
		}
		return undefined;
	}

	/** Keeps a record in place of the one before, where there is room for it: to evaluate again is no failure. */
	keep(record: EvaluationRecord): void {
		attempt(() => {
			this.#write(record);
		});
	}

	#write(record: EvaluationRecord): void {
		const { folder } = this.#options;
		mkdirSync(folder, { recursive: true, mode: 0o700 });
		const part = `${this.#file}.${process.pid}.part`;
		try {
			writeFileSync(part, encode(record), { mode: 0o600 });
			renameSync(part, this.#file);
		} finally {
			rmSync(part, { force: true });
		}
		evict(folder, this.#file);
	}

	/** Files of the same question for other trees, the last used first. */
	#others(): string[] {
		const { folder } = this.#options;
		return filesOf(folder)
			.filter(({ path }) => path !== this.#file && path.startsWith(join(folder, `${this.#question}-`)))
			.sort((a, b) => b.used - a.used)
			.slice(0, MOST_OTHERS)
			.map(({ path }) => path);
	}

	#valid(record: EvaluationRecord): Recalled | undefined {
		const changed = changedReads(record.reads.entries(), this.#options.world);
		if (record.base.some((read) => changed.has(read))) return undefined;
		const results = [...record.results].filter(([, { reads }]) => !reads.some((read) => changed.has(read)));
		return { record: { ...record, results: new Map(results) }, changed };
	}
}

function nameOf(text: string): string {
	return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

function filesOf(folder: string): { readonly path: string; readonly size: number; readonly used: number }[] {
	const names = attempt(() => readdirSync(folder)) ?? [];
	return names.flatMap((name) => {
		const path = join(folder, name);
		const stats = statSync(path, { throwIfNoEntry: false });
		return stats?.isFile() === true ? [{ path, size: stats.size, used: stats.mtimeMs }] : [];
	});
}

/** Deletes what was not used for the longest time, beyond the bytes that all may have; also parts of files of processes that died. */
function evict(folder: string, newest: string): void {
	let bytes = 0;
	const files = filesOf(folder).sort((a, b) => b.used - a.used);
	for (const [index, { path, size, used }] of files.entries()) {
		const isOldPart = path.endsWith(".part") && Date.now() - used > 3_600_000;
		bytes += size;
		if (path !== newest && (isOldPart || bytes > MOST_BYTES || index >= MOST_FILES)) rmSync(path, { force: true });
	}
}

function touch(file: string): void {
	const now = new Date();
	// It may have been evicted by another process meanwhile.
	attempt(() => {
		utimesSync(file, now, now);
	});
}

/**
 * The format: {@link MAGIC}, the SHA-256 of the rest (base64url) and a line end, then compressed by zstd: the length of the
 * JSON text as decimal digits and a line end, that text ({@link Head}), and the numbers of reads as 32-bit words in the machine's
 * order: those of the base, then those of each result.
 */
interface Head {
	/** Kind, name, answer, state. */
	readonly reads: readonly (readonly [ReadKind, string, string, string])[];
	readonly base: number;
	/** Name, data, and how many numbers it has. */
	readonly results: readonly (readonly [string, string, number])[];
}

function encode({ reads, base, results }: EvaluationRecord): Buffer {
	const head: Head = {
		reads: reads.map(({ kind, name, answer, state }) => [kind, name, answer, state]),
		base: base.length,
		results: [...results].map(([name, { data, reads: numbers }]) => [name, data, numbers.length]),
	};
	const text = Buffer.from(JSON.stringify(head));
	const words = [base, ...[...results.values()].map((each) => each.reads)].map(bytesOf);
	const body = zstdCompressSync(Buffer.concat([Buffer.from(`${text.length}\n`), text, ...words]));
	return Buffer.concat([Buffer.from(`${MAGIC}${digestOf(body)}\n`), body]);
}

function bytesOf(numbers: Uint32Array): Buffer {
	return Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}

/** Undefined where there is no such file, or what is in it was not written like this. */
function readRecord(file: string): EvaluationRecord | undefined {
	const data = attempt(() => readFileSync(file));
	if (data === undefined) return undefined;
	const end = data.indexOf(10, MAGIC.length);
	if (end < 0 || data.toString("latin1", 0, MAGIC.length) !== MAGIC) return undefined;
	const body = data.subarray(end + 1);
	// With its digest right it is what was written.
	if (digestOf(body) !== data.toString("latin1", MAGIC.length, end)) return undefined;
	return decode(zstdDecompressSync(body));
}

function decode(body: Buffer): EvaluationRecord | undefined {
	const line = body.indexOf(10);
	const start = line + 1 + Number(body.toString("latin1", 0, line));
	const head = JSON.parse(body.toString("utf8", line + 1, start)) as Head;
	const words = new Uint32Array(Math.floor((body.length - start) / 4));
	body.copy(bytesOf(words), 0, start);
	let at = 0;
	const take = (count: number): Uint32Array => words.subarray(at, (at += count));
	const base = take(head.base);
	const results = new Map<string, RememberedResult>();
	for (const [name, text, count] of head.results) results.set(name, { data: text, reads: take(count) });
	if (head.reads.some(([kind]) => !readKinds.includes(kind))) return undefined;
	return { reads: head.reads.map(([kind, name, answer, state]) => ({ kind, name, answer, state })), base, results };
}
