/** Compressed Packages files → index object: seconds of pure computing. Layer 3 (engine). */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ArchiveName } from "./archive-access.ts";
import { decompress } from "./decompress.ts";
import { hashIndex, layOutIndex, type IndexDescription } from "./index-object.ts";
import { parsePackages, type PackageRecord } from "./package-record.ts";
import { buildPackageTable } from "./package-table.ts";

/** One Packages file, as fetched. */
export interface PackagesFile {
	readonly archive: ArchiveName;
	readonly suite: string;
	/** Path in the archive; its ending tells the compression. */
	readonly path: string;
	readonly contents: Uint8Array;
}

export interface IndexJob {
	readonly description: IndexDescription;
	/** Those of the suite asked for come first: of equal versions the first wins. */
	readonly packages: readonly PackagesFile[];
	/** Physical folder to write the object to; it must not exist. */
	readonly folder: string;
}

export interface BuiltIndex {
	/** Store name of the object. */
	readonly name: string;
	/** SRI hash of its NAR. */
	readonly narHash: string;
}

/** Builds the object and writes it to the job's folder. */
export async function buildIndex(job: IndexJob): Promise<BuiltIndex> {
	const records: PackageRecord[] = [];
	for (const file of job.packages) {
		const text = (await decompress(file.path, file.contents)).toString("latin1");
		const { archive, suite, path } = file;
		for (const record of parsePackages(text, { archive, suite, path, architecture: job.description.architecture })) {
			records.push(record);
		}
	}
	const object = layOutIndex(buildPackageTable(records), job.description);
	const folders = new Set<string>();
	for (const [path, contents] of object.files) {
		const target = join(job.folder, path);
		const folder = dirname(target);
		if (!folders.has(folder)) mkdirSync(folder, { recursive: true });
		folders.add(folder);
		writeFileSync(target, contents);
	}
	return { name: object.name, narHash: hashIndex(object) };
}
