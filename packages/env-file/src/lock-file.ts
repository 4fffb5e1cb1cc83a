/** What an env.lock holds. Layer 1 (pure). */

import { type Location, unreachable } from "@devenv/diagnostics";

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

/** A pinned folder of files: of a git repository, or on this machine. */
export interface LockedTreeInput {
	readonly kind: "tree";
	readonly name: string;
	/** As above. */
	readonly url: string;
	/** The commit, in base 16; only of git repositories. */
	readonly rev?: string;
	/** Date of the commit, as of suites. */
	readonly date?: string;
	/** SRI hash (`sha256-…`) of the NAR of the folder. */
	readonly narHash: string;
}

export type LockedInput = LockedDebianInput | LockedTreeInput;

export interface LockFile {
	/** By name, sorted. */
	readonly inputs: readonly LockedInput[];
}

/** Where an input's entry begins in the lock's text, for messages about it. */
export type LockLocations = ReadonlyMap<string, Location>;

/** For people, and for comparing by age: a date and a revision, or what there is of them. */
export function lockedRevision(locked: LockedInput): string {
	switch (locked.kind) {
		case "debian":
			return (
				locked.suites
					.map(({ date }) => date)
					.sort()
					.at(-1) ?? locked.url
			);
		case "tree":
			if (locked.rev === undefined) return locked.narHash;
			return locked.date === undefined ? locked.rev : `${locked.date} ${locked.rev.slice(0, 12)}`;
		default:
			return unreachable(locked);
	}
}
