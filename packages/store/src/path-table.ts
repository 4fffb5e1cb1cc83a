/**
 * The database's tables as store objects: what is valid, who refers to whom, which derivation makes what. Layer 2.
 * Every row is decoded; a value that Nix would not have written fails with `STORE_DATABASE`.
 */

import { fail } from "@devenv/diagnostics";
import {
	formatHash,
	HASH_PART_LENGTH,
	isBase32,
	isDrvPath,
	isStorePath,
	parseHash,
	type DrvPath,
	type StorePath,
} from "@devenv/nix-formats";
import type { Database, Row } from "./database.ts";
import type { PathInfo } from "./store.ts";

const COLUMNS = "id, path, hash, registrationTime, deriver, narSize, ultimate, sigs, ca";

export class PathTable {
	readonly #database: Database;
	readonly #storeDir: string;

	constructor(database: Database, storeDir: string) {
		this.#database = database;
		this.#storeDir = storeDir;
	}

	isValid(path: StorePath): boolean {
		return this.#database.get("select 1 from ValidPaths where path = ?", path) !== undefined;
	}

	/** The row's number, which other tables refer to. */
	id(path: StorePath): number | undefined {
		const row = this.#database.get("select id from ValidPaths where path = ?", path);
		return row === undefined ? undefined : this.#number(row, "id");
	}

