/** What the fetcher of files is asked and answers. The implementation is `http-fetcher.ts`. */

import type { Hash } from "@devenv/nix-formats";

export interface FetchRequest {
	/** `http:`, `https:`, `file:` or `mirror://<archive>/<path>`. */
	readonly url: string;
	/** Host path of the file to make; nothing is there before, and after a failure. */
	readonly destination: string;
	/** Hash that the file must have. */
	readonly expected?: Hash;
	/** Length in bytes that the file must have. */
	readonly size?: number;
	/** Most bytes that are read; default 64 GiB. */
	readonly maximum?: number;
	/** For `mirror:` URLs: a moment (`20260901T000000Z`) at which the file was in the archive, for the snapshot archive. */
	readonly snapshot?: string;
	/** With `snapshot`: ask nobody else, since mirrors have the file's present state. */
	readonly snapshotOnly?: boolean;
	/** Called some times a second; `total` is absent where the server does not say. */
	readonly onProgress?: (done: number, total: number | undefined) => void;
	/** One line about what happened: a retry, a mirror left for the next. */
	readonly onNote?: (line: string) => void;
	readonly signal?: AbortSignal;
}

export interface FetchResult {
	/** The URL that the file came from in the end. */
	readonly url: string;
	readonly size: number;
	/** SHA-256 of the file. */
	readonly sha256: Uint8Array;
	readonly etag?: string;
	readonly lastModified?: string;
}

export interface Fetcher {
	/**
	 * Rejects with a DiagnosticError that names every address that was tried: `FETCH_NOT_FOUND` (all say that there is no such
	 * file), `FETCH_HASH_MISMATCH`, `FETCH_TRUNCATED`, `FETCH_TOO_LARGE`, `FETCH_FAILED`, `FETCH_NO_MIRROR`, `FETCH_NO_SNAPSHOT`,
	 * `FETCH_URL`; after
	 * an abort with the signal's reason.
	 */
	fetch(request: FetchRequest): Promise<FetchResult>;
	/** The addresses that stand for a URL, in the order in which they are tried; the URL itself unless it is `mirror:`. */
	resolve(url: string, snapshot?: string): readonly string[];
	/** Closes idle connections. */
	close(): void;
}
