/**
 * Objects that lie at their paths, to be used, and are not registered yet: to hash a large one takes longer than to make it.
 * Layer 2.
 *
 * A file named after the object says so from before it is moved there until it is registered. It keeps the object from
 * collectors and outlives its process: who holds the object's lock next registers what lies there. It names the boot of the
 * machine: what lies there after a power failure may be incomplete, and is removed.
 */

import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import {
	bytesFromText,
	isDrvPath,
	isStorePath,
	storePathBase,
	type DrvPath,
	type StorePath,
} from "@devenv/nix-formats";
import type { Database } from "./database.ts";
import { deleteTree, lstatIfThere, moveTree } from "./file-tree.ts";
import type { PathTable } from "./path-table.ts";
import { hasCode } from "./store-failure.ts";
import type { StoreLayout } from "./store-layout.ts";

/** An object that was placed since the machine started. */
export interface PlacedObject {
	readonly path: StorePath;
	readonly deriver: DrvPath;
}

/** A new text each time that the machine starts. */
const BOOT_ID = "/proc/sys/kernel/random/boot_id";

export class PlacedObjects {
	readonly #layout: StoreLayout;

	constructor(layout: StoreLayout) {
		this.#layout = layout;
	}

	/** Says that the object may come to lie in the store folder without being registered. `temporary`: a path where nothing is. */
	record({ path, deriver }: PlacedObject, temporary: string): void {
		writeFileSync(temporary, JSON.stringify({ boot: bootId(), deriver }));
		renameSync(temporary, this.#file(path));
	}

	/** Takes {@link record} back, if it was made. */
	forget(path: StorePath): void {
		// Asked for everything that is registered: of hardly anything there is one.
		if (existsSync(this.#file(path))) rmSync(this.#file(path), { force: true });
	}

	/** Whether the object lies in the store folder, placed since the machine started. */
	has(path: StorePath): boolean {
		if (!existsSync(this.#file(path))) return false;
		return this.#deriver(path) !== undefined && lstatIfThere(this.#physical(path)) !== undefined;
	}

	list(): PlacedObject[] {
		return this.#recorded().flatMap((path) => {
			const deriver = this.#deriver(path);
			return deriver !== undefined && this.has(path) ? [{ path, deriver }] : [];
		});
	}

	/** Removes what was placed before the machine started, and records that killed processes left of what is registered or not there. */
	removeStale(database: Database, paths: PathTable): void {
		for (const path of this.#recorded()) {
			const place = this.#physical(path);
			const aside = `${place}.stale`;
			database.transaction(() => {
				const isValid = paths.isValid(path);
				if (this.has(path) && !isValid) return;
				if (!isValid && lstatIfThere(place) !== undefined) moveTree(place, aside);
				this.forget(path);
			});
			deleteTree(aside);
		}
	}

	#recorded(): StorePath[] {
		const { placed, storeDir } = this.#layout;
		return namesIn(placed)
			.map((name) => `${storeDir}/${name}`)
			.filter((path): path is StorePath => isStorePath(path, storeDir));
	}

	/** Undefined also where the record is of another boot, or damaged. */
	#deriver(path: StorePath): DrvPath | undefined {
		let record: unknown;
		try {
			record = JSON.parse(readFileSync(this.#file(path), "utf8"));
		} catch (error) {
			if (hasCode(error, "ENOENT") || error instanceof SyntaxError) return undefined;
			throw error;
		}
		if (typeof record !== "object" || record === null || !("boot" in record) || !("deriver" in record))
			return undefined;
		const { boot, deriver } = record;
		if (boot !== bootId() || typeof deriver !== "string") return undefined;
		return isStorePath(deriver, this.#layout.storeDir) && isDrvPath(deriver, this.#layout.storeDir)
			? deriver
			: undefined;
	}

	#file(path: StorePath): string {
		return `${this.#layout.placed}/${storePathBase(path)}`;
	}

	#physical(path: StorePath): string {
		return bytesFromText(`${this.#layout.storeFolder}/${storePathBase(path)}`);
	}
}

function bootId(): string {
	return readFileSync(BOOT_ID, "latin1").trim();
}

function namesIn(folder: string): string[] {
	try {
		return readdirSync(folder);
	} catch (error) {
		if (hasCode(error, "ENOENT")) return [];
		throw error;
	}
}
