/**
 * What a store can do, whoever implements it. Layer 2.
 *
 * Paths named `StorePath` are logical (`/nix/store/…`); plain strings named `source`, `from` or `link` are physical.
 * Physical paths are ordinary text; file names inside objects are bytes. All methods without a promise are
 * synchronous and short, but for the size of the data they are given. Failures are DiagnosticErrors with a code
 * `STORE_…`, a full disk (`STORE_DISK_FULL`) included.
 */

import type {
	ByteString,
	ContentAddressMethod,
	Derivation,
	DrvPath,
	Hash,
	HashAlgo,
	SignedObject,
	StorePath,
	ValidityRegistration,
} from "@devenv/nix-formats";
import type { PlacedObject } from "./placed-objects.ts";
import type { ObjectToPlace } from "./registration.ts";
import type { StorePlace } from "./store-layout.ts";

/** What the database knows of a valid store object. */
export interface PathInfo {
	readonly path: StorePath;
	/** SHA-256 of the NAR. */
	readonly narHash: Hash;
	/** In bytes. */
	readonly narSize: number;
	/** Sorted; contains the path itself where the object refers to itself. */
	readonly references: readonly StorePath[];
	readonly deriver: DrvPath | undefined;
	/** Seconds since 1970. */
	readonly registrationTime: number;
	/** Whether it was built or made here, so that no signature is needed. */
	readonly ultimate: boolean;
	/** `name:base64` each. */
	readonly signatures: readonly string[];
	/** `text:sha256:…`, `fixed:r:sha256:…` or `fixed:sha256:…` for content-addressed objects. */
	readonly contentAddress: string | undefined;
}

/** Decides about one entry below an added folder: its path relative to the source, as bytes, and its kind. */
export type PathFilter = (relativePath: ByteString, kind: FileKind) => boolean;

/** The kinds of files; what is `unknown` (a socket, a device) cannot be in a store. */
export type FileKind = "regular" | "directory" | "symlink" | "unknown";

export interface AddPathOptions {
	/** The store object's name. */
	readonly name: string;
	/** The physical file or folder. A symlink is added as one. */
	readonly source: string;
	/** `flat` hashes the bytes of a regular file, `recursive` (unless told otherwise) the NAR. */
	readonly method?: Exclude<ContentAddressMethod, "text">;
	/** `sha256` unless told otherwise. */
	readonly algo?: HashAlgo;
	/** Leaves out entries for which it returns false, with all below. */
	readonly filter?: PathFilter;
}

export interface AddTextOptions {
	readonly name: string;
	readonly contents: ByteString;
	/** Store paths that the text refers to; they must be valid. */
	readonly references?: readonly StorePath[];
}

/** An output that a build left at `from`, to be moved to `path`. */
export interface BuiltOutput {
	readonly path: StorePath;
	/**
	 * The physical file or folder; gone afterwards. On the same file system as the store, see {@link Store.scratch}. Or the path's own
	 * physical place, for what {@link Store.placeOutputs} has put there.
	 */
	readonly from: string;
	/** Whose hash parts are looked for: the build's input closure. The outputs registered together are added to it. */
	readonly candidates: Iterable<StorePath>;
	readonly deriver?: DrvPath;
	/** Takes the place of what is valid at this path, and of what was known of it. */
	readonly replace?: boolean;
	/** What a fixed-output derivation promised; checked before anything is registered. */
	readonly fixed?: { readonly method: ContentAddressMethod; readonly hash: Hash };
	/** Whether its files become links of equal ones at once; as the store was opened unless told. */
	readonly optimise?: boolean;
	/** Signatures to register with it, `name:base64` each. */
	readonly sign?: (object: SignedObject) => readonly string[];
}

/** The object that {@link Store.importNar} is to make. */
export interface NarImport {
	readonly path: StorePath;
	readonly narHash: Hash;
	readonly narSize: number;
	readonly references: readonly StorePath[];
	readonly deriver?: DrvPath;
	readonly signatures?: readonly string[];
	readonly contentAddress?: string;
	/** Takes the place of a valid path's contents, and of what was known of it. */
	readonly replace?: boolean;
}

export interface RegisterOptions {
	/** Takes what is said of paths that are valid already in the place of what was known. */
	readonly reregister?: boolean;
}

export interface OptimiseOptions {
	/** Told of each object before it is worked on. */
	readonly onPath?: (path: StorePath) => void;
}

export interface OptimiseReport {
	/** Files that became links of others, and their bytes. */
	readonly filesLinked: number;
	readonly bytesFreed: number;
}

