/**
 * What binary caches have said of paths, kept between requests: that they have it for 30 days, that they have not for an hour,
 * as Nix does. Layer 3. Losing it costs time only.
 */

import { mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Milliseconds. */
const POSITIVE: number = 30 * 24 * 3600 * 1000;
const NEGATIVE: number = 3600 * 1000;

export class NarInfoMemo {
	readonly #file: string;
	readonly #now: () => number;
	#database: DatabaseSync | undefined;

	constructor(file: string, now: () => number = Date.now) {
		this.#file = file;
		this.#now = now;
	}

	/** The narinfo's text; null: the cache has none; undefined: not known. */
	find(cache: string, hashPart: string): string | null | undefined {
		const row = this.#use((database) =>
			database.prepare("select time, text from narinfo where cache = ? and hash_part = ?").get(cache, hashPart),
		);
		if (row === undefined) return undefined;
		const text = row["text"];
		const age = this.#now() - Number(row["time"]);
		if (age < 0 || age > (text === null ? NEGATIVE : POSITIVE)) return undefined;
		return typeof text === "string" ? text : null;
	}

	keep(cache: string, hashPart: string, text: string | null): void {
		this.#use((database) =>
			database
				.prepare("insert or replace into narinfo (cache, hash_part, time, text) values (?, ?, ?, ?)")
				.run(cache, hashPart, this.#now(), text),
		);
	}

	/** After a cache did not have what it had said. */
	forget(cache: string, hashPart: string): void {
		this.#use((database) =>
			database.prepare("delete from narinfo where cache = ? and hash_part = ?").run(cache, hashPart),
		);
	}

	close(): void {
		this.#database?.close();
		this.#database = undefined;
	}

	/** A file that is damaged, or of another version, begins anew. */
	#use<T>(act: (database: DatabaseSync) => T): T {
		try {
			return act((this.#database ??= open(this.#file)));
		} catch {
			this.close();
			for (const ending of ["", "-wal", "-shm"]) rmSync(`${this.#file}${ending}`, { force: true });
			return act((this.#database = open(this.#file)));
		}
	}
}

function open(file: string): DatabaseSync {
	mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
	const database = new DatabaseSync(file, { timeout: 5000 });
	database.exec("pragma journal_mode = wal; pragma synchronous = off");
	database.exec(
		"create table if not exists narinfo (cache text, hash_part text, time integer not null, text text, primary key (cache, hash_part)) without rowid",
	);
	return database;
}
