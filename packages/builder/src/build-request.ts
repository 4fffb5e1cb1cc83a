/**
 * What a sandboxed process is given and what becomes of it, as plain data. Layer 2; knows neither derivations nor the store:
 * whoever asks has resolved both to files.
 */

/** What the process sees as `/`. */
export type SandboxRoot =
	/** An empty temporary file system in which only {@link BuildRequest.binds} and the fixed parts appear. */
	| { readonly kind: "empty" }
	/** The tree at `path`; what the process writes is written there. */
	| { readonly kind: "tree"; readonly path: string }
	/**
	 * The tree at `lower`, never written; what the process changes lands in `upper`, an overlay file system's upper folder.
	 * `work` is an empty folder on the same file system as `upper`.
	 */
	| { readonly kind: "overlay"; readonly lower: string; readonly upper: string; readonly work: string };

/** A file or folder of the host that the process sees. */
export interface SandboxBind {
	/** Absolute host path; must exist. A symbolic link is followed. */
	readonly source: string;
	/** Absolute path in the sandbox; missing folders on the way are made. */
	readonly target: string;
	/** Default: false, the process can read it only. */
	readonly writable?: boolean;
}

/** A small file that the process sees; needs an `empty` root or one that may be written. */
export interface SandboxFile {
	readonly path: string;
	readonly text: string;
	/** Default 0o644. */
	readonly mode?: number;
}

/** When a build is stopped. Absent: never. */
export interface BuildLimits {
	/** Wall-clock milliseconds for the whole build. */
	readonly timeoutMs?: number;
	/** Milliseconds without any output. */
	readonly silentMs?: number;
	/** Bytes of output. */
	readonly logBytes?: number;
}

export interface BuildRequest {
	/** Shown in diagnostics only. */
	readonly name: string;
	readonly root: SandboxRoot;
	readonly binds: readonly SandboxBind[];
	readonly files?: readonly SandboxFile[];
	/** Symbolic links to make: path in the sandbox → target text. */
	readonly links?: ReadonlyMap<string, string>;
	/** Host folder for what the sandbox needs while it runs, above none of the sources; default: the system's temporary folder. */
	readonly temporary?: string;
	/**
	 * Empty host folder, above none of the sources, on which an empty root is mounted where only the sandbox sees it: several may use
	 * one. Default: one that is made in `temporary`, which takes longer, as the kernel undoes the mount before it deletes one.
	 */
	readonly mountPoint?: string;
	/** Absolute path in the sandbox. */
	readonly builder: string;
	/** Arguments after the program's name. */
	readonly args: readonly string[];
	/** The whole environment; values are byte strings (one code unit 0..255 per byte). */
	readonly env: ReadonlyMap<string, string>;
	/** Working folder in the sandbox; made when missing in an empty root. */
	readonly cwd: string;
	/** True: the host's network, for builds whose output is fixed by its hash. False: a loopback device only. */
	readonly network: boolean;
	/** The ids the process sees itself as; mapped to the caller's own. */
	readonly uid: number;
	readonly gid: number;
	/**
	 * Let a process that sees itself as root do what packages' scripts do as root: changes of owner, user id and device
	 * nodes succeed without effect. Default: false.
	 */
	readonly fakeRoot?: boolean;
	readonly limits?: BuildLimits;
	/**
	 * Called with the process's standard output and error, merged, as it comes. While a promise that it gives is open, nothing more
	 * is read, so that the process waits.
	 */
	readonly onOutput?: (chunk: Uint8Array) => unknown;
	readonly signal?: AbortSignal;
}

/** How a build ended. */
export type BuildOutcome =
	/** The builder left with this status; 0 is success. */
	| { readonly kind: "exited"; readonly status: number }
	/** A signal ended the builder. */
	| { readonly kind: "killed"; readonly signal: number }
	/** Longer than `limits.timeoutMs`. */
	| { readonly kind: "timed-out"; readonly afterMs: number }
	/** No output for `limits.silentMs`. */
	| { readonly kind: "silent"; readonly afterMs: number }
	/** More output than `limits.logBytes`. */
	| { readonly kind: "log-limit"; readonly bytes: number }
	/** `kill()` was called or the signal aborted. */
	| { readonly kind: "cancelled" }
	/** The sandbox could not be set up, or the builder could not be started: the step that failed and the system's error. */
	| { readonly kind: "setup-failed"; readonly step: string; readonly error: string };

export interface RunningBuild {
	/** Settles when no process of the build is left; rejects only through a bug. */
	readonly done: Promise<BuildOutcome>;
	/** Ends every process of the build. */
	kill(): void;
}
