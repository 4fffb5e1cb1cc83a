/**
 * The numbers of Nix's worker protocol. Layer 4. Source: `src/libstore/worker-protocol.hh` of Nix; what is obsolete there and asked by
 * no client from 2.4 on is left out.
 */

export const CLIENT_MAGIC = 0x6e697863;
export const SERVER_MAGIC = 0x6478696f;

/** Versions are 1.minor; a client of a newer one speaks ours. */
export const NEWEST_MINOR = 37;
/** Nix 2.4 (2021) speaks 1.32. */
export const OLDEST_MINOR = 32;

export const operations = {
	isValidPath: 1,
	hasSubstitutes: 3,
	queryReferrers: 6,
	addToStore: 7,
	addTextToStore: 8,
	buildPaths: 9,
	ensurePath: 10,
	addTempRoot: 11,
	addIndirectRoot: 12,
	syncWithGc: 13,
	findRoots: 14,
	setOptions: 19,
	collectGarbage: 20,
	querySubstitutablePathInfo: 21,
	queryDerivationOutputs: 22,
	queryAllValidPaths: 23,
	queryPathInfo: 26,
	queryDerivationOutputNames: 28,
	queryPathFromHashPart: 29,
	querySubstitutablePathInfos: 30,
	queryValidPaths: 31,
	querySubstitutablePaths: 32,
	queryValidDerivers: 33,
	optimiseStore: 34,
	verifyStore: 35,
	buildDerivation: 36,
	addSignatures: 37,
	narFromPath: 38,
	addToStoreNar: 39,
	queryMissing: 40,
	queryDerivationOutputMap: 41,
	registerDrvOutput: 42,
	queryRealisation: 43,
	addMultipleToStore: 44,
	addBuildLog: 45,
	buildPathsWithResults: 46,
	addPermRoot: 47,
} as const;

/** What the server says before its answer. */
export const messages = {
	next: 0x6f6c6d67,
	last: 0x616c7473,
	error: 0x63787470,
	startActivity: 0x53545254,
	stopActivity: 0x53544f50,
	result: 0x52534c54,
} as const;

/** Levels of verbosity. */
export const levels = { error: 0, info: 3 } as const;

export const activities = { copyPath: 100, build: 105 } as const;

/** Kinds of results of activities: a line of a build's log. */
export const results = { buildLogLine: 101 } as const;

/** What a client wants of its garbage. */
export const garbageActions = { returnLive: 0, returnDead: 1, deleteDead: 2, deleteSpecific: 3 } as const;

/** Whether what is valid is built again: to mend it, or to compare. */
export const buildModes = { normal: 0, repair: 1, check: 2 } as const;
