/** Where everything of one installation lies. Layer 1 (pure): the caller brings the facts. */

import { fail } from "@devenv/diagnostics";

export interface HomeLayout {
	/** Root of the chroot-store layout: `<storeRoot>/nix/store`, `<storeRoot>/nix/var/nix`. May be `/`. */
	readonly storeRoot: string;
	/** Stamps, logs, records that should survive a reboot. */
	readonly state: string;
	/** What can be fetched or computed again. */
	readonly cache: string;
	/** `config.yaml`, written by the user only. */
	readonly config: string;
	/** Socket and locks; mode 0700. */
	readonly runtime: string;
}

export interface HomeFacts {
	/** `/nix/store` belongs to a real Nix: there is a `/nix/var/nix/db/db.sqlite` that others made. */
	readonly nixOwnsStore: boolean;
}

/**
 * The layout for a caller's environment variables and uid. `DEVENV_HOME` moves everything; else the XDG folders hold,
 * where an XDG variable that is not an absolute path counts as unset (as its specification says).
 * Throws `HOME_INVALID` where neither gives an absolute path.
 */
export function homeLayout(
	environment: Readonly<Record<string, string | undefined>>,
	uid: number,
	facts: HomeFacts,
): HomeLayout {
	const own = environment["DEVENV_HOME"];
	if (own !== undefined && own !== "") {
		const home = withoutTrailingSlashes(own);
		if (!home.startsWith("/")) {
			fail("HOME_INVALID", `DEVENV_HOME is not an absolute path: '${own}'`, { hint: "set it to an absolute path" });
		}
		return {
			storeRoot: `${home}/root`,
			state: `${home}/state`,
			cache: `${home}/cache`,
			config: `${home}/config`,
			runtime: `${home}/run`,
		};
	}
	const folder = (variable: string, inHome: string): string => {
		const value = environment[variable];
		if (value?.startsWith("/") === true) return `${withoutTrailingSlashes(value)}/devenv`;
		const home = environment["HOME"];
		if (home?.startsWith("/") !== true) {
			fail("HOME_INVALID", "HOME is not set to an absolute path", { hint: "set HOME, or DEVENV_HOME" });
		}
		return `${withoutTrailingSlashes(home)}/${inHome}/devenv`;
	};
	const state = folder("XDG_STATE_HOME", ".local/state");
	const runtimeDir = environment["XDG_RUNTIME_DIR"];
	return {
		storeRoot: uid === 0 && !facts.nixOwnsStore ? "/" : `${folder("XDG_DATA_HOME", ".local/share")}/root`,
		state,
		cache: folder("XDG_CACHE_HOME", ".cache"),
		config: folder("XDG_CONFIG_HOME", ".config"),
		runtime: runtimeDir?.startsWith("/") === true ? `${withoutTrailingSlashes(runtimeDir)}/devenv` : `${state}/run`,
	};
}

/** The daemon's socket. It may be longer than a socket address can be: see {@link SOCKET_ADDRESS_LIMIT}. */
export function socketPath(layout: HomeLayout): string {
	return `${layout.runtime}/daemon.sock`;
}

/** The socket on which the daemon speaks Nix's worker protocol. */
export function workerSocketPath(layout: HomeLayout): string {
	return `${layout.runtime}/nix-daemon.sock`;
}

/** What NIX_REMOTE has to be for real Nix to be a client of the daemon. */
export function nixRemote(layout: HomeLayout): string {
	const root = layout.storeRoot === "/" ? "" : `?root=${layout.storeRoot}`;
	return `unix://${workerSocketPath(layout)}${root}`;
}

/** The daemon's log file. */
export function daemonLogPath(layout: HomeLayout): string {
	return `${layout.state}/log/daemon.log`;
}

/** Longest path in bytes that a Unix socket address holds on Linux (`sun_path` less its final NUL). */
export const SOCKET_ADDRESS_LIMIT = 107;

function withoutTrailingSlashes(path: string): string {
	const trimmed = path.replace(/\/+$/, "");
	return trimmed === "" && path.startsWith("/") ? "" : trimmed;
}
