/** How derivations are built: what the user's settings say, and what a request wants otherwise. Layer 3. */

import { availableParallelism } from "node:os";
import type { BuildLimits } from "@devenv/builder";
import type { DrvPath, SecretKey } from "@devenv/nix-formats";
import { readSecretKey } from "../caches/read-secret-key.ts";
import type { Settings } from "../settings.ts";

export interface BuildPolicy {
	readonly limits: BuildLimits;
	/** `NIX_BUILD_CORES`; 0: all. */
	readonly cores: number;
	/** Whether what a failed build left in its folder is kept for its user to look at. */
	readonly keepFailed: boolean;
	/** Files of the keys that sign what is built here. */
	readonly secretKeyFiles: readonly string[];
	/** Program that is run after each build, with `DRV_PATH` and `OUT_PATHS`; the build fails with it. */
	readonly postBuildHook: string | undefined;
	/** Whether files of what is built become links of equal ones at once. */
	readonly autoOptimise: boolean;
}

/** What a request wants of its builds; what is absent is as the user's settings say. */
export interface BuildWishes extends Partial<Omit<BuildPolicy, "limits">> {
	/** Limits that differ; 0: none. */
	readonly limits?: BuildLimits;
	/** Builds again what is valid, and fails where the outputs differ. What is in the store stays as it is. */
	readonly check?: boolean;
	/** Has a composed root used before it is registered. */
	readonly early?: EarlyUse;
}

/** What is to be used as soon as it is made: hashing and registering it take longer. */
export interface EarlyUse {
	/** Of the environment that names the root: it is made and put in its place together with the root. */
	readonly environment: DrvPath;
	/** Both lie at their paths, with their references; neither is valid. What goes wrong from now on takes them away again. */
	readonly onPlaced: () => void;
}

/** What holds for a build. */
export function policyOf(usual: BuildPolicy, { early: _, ...wishes }: BuildWishes): BuildPolicy {
	const limits = limitsWithoutZeros({ ...usual.limits, ...wishes.limits });
	return { ...usual, ...wishes, limits };
}

/** What the user's settings say. */
export function usualPolicy(settings: Settings): BuildPolicy {
	return {
		limits: limitsWithoutZeros({
			timeoutMs: settings.timeout * 1000,
			silentMs: settings.maxSilentTime * 1000,
			logBytes: settings.maxLogSize,
		}),
		cores: settings.cores,
		keepFailed: false,
		secretKeyFiles: settings.secretKeyFiles,
		postBuildHook: settings.postBuildHook,
		autoOptimise: settings.autoOptimiseStore,
	};
}

/** The number that builders are told. */
export function coresOf({ cores }: BuildPolicy): number {
	return cores === 0 ? availableParallelism() : cores;
}

/** Rejects with `KEY_UNREADABLE` and `KEY_SYNTAX`. */
export function signersOf({ secretKeyFiles }: BuildPolicy): readonly SecretKey[] {
	return secretKeyFiles.map(readSecretKey);
}

function limitsWithoutZeros(limits: BuildLimits): BuildLimits {
	return Object.fromEntries(Object.entries(limits).filter(([, limit]) => limit !== 0));
}
