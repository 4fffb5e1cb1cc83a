/** The two locks that git could not merge, and the one that comes of them. Layer 5. */

import { spawnSync } from "node:child_process";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fail } from "@devenv/diagnostics";
import { formatLock, type LockFile, mergeLocks, parseLock, splitLockConflict } from "@devenv/env-file";
import type { ResolveParams } from "@devenv/protocol";

/** More than a lock that is read has, in bytes. */
const MAX_BYTES = 1024 * 1024;

const DRIVER = "devenv-lock";
const ATTRIBUTE = `env.lock merge=${DRIVER}`;

/**
 * The sides of a conflict in a project's env.lock: as git's index has them, whole, else what stands between the markers.
 * Undefined where there is no conflict.
 */
export function readConflict(project: string): ResolveParams | undefined {
	const [base, ours, theirs] = [1, 2, 3].map((stage) => git(project, ["show", `:${stage}:./env.lock`]));
	if (ours !== undefined && theirs !== undefined) return { project, ours, theirs, base: base ?? null, mixed: false };
	const file = join(project, "env.lock");
	let content: Buffer;
	try {
		content = readFileSync(file);
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		return fail("LOCK_UNREADABLE", `${file} cannot be read: ${String(code)}`, { hint: "`devenv lock` writes one" });
	}
	const sides = splitLockConflict({ file: "env.lock", content });
	return sides === undefined ? undefined : { project, ...sides, base: null, mixed: true };
}

/** As git calls it: merges three files into the second. */
export function runMergeDriver(baseFile: string, oursFile: string, theirsFile: string): void {
	const base = readLock(baseFile);
	const ours = readLock(oursFile);
	const theirs = readLock(theirsFile);
	if (ours === undefined || theirs === undefined) {
		return fail("LOCK_EMPTY", "one side of the merge has no env.lock", { hint: "`devenv lock` writes one" });
	}
	const { lock } = mergeLocks(ours, theirs, base === undefined ? {} : { base });
	writeFileSync(oursFile, formatLock(lock));
}

/** A lock; undefined for the empty file that stands for a side without one. */
function readLock(file: string): LockFile | undefined {
	const content = readFileSync(file);
	return content.length === 0 ? undefined : parseLock({ file, content }).lock;
}

/** Has git call the merge driver for the env.lock files of a repository; the changes made, for people. */
export function installMergeDriver(folder: string, launcher: string): readonly string[] {
	const top = git(folder, ["rev-parse", "--show-toplevel"])?.replace(/\n$/, "");
	if (top === undefined) {
		return fail("LOCK_NO_REPOSITORY", `${folder} is in no git repository`, { hint: "`git init` makes one" });
	}
	const done: string[] = [];
	const quoted = `'${launcher.replaceAll("'", String.raw`'\''`)}'`;
	const settings = [
		[`merge.${DRIVER}.name`, "the newer pin of each input"],
		[`merge.${DRIVER}.driver`, `${quoted} lock --merge-driver %O %A %B`],
	] as const;
	for (const [key, value] of settings) {
		if (git(folder, ["config", "--local", key]) === `${value}\n`) continue;
		if (git(folder, ["config", "--local", key, value]) === undefined) {
			fail("LOCK_MERGE_DRIVER", `git cannot set ${key} in ${top}`, { hint: "make .git/config writable" });
		}
		done.push(`git config ${key}`);
	}
	const attributes = join(top, ".gitattributes");
	const text = readIfThere(attributes);
	if (!text.split(/\r?\n/).includes(ATTRIBUTE)) {
		appendFileSync(attributes, `${text === "" || text.endsWith("\n") ? "" : "\n"}${ATTRIBUTE}\n`);
		done.push(".gitattributes");
	}
	return done;
}

function readIfThere(file: string): string {
	try {
		return readFileSync(file, "utf8");
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
		throw error;
	}
}

/** What git prints; undefined where there is none, or it fails. */
function git(folder: string, args: readonly string[]): string | undefined {
	const { status, stdout } = spawnSync("git", args, {
		cwd: folder,
		encoding: "utf8",
		maxBuffer: MAX_BYTES,
		stdio: ["ignore", "pipe", "ignore"],
	});
	return status === 0 ? stdout : undefined;
}
