/**
 * The Packages file of a suite → package records. Layer 3 (engine), pure.
 *
 * A Packages file of Debian's main component has nearly 70,000 stanzas and 56 MB, so fields are picked by offset from
 * one string, and only those that the index keeps are cut out.
 */

import { diagnose, DiagnosticError } from "@devenv/diagnostics";
import { type ByteString, textFromBytes } from "@devenv/nix-formats";
import type { ArchiveName } from "./archive-access.ts";

/** One binary package of one architecture. Relationship fields are as written, `""` where absent. */
export interface PackageRecord {
	readonly name: string;
	readonly version: string;
	/** `all` or the index's own architecture. */
	readonly architecture: string;
	readonly archive: ArchiveName;
	/** The suite whose Packages file lists it. */
	readonly suite: string;
	/** Path of the .deb relative to the archive's root. */
	readonly filename: string;
	/** Lower-case base-16. */
	readonly sha256: string;
	/** Bytes of the .deb. */
	readonly size: number;
	/** Bytes when unpacked, as the maintainer estimated. */
	readonly installedSize: number;
	readonly essential: boolean;
	readonly multiArch: string;
	readonly priority: string;
	readonly section: string;
	readonly source: string;
	readonly homepage: string;
	/** The short description. */
	readonly description: string;
	readonly preDepends: string;
	readonly depends: string;
	readonly recommends: string;
	readonly provides: string;
	readonly conflicts: string;
	readonly breaks: string;
}

const wanted: ReadonlySet<string> = new Set([
	"Package",
	"Version",
	"Architecture",
	"Filename",
	"SHA256",
	"Size",
	"Installed-Size",
	"Essential",
	"Multi-Arch",
	"Priority",
	"Section",
	"Source",
	"Homepage",
	"Description",
	"Pre-Depends",
	"Depends",
	"Recommends",
	"Provides",
	"Conflicts",
	"Breaks",
]);

const namePattern = /^[a-z0-9][a-z0-9+.-]+$/;
const versionPattern = /^[0-9][A-Za-z0-9.+~:-]*$/;
const sha256Pattern = /^[0-9a-f]{64}$/;
const filenamePattern = /^[A-Za-z0-9][A-Za-z0-9+.~%:_-]*(\/[A-Za-z0-9][A-Za-z0-9+.~%:_-]*)*\.deb$/;

/** Where a Packages text comes from, for messages and for the records' URLs. */
export interface PackagesOrigin {
	readonly archive: ArchiveName;
	readonly suite: string;
	/** Path of the Packages file in the archive. */
	readonly path: string;
	/** Debian's name of the architecture that the index is for, for example `amd64`. */
	readonly architecture: string;
}

/**
 * Reads every stanza of a file given as bytes (half the memory of UTF-16, and nearly all of it is ASCII). A stanza that lacks a needed field or holds an impossible value is a DiagnosticError.
 */
export function parsePackages(text: ByteString, origin: PackagesOrigin): PackageRecord[] {
	const records: PackageRecord[] = [];
	let fields = new Map<string, string>();
	let at = 0;
	const length = text.length;
	while (at < length) {
		let end = text.indexOf("\n", at);
		if (end < 0) end = length;
		const first = text.charCodeAt(at);
		if (end === at) {
			if (fields.size > 0) records.push(recordOf(fields, origin));
			fields = new Map();
		} else if (first !== 32 && first !== 9) {
			const colon = text.indexOf(":", at);
			if (colon < 0 || colon >= end) malformed(origin, `no field in line '${text.slice(at, Math.min(end, at + 60))}'`);
			const name = text.slice(at, colon);
			if (wanted.has(name)) {
				// A folded value ends where a line begins with something else than white space.
				let stop = end;
				while (isContinuation(text, stop + 1)) {
					const next = text.indexOf("\n", stop + 1);
					stop = next < 0 ? length : next;
				}
				const keepLines = name !== "Description";
				fields.set(name, text.slice(colon + 1, keepLines ? stop : end).trim());
				end = stop;
			}
		}
		at = end + 1;
	}
	if (fields.size > 0) records.push(recordOf(fields, origin));
	return records;
}

function isContinuation(text: string, at: number): boolean {
	const code = text.charCodeAt(at);
	return code === 32 || code === 9;
}

function recordOf(fields: ReadonlyMap<string, string>, origin: PackagesOrigin): PackageRecord {
	const get = (name: string): string => fields.get(name) ?? "";
	const name = get("Package");
	const check = (field: string, pattern: RegExp): string => {
		const value = get(field);
		if (!pattern.test(value)) malformed(origin, `package '${name}' has ${field} '${value.slice(0, 100)}'`);
		return value;
	};
	check("Package", namePattern);
	const version = check("Version", versionPattern);
	const architecture = get("Architecture");
	if (architecture !== "all" && architecture !== origin.architecture) {
		malformed(origin, `package '${name}' is for architecture '${architecture}'`);
	}
	const filename = check("Filename", filenamePattern);
	return {
		name,
		version,
		architecture,
		archive: origin.archive,
		suite: origin.suite,
		filename,
		sha256: check("SHA256", sha256Pattern),
		size: Number(check("Size", /^[0-9]{1,12}$/)),
		installedSize: 1024 * Number(/^[0-9]{1,10}$/.exec(get("Installed-Size"))?.[0] ?? "0"),
		essential: get("Essential") === "yes",
		multiArch: get("Multi-Arch"),
		priority: get("Priority"),
		section: get("Section"),
		source: /^[^\s(]*/.exec(get("Source"))?.[0] || name,
		homepage: get("Homepage"),
		description: textFromBytes(get("Description")),
		preDepends: get("Pre-Depends"),
		depends: get("Depends"),
		recommends: get("Recommends"),
		provides: get("Provides"),
		conflicts: get("Conflicts"),
		breaks: get("Breaks"),
	};
}

function malformed(origin: PackagesOrigin, what: string): never {
	throw new DiagnosticError(
		diagnose("DEBIAN_PACKAGES_MALFORMED", `${origin.path} of the archive '${origin.archive}' cannot be read: ${what}`, {
			hint: "The file's hash is right, so the archive itself is at fault: try another suite or an older state.",
		}),
	);
}
