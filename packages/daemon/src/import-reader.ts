/** The env.yaml files of folders that a project imports: those of its own repository, and no others. Layer 4. */

import { lstatSync, realpathSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { fail } from "@devenv/diagnostics";
import type { TrackedRead } from "@devenv/engine";
import type { EnvFileText, ImportFault, ImportReader } from "@devenv/env-file";
import { isInside, placeOf, type RepositoryPlace } from "./repository-folders.ts";

const ENV_FILE = "env.yaml";

/**
 * Reads what a project in `folder` imports. `/` is the repository's top, or the project's own folder outside of a
 * repository; what lies above it, links followed, is refused. `read` reads a file of a folder, where there is one; `onRead` is
 * told each file that was looked for.
 */
export function importReader(
	folder: string,
	read: (folder: string, name: string) => EnvFileText | undefined,
	onRead: (read: TrackedRead) => void,
): ImportReader {
	let place: RepositoryPlace | undefined;
	return (written, from) => {
		// Most projects import nothing, and are read often.
		const { own, top } = (place ??= placeOf(folder));
		const found = locate(written, { top, from: resolve(own, from) });
		if ("reason" in found) {
			if (found.looked !== undefined) onRead({ path: join(found.looked, ENV_FILE), kind: "absent" });
			return found;
		}
		onRead({ path: join(found.folder, ENV_FILE), kind: "file" });
		const text = read(found.folder, ENV_FILE);
		if (text === undefined) return missing(written, found.folder);
		const path = relative(own, found.folder);
		return { folder: path, text: { ...text, file: join(path, ENV_FILE) } };
	};
}

/** `looked`: a folder that may come to have an env.yaml. */
type Found = { readonly folder: string } | (ImportFault & { readonly looked?: string });

function locate(written: string, { top, from }: { readonly top: string; readonly from: string }): Found {
	const target = written.startsWith("/") ? join(top, written) : resolve(from, written);
	// Nothing outside is even looked at.
	if (!isInside(target, top)) return outside(written, top);
	try {
		const folder = realpathSync(target);
		if (!isInside(folder, top)) return outside(written, top);
		// The file too may be a link, which counts as the place that it leads to.
		if (!isInside(realpathSync(join(folder, ENV_FILE)), top)) return outside(written, top);
		return { folder };
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code === undefined) throw error;
		if (code !== "ENOENT" && code !== "ENOTDIR")
			fail("ENV_UNREADABLE", `cannot read ${join(target, ENV_FILE)}: ${code}`);
		return { ...missing(written, target), looked: target };
	}
}

function missing(written: string, folder: string): ImportFault {
	const isFile = lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() === false;
	return {
		reason: "MISSING",
		message: `the import '${written}' has no env.yaml in ${folder}`,
		hint: isFile
			? "imports name folders, not files"
			: "name a folder that has one, relative to this file, or from the repository's top: /folder",
	};
}

function outside(written: string, top: string): ImportFault {
	return {
		reason: "OUTSIDE",
		message: `the import '${written}' leads out of ${top}`,
		hint: "imports stay in the project's repository; what several repositories share can be an input with overlays",
	};
}
