/**
 * What reading a Debian archive needs from outside: a way to fetch, keys to trust, a clock. Layer 3 (engine); injected,
 * so that tests serve an archive of their own.
 */

/** The two archives that a suite's packages come from, by the host part of their `mirror://` URLs. */
export type ArchiveName = "debian" | "debian-security";

/** One file to fetch from an archive. */
export interface ArchiveFile {
	readonly archive: ArchiveName;
	/** Relative to the archive's root, for example `dists/trixie/InRelease`. */
	readonly path: string;
	/** Lower-case base-16; when given, a mirror that serves other bytes is passed over for the next one. */
	readonly sha256?: string;
	/** Bytes: the exact size beside `sha256`, else the most that will be read. */
	readonly size: number;
	/** A moment at which the file was in the archive (`Release` date), for the snapshot archive; absent for "now". */
	readonly snapshot?: Date;
	/** The file as it was at this moment: the snapshot archive alone is asked, mirrors are not. */
	readonly past?: Date;
}

export interface ArchiveAccess {
	/**
	 * Reads a file from the first mirror that has it; `undefined` when every mirror that answered says that there is no
	 * such file. Throws a DiagnosticError (`FETCH_…`) when no mirror answers or none serves the right bytes, and
	 * `FETCH_NO_SNAPSHOT` for the past where no snapshot archive is known.
	 */
	fetch(file: ArchiveFile, signal?: AbortSignal): Promise<Uint8Array | undefined>;
	/** Armored OpenPGP public keys that may sign Release files. */
	readonly keys: readonly string[];
	/** The current time, for expiry of keys and Release files. */
	now(): Date;
}
