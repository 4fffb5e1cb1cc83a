/**
 * What was downloaded without a promised hash, for a while: like Nix, which does not ask for such a file again within an hour
 * (`tarball-ttl`). Layer 3; one small file for each address, written whole.
 */

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Nix's default, in seconds. */
const LIFETIME = 3600;

export interface Downloaded {
	/** Store path. */
	readonly path: string;
	/** Seconds since 1970; 0 where it is not known. */
	readonly lastModified: number;
}

export class DownloadMemo {
	readonly #folder: string;
	readonly #now: () => number;

	/** `folder` is made when missing; `now` gives seconds since 1970. */
	constructor(folder: string, now: () => number = () => Date.now() / 1000) {
		this.#folder = folder;
		this.#now = now;
	}

	/** `key` says what was downloaded and how it became a store object. */
	find(key: string): Downloaded | undefined {
		let text: string;
		try {
			text = readFileSync(this.#file(key), "utf8");
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
			throw error;
		}
		const value = parse(text);
		const age = this.#now() - Number(value["fetched"]);
		const { path, lastModified } = value;
		if (value["key"] !== key || !(age >= 0 && age < LIFETIME)) return undefined;
		return typeof path === "string" && typeof lastModified === "number" ? { path, lastModified } : undefined;
	}

	remember(key: string, downloaded: Downloaded): void {
		mkdirSync(this.#folder, { recursive: true });
		const file = this.#file(key);
		const own = `${file}.${process.pid}`;
		writeFileSync(own, JSON.stringify({ key, ...downloaded, fetched: Math.floor(this.#now()) }), { mode: 0o600 });
		renameSync(own, file);
	}

	#file(key: string): string {
		return join(this.#folder, `${createHash("sha256").update(key).digest("hex").slice(0, 40)}.json`);
	}
}

/** What is no object counts as nothing: it is fetched again. */
function parse(text: string): Readonly<Record<string, unknown>> {
	try {
		const value: unknown = JSON.parse(text);
		return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
	} catch {
		return {};
	}
}
