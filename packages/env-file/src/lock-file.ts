/** What an env.lock holds. Layer 1 (pure). */

import type { Location } from "@devenv/diagnostics";

/** The version of the text format that this program writes; older ones are read, newer ones refused with advice. */
export const LOCK_VERSION = 1;

/** One compressed Packages index of a suite, pinned by the signed Release file that was current at `date`. */
export interface LockedPackageIndex {
	/** Archive component, for example `main`. */
	readonly component: string;
	/** Path relative to the archive's root; it names the architecture (`…/main/binary-amd64/…`). */
	readonly path: string;
	/** Lower-case base-16. */
	readonly sha256: string;
	/** Bytes. */
	readonly size: number;
}

export interface LockedSuite {
	/** For example `trixie`, `trixie-updates`, `trixie-security`. */
	readonly suite: string;
	/** The archive that holds it: the host part of a `mirror://` URL, `debian` or `debian-security`. */
	readonly archive: string;
	/** Date of the Release file, ISO 8601 in UTC with seconds: `2026-11-21T14:03:22Z`. */
	readonly date: string;
	/** Of all architectures; formatting sorts them by component and path. */
	readonly packages: readonly LockedPackageIndex[];
}

/** The index object that one system's Packages files give. */
export interface LockedIndexObject {
	/** For example `x86_64-linux`. */
	readonly system: string;
	/** SRI hash (`sha256-…`) of the NAR of the index object. */
	readonly narHash: string;
}

/** A pinned Debian suite with its updates and security suites. */
export interface LockedDebianInput {
	readonly kind: "debian";
	readonly name: string;
	/** As written in env.yaml when it was locked; another URL there makes the entry stale. */
	readonly url: string;
	/** Sorted by system; systems that nobody has locked on yet are absent. */
	readonly indexes: readonly LockedIndexObject[];
	/** Sorted by suite. */
	readonly suites: readonly LockedSuite[];
}

export type LockedInput = LockedDebianInput;

export interface LockFile {
	/** By name, sorted. */
	readonly inputs: readonly LockedInput[];
}

/** Where an input's entry begins in the lock's text, for messages about it. */
export type LockLocations = ReadonlyMap<string, Location>;

/** For people and for comparing: the newest date among the suites of a locked input, in ISO 8601. */
export function lockedRevision(locked: LockedInput): string {
	const dates = locked.suites.map(({ date }) => date).sort();
	return dates.at(-1) ?? locked.url;
}
