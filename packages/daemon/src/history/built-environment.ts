/** An environment that lies in the store, whether just evaluated or an earlier generation. Layer 4: types only. */

import type { Diagnostic } from "@devenv/diagnostics";
import type { PlacedEnvironment, TrackedRead } from "@devenv/engine";
import type { EnvSpec } from "@devenv/env-file";
import type { StorePath } from "@devenv/nix-formats";
import type { ShellSettings } from "./generation-record.ts";

export interface BuiltEnvironment {
	readonly name: string;
	readonly outPath: StorePath;
	/** The index that it was evaluated from. */
	readonly index: StorePath;
	/** Further inputs that it was evaluated from. */
	readonly sources: readonly StorePath[];
	readonly root: string | null;
	readonly settings: ShellSettings;
	/** All that the project says; absent for an earlier generation. */
	readonly spec?: EnvSpec;
	/** The paths that it depends on. */
	readonly tracked: readonly TrackedRead[];
	/** Of everything that was read: see `contentDigest` of @devenv/shell. */
	readonly digest: string;
	/** Time in nanoseconds before the first of them was read. */
	readonly readSince: bigint;
	/** env.lock was written by this request. */
	readonly written: boolean;
	readonly diagnostics: readonly Diagnostic[];
	/** Rejects where it turns out that it cannot stay there. */
	readonly registered: PlacedEnvironment["registered"];
}
