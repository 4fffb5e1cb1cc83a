/**
 * `debian:<suite>` inputs: from URL to lock, and from lock to the index object in the store. Layer 3 (engine).
 *
 * Locking trusts signatures: InRelease → signature → hashes of the Packages files. Everything after that trusts the lock
 * alone: the Packages files are fetched by the hashes in it, and the index object is a pure function of them. The lock
 * lists the Packages files of every supported system, but only the object of the system it was made on is built: on another
 * system the object's hash is worked out when it is first needed, and remembered outside the lock.
 */

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fail } from "@devenv/diagnostics";
import type { LockedDebianInput, LockedPackageIndex, LockedSuite } from "@devenv/env-file";
import { makeFixedOutputPath, parseHash, type StorePath } from "@devenv/nix-formats";
import { INDEX_FORMAT } from "@devenv/package-set";
import type { Store } from "@devenv/store";
import type { ArchiveAccess, ArchiveFile, ArchiveName } from "./archive-access.ts";
import type { BuiltIndex, PackagesFile } from "./build-index.ts";
import { type DebianSuite, type DebianUrl, parseDebianUrl } from "./debian-url.ts";
import { snapshotMoment } from "./index-object.ts";
import { buildIndexInProcess } from "./index-process.ts";
import { isoSeconds, parseRelease, type Release } from "./release-file.ts";
import { readSigned } from "./release-signature.ts";

/** Debian's architectures by Nix's names of systems. */
const ARCHITECTURES: ReadonlyMap<string, string> = new Map([
	["aarch64-linux", "arm64"],
	["x86_64-linux", "amd64"],
]);

/** Sizes that no file of an archive reaches, in bytes. */
const LARGEST_RELEASE = 16 * 1024 * 1024;
const LARGEST_PACKAGES = 256 * 1024 * 1024;

export interface DebianInputsOptions {
	readonly store: Store;
	/** Nix's name of the system to build index objects for. */
	readonly system: string;
	/** Folder for the hashes of the index objects that Packages files gave; made when missing. */
	readonly memo: string;
}

/** How one request reaches the archives. */
export interface DebianRequest {
	readonly access: ArchiveAccess;
	readonly signal?: AbortSignal;
	/** When locking: the state of this moment, from a snapshot archive; absent: what the mirrors have now. */
	readonly past?: Date;
}

/** Failures are DiagnosticErrors with codes `DEBIAN_…`, `FETCH_…` and `STORE_…`. */
export class DebianInputs {
	readonly #options: DebianInputsOptions;

	constructor(options: DebianInputsOptions) {
		this.#options = options;
	}

