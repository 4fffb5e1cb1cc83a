/** Release files: text to checked data. Layer 3 (engine), pure. Format: Debian Wiki, "RepositoryFormat". */

import { fail } from "@devenv/diagnostics";
import { parseStanza, type Stanza } from "./control-file.ts";

interface ReleaseEntry {
	/** Relative to the Release file's folder, for example `main/binary-amd64/Packages.xz`. */
	readonly path: string;
	/** Lower-case base-16. */
	readonly sha256: string;
	/** Bytes. */
	readonly size: number;
}

export interface Release {
	readonly suite: string;
	readonly codename: string;
	readonly date: Date;
	/** After this the file must not be trusted any more; stable suites have none. */
	readonly validUntil?: Date;
	readonly acquireByHash: boolean;
	/** Whether packages for all architectures stand in files of their own instead of each architecture's. */
	readonly separateAll: boolean;
	readonly architectures: readonly string[];
	/** By path. */
	readonly files: ReadonlyMap<string, ReleaseEntry>;
}

/** What a Release file is expected to be, and where it was read. */
export interface ReleaseExpectation {
	/** The suite asked for, by its suite name or its codename. */
	readonly suite: string;
	/** For messages, for example `dists/trixie/InRelease of the archive 'debian'`. */
	readonly origin: string;
	readonly now: Date;
}

/** A clock may be wrong by this much before a Release file counts as one from the future. */
const CLOCK_TOLERANCE_MS = 24 * 60 * 60 * 1000;

/**
 * Reads a Release file whose signature has been verified. Fails with `DEBIAN_RELEASE_MALFORMED`, `DEBIAN_WRONG_SUITE`,
 * `DEBIAN_RELEASE_EXPIRED` or `DEBIAN_RELEASE_FROM_FUTURE`.
 */
export function parseRelease(text: string, expected: ReleaseExpectation): Release {
	const stanza = parseStanza(text);
	if (stanza === undefined) malformed(expected, "it is no control file");
	const release: Release = {
		suite: stanza.get("suite") ?? "",
		codename: stanza.get("codename") ?? "",
		date: dateOf(stanza, "date", expected) ?? malformed(expected, "it has no Date"),
		...validUntilOf(stanza, expected),
		acquireByHash: stanza.get("acquire-by-hash") === "yes",
		separateAll: hasSeparateAll(stanza),
		architectures: (stanza.get("architectures") ?? "").split(/\s+/),
		files: filesOf(stanza, expected),
	};
	if (release.suite !== expected.suite && release.codename !== expected.suite) {
		fail(
			"DEBIAN_WRONG_SUITE",
			`${expected.origin} is the Release file of '${release.codename || release.suite}', not of '${expected.suite}'`,
			{
				hint: "The mirror serves another suite under this name: choose another mirror, or write the suite's codename.",
			},
		);
	}
	if (release.validUntil !== undefined && release.validUntil < expected.now) {
		fail("DEBIAN_RELEASE_EXPIRED", `${expected.origin} was valid until ${isoSeconds(release.validUntil)}`, {
			hint: "The mirror is out of date (or this machine's clock is wrong): choose another mirror.",
		});
	}
	if (release.date.getTime() > expected.now.getTime() + CLOCK_TOLERANCE_MS) {
		fail("DEBIAN_RELEASE_FROM_FUTURE", `${expected.origin} was made on ${isoSeconds(release.date)}, which is to come`, {
			hint: "Set this machine's clock.",
		});
	}
	return release;
}

/** ISO 8601 in UTC with seconds, as locks hold it. */
export function isoSeconds(date: Date): string {
	return date.toISOString().replace(/\.\d+Z$/, "Z");
}

function validUntilOf(stanza: Stanza, expected: ReleaseExpectation): { readonly validUntil?: Date } {
	const validUntil = dateOf(stanza, "valid-until", expected);
	return validUntil === undefined ? {} : { validUntil };
}

/** RFC 1123 dates, always in UTC. */
function dateOf(stanza: Stanza, field: string, expected: ReleaseExpectation): Date | undefined {
	const value = stanza.get(field);
	if (value === undefined) return undefined;
	const date = /(UTC|GMT|\+0000)$/.test(value) ? new Date(value.replace(/UTC$/, "GMT")) : new Date(Number.NaN);
	if (Number.isNaN(date.getTime())) malformed(expected, `its ${field} is '${value}'`);
	return date;
}

function hasSeparateAll(stanza: Stanza): boolean {
	const architectures = (stanza.get("architectures") ?? "").split(/\s+/);
	const unsupported = (stanza.get("no-support-for-architecture-all") ?? "").split(/\s+/);
	return architectures.includes("all") && !unsupported.includes("Packages");
}

function filesOf(stanza: Stanza, expected: ReleaseExpectation): Map<string, ReleaseEntry> {
	const section = stanza.get("sha256");
	if (section === undefined) malformed(expected, "it lists no SHA256 hashes");
	const files = new Map<string, ReleaseEntry>();
	for (const line of section.split("\n")) {
		if (line.trim() === "") continue;
		const match = /^\s*([0-9a-f]{64})\s+([0-9]{1,15})\s+([A-Za-z0-9][A-Za-z0-9+._/-]*)\s*$/.exec(line);
		const [, sha256, size, path] = match ?? [];
		if (sha256 === undefined || size === undefined || path === undefined || path.split("/").includes("..")) {
			malformed(expected, `the line '${line.slice(0, 200)}' of its SHA256 list cannot be read`);
		}
		files.set(path, { path, sha256, size: Number(size) });
	}
	return files;
}

function malformed(expected: ReleaseExpectation, what: string): never {
	return fail("DEBIAN_RELEASE_MALFORMED", `${expected.origin} is no Release file: ${what}`, {
		hint: "The mirror is broken or something stands between it and this machine: try again or choose another mirror.",
	});
}
