/** What has to be known to activate an environment, and what comes of it. Layer 2: types only. */

import type { ProjectScript } from "./script-folder.ts";
import type { Diagnostic } from "@devenv/diagnostics";
import type { EnvironmentChange } from "./environment-difference.ts";
import type { ShellName } from "./shell-name.ts";
import type { ShellRegistration } from "./live-shell.ts";
import type { PathCondition } from "./stamp-conditions.ts";
import type { Stamp } from "./stamp-file.ts";

/** How evaluation read a path outside the store. */
export type TrackedKind = "file" | "directory" | "absent" | "link";

/** One path that evaluation read: the stamp holds while none of them changed. */
export interface TrackedPath {
	/** Absolute. */
	readonly path: string;
	readonly kind: TrackedKind;
}

/** Environment variables by name. */
export type Variables = Readonly<Record<string, string>>;

/** Who wants a shell: facts about the client's process, sent by it. */
export interface Caller {
	readonly uid: number;
	readonly gid: number;
	/** Supplementary groups, by number. */
	readonly groups: readonly number[];
	/** The client's own environment. */
	readonly env: Variables;
}

/** Where one installation keeps things (as `HomeLayout` of the protocol), and its helper. */
export interface ActivationPaths {
	/** Root of the chroot-store layout; the store is `<storeRoot>/nix/store`. */
	readonly storeRoot: string;
	readonly state: string;
	/** A folder of mode 0700 for sockets. */
	readonly runtime: string;
	/** The compiled native helper; null where there is no C compiler. */
	readonly helper: string | null;
}

/** What an environment store object says of itself (`environment.json`, version 1). */
export interface EnvironmentDescription {
	readonly name: string;
	/** Logical store path of the FHS root; null where no view is needed. */
	readonly root: string | null;
	readonly storePaths: readonly string[];
	/** Folders that come first on PATH, as seen inside. */
	readonly path: readonly string[];
	readonly variables: Variables;
	readonly enterShell: string;
	readonly packages: readonly { readonly attr: string; readonly name: string; readonly version: string }[];
}

export interface ActivationRequest {
	/** Absolute folder that holds env.yaml. */
	readonly project: string;
	/** Physical path of the environment store object. */
	readonly environment: string;
	readonly paths: ActivationPaths;
	readonly caller: Caller;
	/** Everything that evaluation read outside the store (env.yaml and env.lock included). */
	readonly tracked: readonly TrackedPath[];
	/** Variables that evaluation read, with the value it saw (null: unset). */
	readonly trackedVariables?: ReadonlyMap<string, string | null>;
	/** Time in nanoseconds (CLOCK_REALTIME) before the first tracked path was read. A path changed after it makes the
	 * stamp good for one entry only. */
	readonly readSince: bigint;
	/** The shell that env.yaml asks for; `auto`: the caller's own. */
	readonly shell?: "auto" | ShellName;
	/** `auto` puts the environment's name before the prompt; `off`, the default, leaves the prompt alone. */
	readonly prompt?: "auto" | "off";
	/** Start from an empty environment but for these variables; host programs are left out too. */
	readonly clean?: { readonly keep: readonly string[] };
	/** A root caller appears as an ordinary user (`devenv shell --user`). */
	readonly asUser?: boolean;
	/** Ends the names of what is written for a shell that is other than env.yaml says, as `--pure` makes it; default: none. */
	readonly variant?: string;
	/** Variables whose values name the project's folders as `$DEVENV_RUNTIME` and `$DEVENV_STATE`. */
	readonly folderVariables?: readonly { readonly name: string; readonly value: string }[];
	/** On PATH before all packages; default: none. */
	readonly scripts?: readonly ProjectScript[];
	/** Of interactive shells; default: none. */
	readonly aliases?: readonly { readonly name: string; readonly value: string }[];
	/** Files of variables that programs get when they are started; absolute, without links. Default: none. */
	readonly dotenv?: readonly string[];
	/** What DEVENV_PROFILE names; default `default`. */
	readonly profile?: string;
	/** Interactive shells follow later environments; default: they do not. */
	readonly live?: boolean;
	/** The file that is there if this content may be entered without being asked for (see trust.ts). */
	readonly allowedContent?: string;
}

export interface ActivationOutcome {
	/** The stamp file to hand to {@link enterStamp}, and what is in it. */
	readonly stamp: string;
	readonly content: Stamp;
	/** The helper's `launch` may use the stamp from now on; false where an input changed while it was read. */
	readonly lasting: boolean;
	/** Warnings and notes for the user: a shell that the root lacks, a locale that cannot be made … */
	readonly diagnostics: readonly Diagnostic[];
	/** What an interactive shell of this activation says of itself. */
	readonly registration: ShellRegistration;
	/** What is applied to the caller's environment, in this order. */
	readonly changes: readonly EnvironmentChange[];
	/** Those of them that have nothing to do with the view: the project's variables. */
	readonly own: readonly EnvironmentChange[];
	/** The paths that the stamp depends on, as they are now. */
	readonly conditions: readonly PathCondition[];
}
