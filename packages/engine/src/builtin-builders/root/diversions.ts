/**
 * Diversions (dpkg-divert(1)): those that a package sets up before it is unpacked, read from the text of its preinst, and those that
 * scripts have put into dpkg's database. Layer 3, pure.
 *
 * Preinst scripts are not run, since everything is merged before the first script. Their `dpkg-divert` calls matter only where
 * two packages have the same path; a path that is built from shell variables is not seen, and stays a conflict.
 */

import { mergedNames } from "../unpack-archive.ts";

/** Diverted path → where other packages' file goes instead; both as paths in a merged root, without a leading slash. */
export function diversionsOf(preinst: string): ReadonlyMap<string, string> {
	const diversions = new Map<string, string>();
	for (const line of preinst.replace(/\\\n/g, " ").split("\n")) {
		const call = /(?:^|[\s;&|(])dpkg-divert\s+(.*)$/.exec(line.replace(/^\s*#.*$/, ""));
		if (call?.[1] === undefined || /--(?:remove|list|listpackage|truename)\b/.test(call[1])) continue;
		const words = call[1].split(/[;&|]/)[0]?.split(/\s+/).map(unquote) ?? [];
		let target: string | undefined;
		let path: string | undefined;
		for (let at = 0; at < words.length; at++) {
			const word = words[at] ?? "";
			if (word === "--divert") target = words[++at];
			else if (word.startsWith("--divert=")) target = word.slice("--divert=".length);
			else if (word === "--package") at++;
			else if (word.startsWith("/")) path = word;
		}
		if (path === undefined || path.includes("$") || target?.includes("$") === true) continue;
		diversions.set(mergedPath(path), mergedPath(target ?? `${path}.distrib`));
	}
	return diversions;
}

/** A diversion that is in dpkg's database. */
export interface ScriptDiversion {
	/** As paths in a merged root, without a leading slash. */
	readonly path: string;
	readonly target: string;
	/** Whose own file is not diverted; absent: nobody's. */
	readonly package?: string;
}

/** Reads `var/lib/dpkg/diversions`: three lines each (path, target, package or `:`). What is cut off is left out. */
export function parseDiversions(text: string): readonly ScriptDiversion[] {
	const lines = text.split("\n");
	const found: ScriptDiversion[] = [];
	for (let at = 0; at + 2 < lines.length; at += 3) {
		const [path = "", target = "", owner = ""] = lines.slice(at, at + 3);
		if (!isPlainPath(path) || !isPlainPath(target)) continue;
		found.push({
			path: mergedPath(path),
			target: mergedPath(target),
			...(owner === ":" || owner === "" ? {} : { package: owner }),
		});
	}
	return found;
}

/** A script may have written anything; a target is used as a place in the tree. */
function isPlainPath(path: string): boolean {
	return (
		path.startsWith("/") &&
		path
			.slice(1)
			.split("/")
			.every((part) => part !== "" && part !== "." && part !== "..")
	);
}

function unquote(word: string): string {
	return word.replace(/^(["'])(.*)\1$/, "$2");
}

/** `/bin/sh` → `usr/bin/sh`. */
function mergedPath(path: string): string {
	const relative = path.replace(/^\/+/, "");
	const top = relative.split("/", 1)[0] ?? "";
	return mergedNames.includes(top) ? `usr/${relative}` : relative;
}
