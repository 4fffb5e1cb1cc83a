/**
 * The index object: a folder of JSON files in the store that the package set's Nix code reads. Layer 3 (engine), pure.
 *
 *     meta.json            format, system, architecture, suites, the Essential packages
 *     versions.json        { "<package>": "<version>" }, every package of the index
 *     search.tsv           name, version, section and short description, a package a line
 *     shards/<hex>.json    by the first three hex digits of the name's MD5: { "<package>": "{ … }",
 *                          "virtual:<name>": "[[\"<provider>\", \"<version of the name>\"?], …]" }, the preferred first
 *
 * An environment's closure is a few hundred packages of nearly 70,000. So shards are small, and a shard's values are
 * JSON texts within JSON: an evaluator makes values only of those that it needs. Fields that are empty are left out.
 */

import { createHash, hash } from "node:crypto";
import { formatHash, NarEncoder } from "@devenv/nix-formats";
import { INDEX_FORMAT } from "@devenv/package-set";
import { splitGroups } from "./dependency.ts";
import type { PackageEntry, PackageTable } from "./package-table.ts";

/** Begins the shard keys of virtual names; no package name has a colon. */
export const VIRTUAL = "virtual:";

/** A folder in memory; deterministic: equal inputs give equal bytes. */
export interface IndexObject {
	/** Store name of the object, for example `debian-index-trixie-x86_64-linux`. */
	readonly name: string;
	/** File contents by path relative to the object's root, sorted bytewise; folders are implied; nothing is executable. */
	readonly files: ReadonlyMap<string, Uint8Array>;
}

/** What an index is made of, besides its packages. */
export interface IndexDescription {
	readonly suite: string;
	readonly system: string;
	readonly architecture: string;
	/** The suite asked for comes first. */
	readonly suites: readonly IndexSuite[];
}

interface IndexSuite {
	readonly suite: string;
	readonly archive: string;
	/** Date of the Release file, ISO 8601. */
	readonly date: string;
}

/** Lays a package table out as files. */
export function layOutIndex(table: PackageTable, description: IndexDescription): IndexObject {
	const shards = new Map<string, [string, string][]>();
	const put = (name: string, key: string, value: unknown): void => {
		const shard = shardOf(name);
		const member: [string, string] = [key, JSON.stringify(value)];
		const members = shards.get(shard);
		if (members === undefined) shards.set(shard, [member]);
		else members.push(member);
	};
	const versions: [string, string][] = [];
	const lines: string[] = [];
	for (const [name, entry] of table.packages) {
		const { record } = entry;
		versions.push([name, record.version]);
		lines.push(`${name}\t${record.version}\t${oneLine(record.section)}\t${oneLine(record.description)}`);
		put(name, name, shardEntry(entry, description.suite));
	}
	for (const [name, list] of table.providers) {
		put(
			name,
			`${VIRTUAL}${name}`,
			list.map((each) => (each.version === undefined ? [each.name] : [each.name, each.version])),
		);
	}
	const meta = {
		format: INDEX_FORMAT,
		system: description.system,
		architecture: description.architecture,
		suites: description.suites,
		suite: description.suite,
		snapshots: Object.fromEntries(
			description.suites.map((each) => [each.suite, formatSnapshot(snapshotMoment(each.date))]),
		),
		essential: table.essential,
	};
	const texts: [string, string][] = [
		["meta.json", JSON.stringify(meta)],
		["search.tsv", lines.join("\n")],
		...[...shards].map(([shard, content]): [string, string] => [`shards/${shard}.json`, jsonObject(content)]),
		["versions.json", jsonObject(versions)],
	];
	texts.sort(([a], [b]) => (a < b ? -1 : 1));
	return {
		name: `debian-index-${description.suite}-${description.system}`,
		files: new Map(texts.map(([path, text]) => [path, Buffer.from(`${text}\n`)])),
	};
}

/** SRI hash of the object's NAR. */
export function hashIndex(object: IndexObject): string {
	const digest = createHash("sha256");
	const encoder = new NarEncoder((piece) => digest.update(piece));
	let open: string[] = [];
	encoder.directory();
	for (const [path, contents] of object.files) {
		const folders = path.split("/");
		const name = folders.pop() ?? "";
		let shared = 0;
		while (shared < open.length && shared < folders.length && open[shared] === folders[shared]) shared++;
		for (let depth = open.length; depth > shared; depth--) encoder.end();
		for (const folder of folders.slice(shared)) {
			encoder.entry(folder);
			encoder.directory();
		}
		open = folders;
		encoder.entry(name);
		encoder.file(false, contents.length);
		encoder.contents(contents);
	}
	for (let depth = open.length; depth >= 0; depth--) encoder.end();
	encoder.finish();
	return formatHash({ algo: "sha256", bytes: digest.digest() }, "sri");
}

/**
 * The moment to ask the snapshot archive for: half a day after the Release file was made, when its packages are sure to
 * have been captured and are not yet removed.
 */
export function snapshotMoment(date: string): Date {
	return new Date(Date.parse(date) + 12 * 60 * 60 * 1000);
}

/** A moment as the snapshot archive names it: `20260912T195541Z`. */
function formatSnapshot(moment: Date): string {
	return moment.toISOString().replace(/[-:]|\.\d+/g, "");
}

/** Which shard holds a package. */
export function shardOf(name: string): string {
	return hash("md5", name, "hex").slice(0, 3);
}

/** An object as JSON, a member a line. Written by hand, since integer-like keys would be moved by a JS object. */
function jsonObject(members: readonly (readonly [string, unknown])[]): string {
	return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",\n")}}`;
}

function oneLine(text: string): string {
	return /[\t\n\r]/.test(text) ? text.replace(/[\t\n\r]+/g, " ") : text;
}

/** What a package's shard says of it; the suite is left out where it is the index's own. */
function shardEntry({ record, candidates, clashes }: PackageEntry, suite: string): Record<string, unknown> {
	const list = (field: string): string[] | undefined => {
		const groups = splitGroups(field);
		return groups.length > 0 ? groups : undefined;
	};
	const text = (value: string): string | undefined => (value === "" ? undefined : value);
	// JSON.stringify leaves out what is undefined.
	return {
		version: record.version,
		architecture: record.architecture,
		url: `mirror://${record.archive}/${record.filename}`,
		suite: record.suite === suite ? undefined : record.suite,
		sha256: record.sha256,
		size: record.size,
		installedSize: record.installedSize,
		section: text(record.section),
		source: record.source === record.name ? undefined : record.source,
		homepage: text(record.homepage),
		description: text(record.description),
		essential: record.essential ? true : undefined,
		multiArch: text(record.multiArch),
		preDepends: list(record.preDepends),
		depends: list(record.depends),
		recommends: list(record.recommends),
		provides: list(record.provides),
		conflicts: list(record.conflicts),
		breaks: list(record.breaks),
		candidates:
			candidates.length > 0
				? candidates.map((each) => (each.length === 1 && each[0] !== undefined ? each[0] : each))
				: undefined,
		clashes: clashes.length > 0 ? clashes : undefined,
	};
}
