/** The search path of `<name>`. Layer 1, pure. Source: Nix manual, "builtins.findFile". */

import type { Runtime } from "../eval/runtime.ts";
import { canonicalPath } from "../syntax/path.ts";
import { NO_POSITION } from "../syntax/position.ts";
import { embeddedFilePath } from "./embedded-files.ts";
import { joinPath, resolvedFileType, resolveSymlinks } from "./symlink-resolution.ts";

export interface SearchPathEntry {
	/** Empty, or what a name must begin with to be looked for here. */
	readonly prefix: string;
	/** A path, a URL of a tarball, or `channel:<name>`. */
	readonly path: string;
}

/** The path that `<name>` stands for; a catchable error where there is none. */
export function findInSearchPath(runtime: Runtime, entries: readonly SearchPathEntry[], name: string): string {
	for (const entry of entries) {
		const suffix = suffixAfter(entry.prefix, name);
		if (suffix === undefined) continue;
		const root = entryRoot(runtime, entry.path);
		if (root === undefined) continue;
		const found = runtime.access(NO_POSITION, () => {
			const path = resolveSymlinks(runtime.io, joinPath(root, suffix));
			return runtime.io.fileType(path) === undefined ? undefined : path;
		});
		if (found !== undefined) return found;
	}
	const embedded = embeddedFilePath(name);
	if (embedded !== undefined) return embedded;
	throw runtime.error(
		"thrown",
		runtime.settings.pureEval
			? `cannot look up '<${name}>' in pure evaluation mode (use '--impure' to override)`
			: `file '${name}' was not found in the Nix search path (add it using $NIX_PATH or -I)`,
	);
}

function suffixAfter(prefix: string, name: string): string | undefined {
	if (!name.startsWith(prefix)) return undefined;
	if (prefix === "" || name.length === prefix.length) return name.slice(prefix.length);
	return name[prefix.length] === "/" ? name.slice(prefix.length + 1) : undefined;
}

/** Entries that do not exist, or cannot be fetched, each told once per evaluation. */
const missing = new WeakMap<object, Set<string>>();

function entryRoot(runtime: Runtime, path: string): string | undefined {
	const url = tarballUrl(path);
	const known = missing.get(runtime.io) ?? new Set<string>();
	missing.set(runtime.io, known);
	if (url !== undefined) {
		return runtime.access(NO_POSITION, () => runtime.io.fetch({ url, name: "source", unpack: true }));
	}
	const absolute = canonicalPath(path);
	const exists = runtime.access(NO_POSITION, () => resolvedFileType(runtime.io, absolute) !== undefined);
	if (exists) return absolute;
	if (!known.has(path)) runtime.io.log("warning", `Nix search path entry '${path}' does not exist, ignoring`);
	known.add(path);
	return undefined;
}

/** The URL that an entry of the search path stands for, where it is none of a path. */
export function tarballUrl(path: string): string | undefined {
	if (path.startsWith("channel:")) {
		return `https://channels.nixos.org/${path.slice("channel:".length)}/nixexprs.tar.xz`;
	}
	return /^(?:https?|file|git|s3|ssh):\/\//.test(path) ? path : undefined;
}
