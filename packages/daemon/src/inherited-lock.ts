/**
 * The env.lock that a project without one of its own takes over: that of the nearest project above it in the same git
 * repository, so that the parts of one repository have one set of packages. Layer 4.
 */

import { join, relative } from "node:path";
import type { TrackedRead } from "@devenv/engine";
import { type EnvFileText, type EnvSpec, type LockFile, parseLock, type ParsedLock } from "@devenv/env-file";
import { exists, foldersToTop } from "./repository-folders.ts";

export interface InheritedLock extends ParsedLock {
	/** Absolute folder of the project that the lock is of. */
	readonly folder: string;
	/** What decided that it is this one. */
	readonly tracked: readonly TrackedRead[];
}

/**
 * The lock of the nearest folder above `folder` with an env.yaml and an env.lock, no higher than the repository's top, if
 * it locks every input of `spec` as it is written there. `read` reads a file of a folder, where there is one. Throws
 * `LOCK_…` where that file is broken.
 */
export function findInheritedLock(
	folder: string,
	spec: EnvSpec,
	read: (folder: string, name: string) => EnvFileText | undefined,
): InheritedLock | undefined {
	const tracked: TrackedRead[] = [];
	for (const above of foldersToTop(folder)?.slice(1) ?? []) {
		const file = join(above, "env.lock");
		const text = exists(join(above, "env.yaml")) ? read(above, "env.lock") : undefined;
		if (text === undefined) {
			tracked.push({ path: file, kind: exists(file) ? "file" : "absent" });
			continue;
		}
		const { lock, locations } = parseLock({ ...text, file: relative(folder, file) });
		const own = inherited(lock, spec);
		return own && { lock: own, locations, folder: above, tracked: [...tracked, { path: file, kind: "file" }] };
	}
	return undefined;
}

/** The entries that a spec asks for; undefined where one is not locked. A relative path means another folder there. */
function inherited(lock: LockFile, spec: EnvSpec): LockFile | undefined {
	const inputs = spec.inputs.map(({ name, url }) =>
		lock.inputs.find((locked) => locked.name === name && locked.url === url.value && !/^path:(?!\/)/.test(locked.url)),
	);
	return inputs.every((input) => input !== undefined) ? { inputs } : undefined;
}