	/**
	 * Reads the archive as it is now and has its index object in the store; the Packages files are fetched only where they
	 * are not those of an object that is there, as a second project's are not.
	 */
	async lock(
		input: { readonly name: string; readonly url: string },
		request: DebianRequest,
	): Promise<LockedDebianInput> {
		const url = parseDebianUrl(input.url);
		const suites = await inOrder(url.suites.map((suite) => this.#lockSuite(suite, url, request)));
		const unhashed: LockedDebianInput = { kind: "debian", name: input.name, url: input.url, indexes: [], suites };
		const narHash = this.#builtBefore(unhashed) ?? (await this.#build(unhashed, request)).narHash;
		this.#remember(unhashed, narHash);
		return {
			...unhashed,
			indexes: [{ system: this.#options.system, narHash }],
			suites: suites.toSorted((a, b) => (a.suite < b.suite ? -1 : 1)),
		};
	}

	/**
	 * The index object of a lock, valid in the store. The network is used only when the store does not have it; a lock
	 * whose hash is another than the Packages files give fails with `DEBIAN_INDEX_MISMATCH`.
	 */
	async ensureIndex(locked: LockedDebianInput, request: DebianRequest): Promise<StorePath> {
		const { store, system } = this.#options;
		const promised = locked.indexes.find((each) => each.system === system)?.narHash;
		const known = promised ?? this.#remembered(locked);
		const path = known === undefined ? undefined : this.#validIndex(locked, known);
		if (path !== undefined) return path;
		const built = await this.#build(locked, request, promised);
		if (promised === undefined) this.#remember(locked, built.narHash);
		return indexPath(built.name, built.narHash, store.storeDir);
	}

	async #lockSuite(suite: DebianSuite, url: DebianUrl, { access, signal, past }: DebianRequest): Promise<LockedSuite> {
		const path = `dists/${suite.suite}/InRelease`;
		const origin = `${path} of the archive '${suite.archive}'`;
		const wanted = { archive: suite.archive, path, size: LARGEST_RELEASE };
		const file = await access.fetch(past === undefined ? wanted : { ...wanted, past }, signal);
		// What held then is judged as of then: Release files and keys expire.
		const now = past ?? access.now();
		if (file === undefined && past !== undefined) {
			const then = isoSeconds(past);
			return fail("DEBIAN_NO_SNAPSHOT", `no snapshot archive has the suite '${suite.suite}' as it was on ${then}`, {
				hint: "choose a later date; suites are named by codename, for example debian:trixie",
			});
		}
		if (file === undefined) {
			return fail("DEBIAN_UNKNOWN_SUITE", `the archive '${suite.archive}' has no suite '${suite.suite}'`, {
				hint: "Suites are named by codename, for example debian:trixie, debian:bookworm or debian:sid.",
			});
		}
		const text = await readSigned(Buffer.from(file).toString("utf8"), {
			keys: access.keys,
			now,
			origin,
		});
		const release = parseRelease(text, { suite: suite.suite, origin, now });
		return {
			suite: suite.suite,
			archive: suite.archive,
			date: isoSeconds(release.date),
			packages: packagesOf(release, suite, url),
		};
	}

	async #build(locked: LockedDebianInput, request: DebianRequest, promised?: string): Promise<BuiltIndex> {
		const { store, system } = this.#options;
		const { signal } = request;
		const architecture = ARCHITECTURES.get(system);
		if (architecture === undefined) {
			fail("DEBIAN_SYSTEM", `there is no Debian package set for the system '${system}'`, {
				hint: `supported: ${[...ARCHITECTURES.keys()].join(", ")}`,
			});
		}
		const { suite, suites: order } = parseDebianUrl(locked.url);
		const suites = order.map((each) => {
			const found = locked.suites.find((candidate) => candidate.suite === each.suite);
			return (
				found ??
				fail("DEBIAN_LOCK_INCOMPLETE", `env.lock has no suite '${each.suite}' for the input '${locked.name}'`, {
					hint: `run 'devenv update ${locked.name}'`,
				})
			);
		});
		const packages = await inOrder(
			suites.flatMap((each) =>
				each.packages
					.filter((index) => architectureOf(index) === architecture || architectureOf(index) === "all")
					.map((index) => fetchPackages(each, index, request)),
			),
		);
		using scratch = store.scratch();
		const folder = join(scratch.path, "index");
		const description = {
			suite,
			system,
			architecture,
			suites: suites.map(({ suite, archive, date }) => ({ suite, archive, date })),
		};
		const built = await buildIndexInProcess({ description, packages, folder }, signal);
		if (promised !== undefined && promised !== built.narHash) {
			fail("DEBIAN_INDEX_MISMATCH", `the index of the input '${locked.name}' is not the one that env.lock names`, {
				notes: [{ message: `env.lock: ${promised}` }, { message: `from the locked Packages files: ${built.narHash}` }],
				hint: `env.lock was changed by hand or made by another version: run 'devenv update ${locked.name}'.`,
			});
		}
		const path = indexPath(built.name, built.narHash, store.storeDir);
		store.addTempRoot(path);
		using _lock = await store.lock([path], signal === undefined ? {} : { signal });
		const hash = parseHash(built.narHash);
		await store.registerOutputs([{ path, from: folder, candidates: [], fixed: { method: "recursive", hash } }]);
		return built;
	}

	/** Kept from the garbage collector as long as this process lives; undefined where the store does not have it. */
	#validIndex(locked: LockedDebianInput, narHash: string): StorePath | undefined {
		const { store, system } = this.#options;
		const path = indexPath(objectName(locked, system), narHash, store.storeDir);
		store.addTempRoot(path);
		return store.isValid(path) ? path : undefined;
	}

	/** The hash of the object that these Packages files gave before, if the store still has it. */
	#builtBefore(locked: LockedDebianInput): string | undefined {
		const narHash = this.#remembered(locked);
		if (narHash === undefined) return undefined;
		return this.#validIndex(locked, narHash) === undefined ? undefined : narHash;
	}

	#remembered(locked: LockedDebianInput): string | undefined {
		try {
			return readFileSync(this.#memoFile(locked), "utf8").trim();
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
			throw error;
		}
	}

