/**
 * The connection to the store's database: Nix's schema 10 in WAL mode, prepared statements that are kept, and short
 * write transactions. Layer 2.
 */

import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { fail } from "@devenv/diagnostics";
import { isUnwritable, translateFailures } from "./store-failure.ts";
import type { StoreLayout } from "./store-layout.ts";

const SCHEMA_VERSION = "10";

/** How long a statement waits for another connection's write transaction. */
const BUSY_MILLISECONDS = 30_000;

const SCHEMA = `
create table if not exists ValidPaths (
    id               integer primary key autoincrement not null,
    path             text unique not null,
    hash             text not null,
    registrationTime integer not null,
    deriver          text,
    narSize          integer,
    ultimate         integer,
    sigs             text,
    ca               text
);
create table if not exists Refs (
    referrer  integer not null,
    reference integer not null,
    primary key (referrer, reference),
    foreign key (referrer) references ValidPaths(id) on delete cascade,
    foreign key (reference) references ValidPaths(id) on delete restrict
);
create index if not exists IndexReferrer on Refs(referrer);
create index if not exists IndexReference on Refs(reference);
create trigger if not exists DeleteSelfRefs before delete on ValidPaths
  begin
    delete from Refs where referrer = old.id and reference = old.id;
  end;
create table if not exists DerivationOutputs (
    drv  integer not null,
    id   text not null,
    path text not null,
    primary key (drv, id),
    foreign key (drv) references ValidPaths(id) on delete cascade
);
create index if not exists IndexDerivationOutputs on DerivationOutputs(path);
`;

/** A row of a statement's result; every column is decoded by who reads it. */
export type Row = Record<string, unknown>;

export class Database {
	readonly #connection: DatabaseSync;
	readonly #statements = new Map<string, StatementSync>();

	/** Opens, and where it may write, creates the database. Fails with `STORE_SCHEMA` on another version of it. */
	constructor(layout: StoreLayout, readOnly: boolean) {
		this.#connection = translateFailures("open the store's database", () =>
			readOnly ? openForReading(layout) : openForWriting(layout),
		);
	}

	/** The kept statement for this text. */
	statement(sql: string): StatementSync {
		let statement = this.#statements.get(sql);
		if (statement === undefined) {
			statement = this.#connection.prepare(sql);
			this.#statements.set(sql, statement);
		}
		return statement;
	}

	get(sql: string, ...parameters: (string | number | null)[]): Row | undefined {
		return this.statement(sql).get(...parameters);
	}

	all(sql: string, ...parameters: (string | number | null)[]): Row[] {
		return this.statement(sql).all(...parameters);
	}

	run(sql: string, ...parameters: (string | number | null)[]): void {
		this.statement(sql).run(...parameters);
	}

	/** Runs a write transaction; no other process writes meanwhile. What `action` throws undoes it. */
	transaction<T>(action: () => T): T {
		this.run("begin immediate");
		let result: T;
		try {
			result = action();
			this.run("commit");
		} catch (error) {
			// A full disk may have ended the transaction already.
			if (this.#connection.isTransaction) this.run("rollback");
			throw error;
		}
		return result;
	}

	/** Waits until no other connection is in a write transaction. */
	waitForWriters(): void {
		this.run("begin immediate");
		this.run("rollback");
	}

	close(): void {
		this.#statements.clear();
		this.#connection.close();
	}
}

function openForWriting(layout: StoreLayout): DatabaseSync {
	const version = readVersion(layout);
	if (version !== undefined && version !== SCHEMA_VERSION) failVersion(layout, version);
	const connection = new DatabaseSync(layout.database, { timeout: BUSY_MILLISECONDS });
	try {
		connection.exec("pragma foreign_keys = on; pragma synchronous = normal; pragma wal_autocheckpoint = 40000");
		if (version === undefined) {
			connection.exec("pragma journal_mode = wal");
			connection.exec(`begin immediate; ${SCHEMA} commit`);
			const temporary = `${layout.schemaFile}.${process.pid}`;
			writeFileSync(temporary, SCHEMA_VERSION);
			renameSync(temporary, layout.schemaFile);
		}
		// Fails here, not at the first query, when the file is no database.
		connection.exec("select 1 from ValidPaths limit 1");
	} catch (error) {
		connection.close();
		throw error;
	}
	return connection;
}

/** A store that does not exist yet reads as an empty one. */
function openForReading(layout: StoreLayout): DatabaseSync {
	const version = readVersion(layout);
	if (version === undefined || !existsSync(layout.database)) {
		const empty = new DatabaseSync(":memory:");
		empty.exec(SCHEMA);
		return empty;
	}
	if (version !== SCHEMA_VERSION) failVersion(layout, version);
	try {
		return openReadable(layout.database);
	} catch (error) {
		// A database in WAL mode needs files beside it; where they cannot be made, nobody is writing either.
		if (!isUnwritable(error)) throw error;
		const address = pathToFileURL(layout.database);
		address.searchParams.set("immutable", "1");
		return openReadable(address);
	}
}

function openReadable(file: string | URL): DatabaseSync {
	const connection = new DatabaseSync(file, { readOnly: true, timeout: BUSY_MILLISECONDS });
	try {
		connection.exec("select 1 from ValidPaths limit 1");
	} catch (error) {
		connection.close();
		throw error;
	}
	return connection;
}

function readVersion(layout: StoreLayout): string | undefined {
	if (!existsSync(layout.schemaFile)) return undefined;
	return readFileSync(layout.schemaFile, "latin1").trim();
}

function failVersion(layout: StoreLayout, version: string): never {
	return fail(
		"STORE_SCHEMA",
		`the store at ${layout.root} has schema "${version}", this program knows "${SCHEMA_VERSION}"`,
		{
			hint: "it belongs to another version of Nix; set DEVENV_HOME to keep a store of its own",
		},
	);
}
