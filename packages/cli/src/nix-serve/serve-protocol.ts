/**
 * The numbers of the protocol that `nix-store --serve` speaks with those who reach it by ssh. Layer 5. Source:
 * `src/libstore/serve-protocol.hh` of Nix. Values are those of nix-formats' wire-source.ts; there are no errors in it: who fails
 * ends, and says why on its standard error.
 */

export const SERVE_MAGIC = 0x390c9deb;
export const SERVE_ANSWER = 0x5452eecb;

/** 2.7, which Nix speaks from 2.4 to 2.27; newer ones speak it too. */
export const SERVE_MAJOR = 2;
export const SERVE_MINOR = 7;
export const SERVE_VERSION: number = (SERVE_MAJOR << 8) | SERVE_MINOR;

export const commands = {
	queryValidPaths: 1,
	queryPathInfos: 2,
	dumpStorePath: 3,
	importPaths: 4,
	exportPaths: 5,
	buildPaths: 6,
	queryClosure: 7,
	buildDerivation: 8,
	addToStoreNar: 9,
} as const;
