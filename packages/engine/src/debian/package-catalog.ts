/** Names, versions and descriptions of an index object, for searching and for "did you mean". Layer 3 (engine). */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { nearestNames } from "@devenv/diagnostics";
import { shardOf, VIRTUAL } from "./index-object.ts";

/** One package as people see it. */
export interface CatalogEntry {
	readonly name: string;
	readonly version: string;
	readonly section: string;
	readonly description: string;
}

export interface CatalogHits {
	/** The best first. */
	readonly hits: readonly CatalogEntry[];
	/** How many there are without the limit. */
	readonly total: number;
}

/** What an index offers; it is read whole, which takes some tens of milliseconds, and kept only as long as it is used. */
export class PackageCatalog {
	readonly #entries: readonly CatalogEntry[];
	readonly #folder: string;

	/** `folder` is the physical path of an index object. */
	constructor(folder: string) {
		this.#folder = folder;
		this.#entries = readFileSync(join(folder, "search.tsv"), "utf8")
			.split("\n")
			.filter((line) => line !== "")
			.map((line) => {
				const [name = "", version = "", section = "", description = ""] = line.split("\t");
				return { name, version, section, description };
			});
	}

	/**
	 * Packages in whose name or description all words of the query occur, whatever their case: the name itself first, then
	 * names that begin with the query, names that contain all words, and the rest; within these by length of the name.
	 */
	search(query: string, limit: number): CatalogHits {
		const words = query
			.toLowerCase()
			.split(/\s+/)
			.filter((word) => word !== "");
		const [first = ""] = words;
		const found: { readonly entry: CatalogEntry; readonly rank: number }[] = [];
		for (const entry of this.#entries) {
			const description = entry.description.toLowerCase();
			if (!words.every((word) => entry.name.includes(word) || description.includes(word))) continue;
			const inName = words.every((word) => entry.name.includes(word));
			const rank = entry.name === first ? 0 : !inName ? 3 : entry.name.startsWith(first) ? 1 : 2;
			found.push({ entry, rank });
		}
		found.sort(
			(a, b) =>
				a.rank - b.rank ||
				a.entry.name.length - b.entry.name.length ||
				(a.entry.name < b.entry.name ? -1 : a.entry.name > b.entry.name ? 1 : 0),
		);
		return { hits: found.slice(0, limit).map(({ entry }) => entry), total: found.length };
	}

	versionOf(name: string): string | undefined {
		return this.#entries.find((entry) => entry.name === name)?.version;
	}

	/** Packages to suggest for a name that is none: the providers of a virtual package, else names like it. */
	suggest(name: string, most = 5): string[] {
		const providers = this.#providersOf(name);
		if (providers.length > 0) return providers.slice(0, most);
		const near = nearestNames(name, this.#names(), { most });
		if (near.length >= most) return near;
		const containing = [...this.#names()]
			.filter((each) => name.length >= 3 && each.includes(name) && !near.includes(each))
			.sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
		return [...near, ...containing].slice(0, most);
	}

	*#names(): Iterable<string> {
		for (const { name } of this.#entries) yield name;
	}

	#providersOf(name: string): string[] {
		const shard = readShard(join(this.#folder, "shards", `${shardOf(name)}.json`));
		const text = memberOf(shard, VIRTUAL + name);
		const providers: unknown = typeof text === "string" ? JSON.parse(text) : [];
		if (!Array.isArray(providers)) return [];
		return providers.flatMap((each: unknown) => (Array.isArray(each) && typeof each[0] === "string" ? [each[0]] : []));
	}
}

/** A shard's content; shards without a package are not there. */
function readShard(file: string): unknown {
	if (!existsSync(file)) return {};
	return JSON.parse(readFileSync(file, "utf8"));
}

function memberOf(table: unknown, name: string): unknown {
	if (typeof table !== "object" || table === null || !Object.hasOwn(table, name)) return undefined;
	return (table as Record<string, unknown>)[name];
}
