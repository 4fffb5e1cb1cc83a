/**
 * Whether what an evaluation read is still the same: device, inode, size and times in nanoseconds of every path. Layer 3.
 */

import { lstatSync, statSync, type BigIntStats } from "node:fs";
import type { TrackedRead } from "../engine-interface.ts";

/** Nanoseconds by which a file system's clock may lag behind ours. */
const CLOCK_GRAIN = 10_000_000n;

/** What was read so far, each with its state when it was first seen. */
export class ReadFingerprints {
	readonly #states = new Map<string, { readonly read: TrackedRead; readonly state: string }>();
	#trusted = true;

	/**
	 * Adds what was read since `since` (nanoseconds since 1970, taken before the first read). A path that changed after
	 * that may have been read in its old state: then nothing is known any more.
	 */
	add(reads: Iterable<TrackedRead>, since: bigint): void {
		for (const read of reads) {
			const key = `${read.kind} ${read.path}`;
			if (this.#states.has(key)) continue;
			const stats = statsOf(read);
			if (stats !== undefined && stats.ctimeNs >= since - CLOCK_GRAIN) this.#trusted = false;
			this.#states.set(key, { read, state: describe(stats) });
		}
	}

	/** Whether every path is as it was. */
	hold(): boolean {
		if (!this.#trusted) return false;
		for (const { read, state } of this.#states.values()) {
			if (describe(statsOf(read)) !== state) return false;
		}
		return true;
	}
}

function statsOf({ path, kind }: TrackedRead): BigIntStats | undefined {
	const options = { bigint: true, throwIfNoEntry: false } as const;
	try {
		return kind === "link" || kind === "absent" ? lstatSync(path, options) : statSync(path, options);
	} catch (error) {
		// A parent that is no folder, or that we may not enter: as good as absent, until it changes.
		const { code } = error as NodeJS.ErrnoException;
		if (code === "ENOTDIR" || code === "EACCES" || code === "ELOOP") return undefined;
		throw error;
	}
}

function describe(stats: BigIntStats | undefined): string {
	if (stats === undefined) return "absent";
	const { dev, ino, size, mtimeNs, ctimeNs } = stats;
	return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
}