	info(path: StorePath): PathInfo | undefined {
		const row = this.#database.get(`select ${COLUMNS} from ValidPaths where path = ?`, path);
		if (row === undefined) return undefined;
		const deriver = row["deriver"];
		const signatures = this.#optionalText(row, "sigs");
		return {
			path,
			narHash: parseHash(this.#text(row, "hash"), "sha256"),
			narSize: row["narSize"] === null ? 0 : this.#number(row, "narSize"),
			references: this.#references(this.#number(row, "id")),
			deriver: typeof deriver === "string" && isDrvPath(deriver, this.#storeDir) ? deriver : undefined,
			registrationTime: this.#number(row, "registrationTime"),
			ultimate: row["ultimate"] === 1,
			signatures: signatures === undefined || signatures === "" ? [] : signatures.split(" "),
			contentAddress: this.#optionalText(row, "ca") || undefined,
		};
	}

	/** Undefined when the path is not valid. */
	references(path: StorePath): StorePath[] | undefined {
		const id = this.id(path);
		return id === undefined ? undefined : this.#references(id);
	}

	all(): StorePath[] {
		return this.#paths(this.#database.all("select path from ValidPaths order by path"));
	}

	referrers(path: StorePath): StorePath[] {
		const sql = `select path from Refs join ValidPaths on referrer = id
			where reference = (select id from ValidPaths where path = ?) order by path`;
		return this.#paths(this.#database.all(sql, path));
	}

	/** Whether any path but itself refers to it. */
	hasReferrers(path: StorePath): boolean {
		const sql = `select 1 from Refs join ValidPaths on reference = id where path = ? and referrer != id limit 1`;
		return this.#database.get(sql, path) !== undefined;
	}

	derivers(path: StorePath): DrvPath[] {
		const sql = `select v.path as path from DerivationOutputs d join ValidPaths v on d.drv = v.id
			where d.path = ? order by v.path`;
		return this.#paths(this.#database.all(sql, path)).filter((each) => isDrvPath(each, this.#storeDir));
	}

	derivationOutputs(path: DrvPath): Map<string, StorePath> {
		const sql = `select o.id as name, o.path as path from DerivationOutputs o join ValidPaths v on o.drv = v.id
			where v.path = ? order by o.id`;
		return new Map(this.#database.all(sql, path).map((row) => [this.#text(row, "name"), this.#path(row)]));
	}

	fromHashPart(hashPart: string): StorePath | undefined {
		if (hashPart.length !== HASH_PART_LENGTH || !isBase32(hashPart)) return undefined;
		const prefix = `${this.#storeDir}/${hashPart}`;
		const row = this.#database.get("select path from ValidPaths where path >= ? order by path limit 1", prefix);
		if (row === undefined) return undefined;
		const path = this.#path(row);
		return path.startsWith(`${prefix}-`) ? path : undefined;
	}

	/** Reference lists of all valid paths, for questions about the whole store. */
	graph(): Map<StorePath, StorePath[]> {
		const graph = new Map<StorePath, StorePath[]>();
		const byId = new Map<number, StorePath>();
		for (const row of this.#database.all("select id, path from ValidPaths")) {
			const path = this.#path(row);
			byId.set(this.#number(row, "id"), path);
			graph.set(path, []);
		}
		for (const row of this.#database.all("select referrer, reference from Refs")) {
			const referrer = byId.get(this.#number(row, "referrer"));
			const reference = byId.get(this.#number(row, "reference"));
			if (referrer !== undefined && reference !== undefined) graph.get(referrer)?.push(reference);
		}
		return graph;
	}

	/** Adds valid paths, in a transaction of the caller's; fails with `STORE_PATH_NOT_VALID` for an invalid reference. */
	insert(infos: readonly PathInfo[]): void {
		const sql = `insert into ValidPaths (path, hash, registrationTime, deriver, narSize, ultimate, sigs, ca)
			values (?, ?, ?, ?, ?, ?, ?, ?)`;
		for (const info of infos) {
			this.#database.run(
				sql,
				info.path,
				`sha256:${formatHash(info.narHash, "base16")}`,
				info.registrationTime,
				info.deriver ?? null,
				info.narSize === 0 ? null : info.narSize,
				info.ultimate ? 1 : null,
				info.signatures.length === 0 ? null : info.signatures.join(" "),
				info.contentAddress ?? null,
			);
		}
		for (const info of infos) this.#insertReferences(info);
	}

	/** Takes what is said of a valid path in the place of what was known, in a transaction of the caller's. */
	update(info: PathInfo): void {
		this.#database.run(
			"update ValidPaths set hash = ?, deriver = ?, narSize = ?, ultimate = ?, sigs = ?, ca = ? where path = ?",
			`sha256:${formatHash(info.narHash, "base16")}`,
			info.deriver ?? null,
			info.narSize === 0 ? null : info.narSize,
			info.ultimate ? 1 : null,
			info.signatures.length === 0 ? null : info.signatures.join(" "),
			info.contentAddress ?? null,
			info.path,
		);
		this.#database.run("delete from Refs where referrer = ?", this.#existing(info.path, info.path));
		this.#insertReferences(info);
	}

	#insertReferences(info: PathInfo): void {
		if (info.references.length === 0) return;
		const referrer = this.#existing(info.path, info.path);
		for (const reference of info.references) {
			const id = this.#existing(reference, info.path);
			this.#database.run("insert or replace into Refs (referrer, reference) values (?, ?)", referrer, id);
		}
	}

	insertOutputs(drv: DrvPath, outputs: Iterable<readonly [string, StorePath]>): void {
		const id = this.#existing(drv, drv);
		const sql = "insert or replace into DerivationOutputs (drv, id, path) values (?, ?, ?)";
		for (const [name, path] of outputs) this.#database.run(sql, id, name, path);
	}

	setSignatures(path: StorePath, signatures: readonly string[]): void {
		this.#database.run("update ValidPaths set sigs = ? where path = ?", signatures.join(" "), path);
	}

	/** Forgets a path, in a transaction of the caller's; nothing but itself may refer to it. */
	remove(path: StorePath): void {
		this.#database.run("delete from ValidPaths where path = ?", path);
	}

	#references(id: number): StorePath[] {
		const sql = "select path from Refs join ValidPaths on reference = id where referrer = ? order by path";
		return this.#paths(this.#database.all(sql, id));
	}

	#existing(path: StorePath, referrer: StorePath): number {
		return (
			this.id(path) ??
			fail("STORE_PATH_NOT_VALID", `cannot register ${referrer}: it refers to ${path}, which is not valid`, {
				hint: "add or fetch what it refers to first",
			})
		);
	}

	#paths(rows: readonly Row[]): StorePath[] {
		return rows.map((row) => this.#path(row));
	}

	#path(row: Row): StorePath {
		const path = row["path"];
		if (typeof path === "string" && isStorePath(path, this.#storeDir)) return path;
		return failColumn("path", path);
	}

	#text(row: Row, column: string): string {
		const value = row[column];
		return typeof value === "string" ? value : failColumn(column, value);
	}

	#optionalText(row: Row, column: string): string | undefined {
		return row[column] === null ? undefined : this.#text(row, column);
	}

	#number(row: Row, column: string): number {
		const value = row[column];
		return typeof value === "number" ? value : failColumn(column, value);
	}
}

function failColumn(column: string, value: unknown): never {
	return fail(
		"STORE_DATABASE",
		`the store's database has a value in column "${column}" that is not valid: ${String(value)}`,
		{
			hint: "the database is damaged; delete the root folder of the store, all of it can be fetched or built again",
		},
	);
}
