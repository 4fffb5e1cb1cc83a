/** The store: database, objects, roots, garbage collection. Layer 2. */

export { dumpFiles, restoreFiles } from "./archive-files.ts";
export { buildLogPath, readBuildLog } from "./build-logs.ts";
export { formatContentAddress, parseContentAddress, type ContentAddress } from "./content-address.ts";
export { referencesFirst } from "./export-paths.ts";
export { hashPaths, prepareHashing } from "./hash-pool.ts";
export { formatNarListing, type NarListing } from "./nar-listing.ts";
export { openStore, type OpenStoreOptions } from "./local-store.ts";
export { StreamSource } from "./stream-source.ts";
export { digestTree, hashFile, type DigestRequest, type TreeDigest } from "./tree-digest.ts";
export type { PlacedObject } from "./placed-objects.ts";
export type { StorePlace } from "./store-layout.ts";
export type {
	AddPathOptions,
	AddTextOptions,
	BuiltOutput,
	ClosureOptions,
	FileKind,
	GarbageOptions,
	GarbageReport,
	GcRoot,
	NarImport,
	OptimiseReport,
	PathFilter,
	PathInfo,
	PathLock,
	Scratch,
	Store,
	VerifyFault,
} from "./store.ts";