/** A permanent root: the link, and the store object that it keeps. */
export interface GcRoot {
	/** Physical path of the link, or a description in braces for roots without one, such as `{temp:123}`. */
	readonly link: string;
	readonly path: StorePath;
}

export interface GarbageOptions {
	/** Reports what would be deleted. */
	readonly dryRun?: boolean;
	/** Stops once so many bytes are freed. */
	readonly maxFreed?: number;
	/** The deriver of what is alive is alive; as in Nix, unless told otherwise. */
	readonly keepDerivations?: boolean;
	/** The outputs of derivations that are alive are alive; not unless told. */
	readonly keepOutputs?: boolean;
	/** Links of permanent roots that do not count: for a dry run, before they are removed. */
	readonly dropped?: readonly string[];
	/** With `paths`: permanent roots and running processes keep nothing. What is referred to, and what is worked with, stays. */
	readonly ignoreRoots?: boolean;
	/** Deletes just these (and fails with `STORE_PATH_ALIVE` for one that is alive) instead of everything dead. */
	readonly paths?: readonly StorePath[];
}

export interface GarbageReport {
	readonly deleted: readonly { readonly path: StorePath /** Bytes on disk. */; readonly size: number }[];
	/** Bytes on disk; of files with further hard links only the last counts. */
	readonly bytesFreed: number;
}

/** Something that `verify` found wrong. */
export type VerifyFault =
	/** A valid path whose file is not there. */
	| { readonly kind: "missing"; readonly path: StorePath }
	/** A valid path whose NAR hash differs from the registered one. */
	| { readonly kind: "modified"; readonly path: StorePath; readonly expected: Hash; readonly found: Hash }
	/** A valid path that cannot be read. */
	| { readonly kind: "unreadable"; readonly path: StorePath; readonly reason: string }
	/** A file in `.links` that is not what its name says; `found` is the name that it would have. */
	| { readonly kind: "link"; readonly file: string; readonly found: string }
	/** The database itself is damaged. */
	| { readonly kind: "database"; readonly reason: string };

/** Locks on paths, held until released; those of a killed process are released by it. */
export interface PathLock extends Disposable {
	readonly paths: readonly StorePath[];
	release(): void;
}

/** A folder for data on its way into the store, on the same file system; left-overs of killed processes are removed. */
export interface Scratch extends Disposable {
	readonly path: string;
	remove(): void;
}

export interface ClosureOptions {
	/** Follow references (the default) or referrers. */
	readonly direction?: "references" | "referrers";
	/** With a derivation, its valid outputs too. */
	readonly includeOutputs?: boolean;
	/** With an output, its valid derivers too. */
	readonly includeDerivers?: boolean;
}

export interface Store extends Disposable {
	/** For another session of the same store. */
	readonly place: StorePlace;
	/** Physical folder that holds `nix/store` and `nix/var/nix`. */
	readonly root: string;
	/** Logical store folder; `/nix/store` unless told otherwise. */
	readonly storeDir: string;
	readonly readOnly: boolean;
	/** Physical folder of build logs, see {@link ./build-logs.ts}. The store neither makes nor cleans it. */
	readonly buildLogs: string;

	/** The physical path of a logical one, in or below the store folder. */
	physical(path: string): string;

	isValid(path: StorePath): boolean;
	/** Undefined when the path is not valid. */
	queryPathInfo(path: StorePath): PathInfo | undefined;
	/** Fails with `STORE_PATH_NOT_VALID`. */
	pathInfo(path: StorePath): PathInfo;
	queryAllValidPaths(): StorePath[];
	/** Those of the given paths that are valid. */
	queryValidPaths(paths: Iterable<StorePath>): StorePath[];
	queryReferrers(path: StorePath): StorePath[];
	/** Valid derivations that have the path as an output. */
	queryDerivers(path: StorePath): DrvPath[];
	/** The outputs of a valid derivation, by name. */
	queryDerivationOutputs(path: DrvPath): Map<string, StorePath>;
	queryPathFromHashPart(hashPart: string): StorePath | undefined;
	/** The paths with all that they refer to, references before referrers. Fails with `STORE_PATH_NOT_VALID`. */
	computeClosure(paths: Iterable<StorePath>, options?: ClosureOptions): StorePath[];