	#remember(locked: LockedDebianInput, narHash: string): void {
		const file = this.#memoFile(locked);
		mkdirSync(this.#options.memo, { recursive: true });
		writeFileSync(`${file}.${process.pid}`, `${narHash}\n`);
		renameSync(`${file}.${process.pid}`, file);
	}

	/** One file per set of Packages files, system and layout. */
	#memoFile(locked: LockedDebianInput): string {
		const suites = locked.suites.toSorted((a, b) => (a.suite < b.suite ? -1 : 1));
		const key = JSON.stringify([INDEX_FORMAT, this.#options.system, locked.url, suites]);
		return join(this.#options.memo, createHash("sha256").update(key).digest("hex"));
	}
}

/** By its hash first, which cannot be stale; then under its name, from any mirror or the snapshot archive. */
async function fetchPackages(
	suite: LockedSuite,
	index: LockedPackageIndex,
	{ access, signal, past }: DebianRequest,
): Promise<PackagesFile> {
	const archive = archiveNameOf(suite);
	if (index.size > LARGEST_PACKAGES) {
		fail("DEBIAN_PACKAGES_MALFORMED", `${index.path} of the archive '${archive}' has ${index.size} bytes`, {
			hint: `At most ${LARGEST_PACKAGES} are read.`,
		});
	}
	const { sha256, size } = index;
	const folder = index.path.slice(0, index.path.lastIndexOf("/"));
	const file: ArchiveFile = { archive, path: `${folder}/by-hash/SHA256/${sha256}`, sha256, size };
	const current = async (): Promise<Uint8Array | undefined> =>
		(await access.fetch(file, signal)) ??
		access.fetch({ ...file, path: index.path, snapshot: snapshotMoment(suite.date) }, signal);
	const contents =
		(await (past === undefined ? current() : access.fetch({ ...file, path: index.path, past }, signal))) ??
		fail("DEBIAN_PACKAGES_GONE", `no mirror has ${index.path} as it was on ${suite.date}`, {
			hint: "Mirrors keep indexes for a few days only: name a snapshot archive in the user configuration, or run 'devenv update'.",
		});
	return { archive, suite: suite.suite, path: index.path, contents };
}

/** All results, or the first failure in the order of the list: which one came first in time is chance. */
async function inOrder<T>(promises: readonly Promise<T>[]): Promise<T[]> {
	await Promise.allSettled(promises);
	return Promise.all(promises);
}

/** The Packages files of all supported architectures, in the best compression that the suite has. */
function packagesOf(release: Release, suite: DebianSuite, url: DebianUrl): LockedPackageIndex[] {
	const architectures = [...ARCHITECTURES.values(), ...(release.separateAll ? ["all"] : [])];
	const found: LockedPackageIndex[] = [];
	for (const component of url.components) {
		for (const architecture of architectures) {
			const path = `${component}/binary-${architecture}/Packages`;
			const entry = [".xz", ".gz", ""]
				.map((ending) => release.files.get(path + ending))
				.find((each) => each !== undefined);
			if (entry === undefined) continue;
			const { sha256, size } = entry;
			found.push({ component, path: `dists/${suite.suite}/${entry.path}`, sha256, size });
		}
		if (found.every((each) => each.component !== component)) {
			fail("DEBIAN_UNKNOWN_COMPONENT", `the suite '${suite.suite}' has no component '${component}' for these systems`, {
				hint: "Debian has main, contrib, non-free and non-free-firmware.",
			});
		}
	}
	return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function architectureOf(index: LockedPackageIndex): string | undefined {
	return /\/binary-([a-z0-9]+)\//.exec(index.path)?.[1];
}

function archiveNameOf({ suite, archive }: LockedSuite): ArchiveName {
	if (archive === "debian" || archive === "debian-security") return archive;
	return fail("DEBIAN_LOCK_INCOMPLETE", `env.lock names an unknown archive '${archive}' for the suite '${suite}'`, {
		hint: "Known are 'debian' and 'debian-security': run 'devenv update'.",
	});
}

function objectName(locked: LockedDebianInput, system: string): string {
	return `debian-index-${parseDebianUrl(locked.url).suite}-${system}`;
}

/** Where an index object lies in the store. */
function indexPath(name: string, narHash: string, storeDir: string): StorePath {
	return makeFixedOutputPath({ name, method: "recursive", hash: parseHash(narHash), storeDir });
}
