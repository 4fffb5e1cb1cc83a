/** Canonical paths. Layer 1, pure: no link is followed. */

/** An absolute path without `.`, `..`, double or trailing slashes; `..` above the root stays there. */
export function canonicalPath(path: string): string {
	if (path.startsWith("/") && !/\/(?:\.{0,2}(?:\/|$))/.test(path)) return path;
	const parts: string[] = [];
	for (const part of path.split("/")) {
		if (part === "" || part === ".") continue;
		if (part === "..") parts.pop();
		else parts.push(part);
	}
	return `/${parts.join("/")}`;
}

/** The path without its last part; `/` for the root. */
export function parentPath(path: string): string {
	const slash = path.lastIndexOf("/");
	return slash <= 0 ? "/" : path.slice(0, slash);
}

/** The last part of a canonical path; empty for the root. */
export function baseName(path: string): string {
	return path.slice(path.lastIndexOf("/") + 1);
}