	/** Adds a text and makes it a temporary root, as all methods that add do. */
	addText(options: AddTextOptions): StorePath;
	/** Copies a file or folder into the store. */
	addPath(options: AddPathOptions): StorePath;
	/** The path that {@link addPath} would give; writes nothing. */
	computePath(options: AddPathOptions): StorePath;
	/** Writes a derivation whose outputs are filled in. */
	addDerivation(drv: Derivation): DrvPath;
	/** Fails with `STORE_PATH_NOT_VALID` or `DRV_SYNTAX`. */
	readDerivation(path: DrvPath): Derivation;

	/**
	 * Registers the outputs of one build: modes and times made canonical, hashed and scanned for references in one pass
	 * on a worker thread, checked against promises, moved into place and registered in one transaction. An output that
	 * is valid already is left as it is, unless it is to be replaced.
	 */
	registerOutputs(
		outputs: readonly BuiltOutput[],
		/** Sees what is about to be registered, and throws where it must not be. */
		check?: (infos: readonly PathInfo[]) => void,
	): Promise<PathInfo[]>;
	/**
	 * Puts objects at their paths, to be used before they are registered: all or none, but for what is valid. They are not valid, and
	 * kept from collectors. To be called with the locks of the paths; who takes these locks next, should this process be killed, has to
	 * register or withdraw them.
	 */
	placeOutputs(objects: readonly ObjectToPlace[]): void;
	/** Whether an object lies at its path that was placed since the machine started, by any process. */
	isPlaced(path: StorePath): boolean;
	/** All that is placed and not valid. */
	placed(): PlacedObject[];
	/** Takes placed objects away, but for what is valid meanwhile. Who has them mounted keeps them until this connection ends. */
	withdraw(paths: readonly StorePath[]): void;
	/** Restores a NAR, checks its hash and size, and registers it. */
	importNar(info: NarImport, nar: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<PathInfo>;
	/** Hands the NAR of a path over, piece by piece; a piece is valid during the call only. */
	dumpNar(path: StorePath, sink: (piece: Uint8Array) => void): void;
	/**
	 * Writes objects as `nix-store --export` does, each after what it refers to; these and no others. Fails with
	 * `STORE_MODIFIED`.
	 */
	exportPaths(paths: Iterable<StorePath>, sink: (piece: Uint8Array) => void): void;
	/**
	 * Registers the objects of such a stream, one after the other, and gives their paths. Their hashes are those of what came,
	 * as in Nix: who sends them is trusted. What came whole before a fault stays.
	 */
	importPaths(
		stream: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
		/** Given what of the last piece follows the end of the stream. */
		onRest?: (bytes: Uint8Array) => void,
	): Promise<StorePath[]>;
	/**
	 * Makes objects valid that lie in the store folder already, all or none. Fails with `STORE_FILE_MISSING`,
	 * `STORE_HASH_MISMATCH` and `STORE_PATH_NOT_VALID`.
	 */
	registerValidity(registrations: readonly ValidityRegistration[], options?: RegisterOptions): Promise<void>;
	addSignatures(path: StorePath, signatures: readonly string[]): void;

	/** Keeps the path from being collected while this connection is open. To be called before its validity is asked for. */
	addTempRoot(path: StorePath): void;
	/** Lets go of this connection's temporary roots. Only while nothing works with what they keep. */
	forgetTempRoots(): void;
	/** Makes the symlink `link` → path, outside the store, a permanent root. */
	addRoot(link: string, path: StorePath): void;
	/** Makes a link that exists a permanent root, for as long as it exists and points into the store. */
	addIndirectRoot(link: string): void;
	/** Permanent and temporary roots. */
	roots(): GcRoot[];
	/** Waits until no other holds a lock on any of the paths. */
	lock(paths: readonly StorePath[], options?: { readonly signal?: AbortSignal }): Promise<PathLock>;
	/** Undefined when another holds a lock on one of the paths. */
	tryLock(paths: readonly StorePath[]): PathLock | undefined;
	scratch(): Scratch;
	/** A folder for what builders keep between builds, on the same file system. The store neither makes nor cleans it. */
	readonly builderCache: string;

	collectGarbage(options?: GarbageOptions): GarbageReport;
	/** Makes equal files of objects hard links of one another, as Nix does it. */
	optimise(options?: OptimiseOptions): OptimiseReport;
	/**
	 * Forgets valid paths whose files are not there, but for those that a path refers to whose files are. Gives those
	 * forgotten.
	 */
	forgetMissing(): StorePath[];
	/** Compares database and files; `checkContents` hashes every object, on worker threads. */
	verify(options?: { readonly checkContents?: boolean }): Promise<VerifyFault[]>;
	/** Ends the connection with its temporary roots, locks and scratch folders; again, it does nothing. */
	close(): void;
}
