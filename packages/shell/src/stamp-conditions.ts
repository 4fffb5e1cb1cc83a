/** Whether what a stamp depends on is still so, as native/stamp.c asks before every entry. Layer 2. */

import { type BigIntStats, lstatSync, statSync } from "node:fs";
import { unreachable } from "@devenv/diagnostics";
import type { TrackedPath } from "./activation-request.ts";
import type { PathSignature, StampCondition } from "./stamp-file.ts";

/** A condition on a path. */
export type PathCondition = Exclude<StampCondition, { readonly kind: "variable" }>;

/** The first path that is not as it was; undefined where all are. */
export function firstChanged(conditions: readonly PathCondition[]): string | undefined {
	return conditions.find((each) => !holds(each))?.path;
}

/** How a path that was read is now. */
export function observePath({ path, kind }: TrackedPath): PathCondition {
	const info = look(path, kind === "link" ? lstatSync : statSync);
	if (info === undefined) return { kind: "absent", path };
	return { kind: kind === "link" ? "link" : "file", path, signature: signatureOf(info) };
}

function holds(condition: PathCondition): boolean {
	const { kind, path } = condition;
	switch (kind) {
		case "file":
			return isSame(look(path, statSync), condition.signature);
		case "link":
			return isSame(look(path, lstatSync), condition.signature);
		case "absent":
			return look(path, statSync) === undefined;
		case "present":
			return look(path, lstatSync) !== undefined;
		default:
			return unreachable(kind);
	}
}

type Stat = (path: string, options: { bigint: true; throwIfNoEntry: false }) => BigIntStats | undefined;

/** Nothing also where a part of the path is no folder, or leads round in circles. */
function look(path: string, stat: Stat): BigIntStats | undefined {
	try {
		return stat(path, { bigint: true, throwIfNoEntry: false });
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code === "ENOTDIR" || code === "ELOOP" || code === "EACCES") return undefined;
		throw error;
	}
}

/** A path's state in numbers. */
function signatureOf(info: BigIntStats): PathSignature {
	return { device: info.dev, inode: info.ino, size: info.size, modified: info.mtimeNs, changed: info.ctimeNs };
}

function isSame(info: BigIntStats | undefined, signature: PathSignature): boolean {
	if (info === undefined) return false;
	const now = signatureOf(info);
	return (
		now.device === signature.device &&
		now.inode === signature.inode &&
		now.size === signature.size &&
		now.modified === signature.modified &&
		now.changed === signature.changed
	);
}
