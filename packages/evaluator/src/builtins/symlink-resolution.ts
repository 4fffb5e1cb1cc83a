/** The symbolic links in paths. Layer 1, pure: links are read through the injected I/O. */

import type { EvalIO, FileType } from "../io.ts";
import { canonicalPath } from "../syntax/path.ts";

/** Links followed in one path before it counts as a loop. */
const MOST_LINKS = 256;

/** A path below another one; `path` may be absolute or relative and have `..` in it, which leads nowhere above `base`. */
export function joinPath(base: string, path: string): string {
	const below = canonicalPath(path);
	return below === "/" ? base : base === "/" ? below : base + below;
}

/** The path with all links in it followed; what does not exist stays as it is. Throws EvalIoError. */
export function resolveSymlinks(io: EvalIO, path: string): string {
	const pending = path.split("/").filter((part) => part !== "");
	const resolved: string[] = [];
	let links = 0;
	while (pending.length > 0) {
		const part = pending.shift() as string;
		if (part === "." || part === "") continue;
		if (part === "..") {
			resolved.pop();
			continue;
		}
		const current = `/${[...resolved, part].join("/")}`;
		if (io.fileType(current) !== "symlink" || links++ >= MOST_LINKS) {
			resolved.push(part);
			continue;
		}
		const target = io.readLink(current);
		if (target.startsWith("/")) resolved.length = 0;
		pending.unshift(...target.split("/"));
	}
	return `/${resolved.join("/")}`;
}

/** What is at the path when links are followed; undefined where there is nothing. */
export function resolvedFileType(io: EvalIO, path: string): FileType | undefined {
	const type = io.fileType(path);
	return type === "symlink" ? io.fileType(resolveSymlinks(io, path)) : type;
}
