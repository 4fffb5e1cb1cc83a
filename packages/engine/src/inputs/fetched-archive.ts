/** Access to Debian archives through the engine's fetcher. Layer 3. */

import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DiagnosticError } from "@devenv/diagnostics";
import type { ArchiveAccess, ArchiveFile } from "../debian/archive-access.ts";
import { debianArchiveKeys } from "../debian/archive-keys.ts";
import type { EngineListener } from "../engine-event.ts";
import { refuseDownload } from "../offline.ts";
import type { Fetcher } from "../fetch/fetcher.ts";

export interface FetchedArchiveOptions {
	readonly fetcher: Fetcher;
	/** Folder for files on their way; made when missing. */
	readonly folder: string;
	readonly onEvent?: EngineListener;
	/** Refuse whatever is asked for. */
	readonly offline?: boolean;
}

/** Reads archive files from the machine's mirrors. */
export function fetchedArchive({ fetcher, folder, onEvent, offline }: FetchedArchiveOptions): ArchiveAccess {
	let active = 0;
	return {
		keys: debianArchiveKeys(),
		now: () => new Date(),
		fetch: async (file, signal) => {
			if (offline === true) refuseDownload(`${displayName(file)} of the archive '${file.archive}'`);
			mkdirSync(folder, { recursive: true });
			const scratch = mkdtempSync(join(folder, "archive-"));
			const destination = join(scratch, "file");
			const url = `mirror://${file.archive}/${file.path}`;
			active++;
			try {
				await fetcher.fetch({
					url,
					destination,
					...limitsOf(file),
					...(signal === undefined ? {} : { signal }),
					...(file.snapshot === undefined ? {} : { snapshot: snapshotTime(file.snapshot) }),
					...(file.past === undefined ? {} : { snapshot: snapshotTime(file.past), snapshotOnly: true }),
					onProgress: (bytes, total) => {
						onEvent?.({ kind: "fetching", drvPath: url, name: displayName(file), bytes, total: total ?? null });
					},
				});
				const content = readFileSync(destination);
				onEvent?.({ kind: "fetched", drvPath: url, name: displayName(file), bytes: content.length });
				return content;
			} catch (error) {
				if (error instanceof DiagnosticError && error.diagnostics.every(({ code }) => code === "FETCH_NOT_FOUND")) {
					return undefined;
				}
				throw error;
			} finally {
				active--;
				rmSync(scratch, { recursive: true, force: true });
				// The files that are fetched by hash are the package lists: when the last is there, they are read.
				if (active === 0 && file.sha256 !== undefined) {
					onEvent?.({ kind: "phase", phase: "lock", message: "reading the package lists" });
				}
			}
		},
	};
}

function limitsOf(file: ArchiveFile): object {
	if (file.sha256 === undefined) return { maximum: file.size };
	return { size: file.size, expected: { algo: "sha256", bytes: Buffer.from(file.sha256, "hex") } };
}

/** For people: the suite and the file. By-hash names say nothing. */
function displayName(file: ArchiveFile): string {
	return file.path.replace(/^dists\//, "").replace(/\/by-hash\/.*$/, "");
}

/** As snapshot archives name moments: `20260901T000000Z`. */
function snapshotTime(date: Date): string {
	return date.toISOString().replace(/[-:]/g, "").replace(/\.\d+/, "");
}
