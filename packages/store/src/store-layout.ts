/**
 * Where a store keeps what, below its root: Nix's own layout, plus `nix/var/nix/devenv` for what only this program
 * has. Layer 2, no I/O.
 */

import { DEFAULT_STORE_DIR } from "@devenv/nix-formats";

export interface StoreLayout {
	readonly root: string;
	/** Logical store folder. */
	readonly storeDir: string;
	/** Physical store folder. */
	readonly storeFolder: string;
	/** Physical folder with a link to each content that objects share: see optimise.ts. */
	readonly links: string;
	readonly stateDir: string;
	/** Logs of builds: see build-logs.ts. */
	readonly buildLogs: string;
	readonly database: string;
	readonly schemaFile: string;
	/** Nix's file that takes space away for collecting garbage: see space-reserve.ts. */
	readonly reserve: string;
	readonly gcRoots: string;
	readonly tempRoots: string;
	readonly profiles: string;
	/** Nix's lock against a second collector. */
	readonly gcLock: string;
	/** One lock file per open store; held while its process lives. */
	readonly sessions: string;
	/** One folder per session: data on its way into the store, or out of it. */
	readonly temporary: string;
	/** One file for each object that is used and not registered yet. */
	readonly placed: string;
	/** What builders keep between builds; nobody but they cleans it. */
	readonly builderCache: string;
	/** Locks on store paths. */
	readonly locks: string;
	/** Held while a collector runs. */
	readonly collectorLock: string;
	/** Exists while a collector runs: who adds a temporary root then waits for its current step. */
	readonly collectorMark: string;
}

/** Which store it is, wherever it is opened from. */
export interface StorePlace {
	/** Physical folder that holds, or will hold, `nix/store` and `nix/var/nix`. */
	readonly root: string;
	/** Logical store folder; default `/nix/store`. */
	readonly storeDir?: string;
	/** Physical folder of database and roots; default `nix/var/nix` in the root. */
	readonly stateDir?: string;
	/** Physical folder of build logs; default `nix/var/log/nix` in the root. */
	readonly logDir?: string;
	/** Bytes that are kept for collecting garbage on a full disk; none unless told. */
	readonly reserve?: number;
	/** Whether files of what is added become links of equal ones at once; not unless told. */
	readonly autoOptimise?: boolean;
}

export function storeLayout({ root, storeDir = DEFAULT_STORE_DIR, stateDir: given, logDir }: StorePlace): StoreLayout {
	const base = root.replace(/\/+$/, "");
	const stateDir = given ?? `${base}/nix/var/nix`;
	const own = `${stateDir}/devenv`;
	return {
		root: base === "" ? "/" : base,
		storeDir,
		storeFolder: `${base}${storeDir}`,
		links: `${base}${storeDir}/.links`,
		stateDir,
		buildLogs: `${logDir ?? `${base}/nix/var/log/nix`}/drvs`,
		database: `${stateDir}/db/db.sqlite`,
		schemaFile: `${stateDir}/db/schema`,
		reserve: `${stateDir}/db/reserved`,
		gcRoots: `${stateDir}/gcroots`,
		tempRoots: `${stateDir}/temproots`,
		profiles: `${stateDir}/profiles`,
		gcLock: `${stateDir}/gc.lock`,
		sessions: `${own}/sessions`,
		temporary: `${own}/tmp`,
		placed: `${own}/placed`,
		builderCache: `${own}/builder-cache`,
		locks: `${own}/locks.sqlite`,
		collectorLock: `${own}/collector.lock`,
		collectorMark: `${own}/collector-runs`,
	};
}
