/** The request that frees disk space. Layer 1 (pure). */

import { absolutePath, arrayOf, boolean, count, nullable, number, object, string } from "./decoder.ts";
import type { Method } from "./methods.ts";

export interface CollectParams {
	/** Drop what projects keep that were not used for so many seconds; null: only of those whose folder is gone. */
	readonly olderThan: number | null;
	/** Bytes after which nothing more is deleted; null: no limit. */
	readonly maxFreed: number | null;
	/** Say what would be deleted, delete nothing. */
	readonly dryRun: boolean;
}

export interface ProjectUse {
	readonly project: string;
	/** Seconds since it was entered last, to the day. */
	readonly age: number;
	/** Bytes (as NARs) of the environments that only this project keeps, and of all that it keeps. */
	readonly own: number;
	readonly size: number;
	/** Why it is not kept any more; null: it is. */
	readonly dropped: "gone" | "old" | null;
}

export interface CollectResult {
	readonly projects: readonly ProjectUse[];
	/** Store objects deleted, and bytes on disk freed. */
	readonly deleted: number;
	readonly bytesFreed: number;
	readonly dryRun: boolean;
	/** Caches and logs of builds that were deleted, and their bytes on disk; none without `olderThan`. */
	readonly files: { readonly count: number; readonly bytes: number };
	/** Store paths deleted, by size, the largest first; at most a hundred. */
	readonly largest: readonly { readonly path: string; readonly size: number }[];
}

/** Deletes what nothing needs any more. Fails with `STORE_COLLECTOR_RUNS`. */
export const collectGarbage: Method<CollectParams, CollectResult> = {
	name: "store.collect",
	params: object<CollectParams>({ olderThan: nullable(number), maxFreed: nullable(count), dryRun: boolean }),
	result: object<CollectResult>({
		projects: arrayOf(
			object<ProjectUse>({
				project: absolutePath,
				age: number,
				own: count,
				size: count,
				dropped: (value, path) => {
					const text = nullable(string)(value, path);
					return text === "gone" || text === "old" ? text : null;
				},
			}),
		),
		deleted: count,
		bytesFreed: count,
		dryRun: boolean,
		files: object<CollectResult["files"]>({ count, bytes: count }),
		largest: arrayOf(object<CollectResult["largest"][number]>({ path: string, size: count })),
	}),
	progress: true,
};
