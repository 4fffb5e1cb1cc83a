/** Whether a running shell can get a new root beneath it, or has to be started anew. Layer 4. */

import { readFileSync } from "node:fs";
import type { ShellName } from "@devenv/shell";

/**
 * A program that runs keeps its libc and its own code, and loads modules of the new root: both have to be of the same
 * upstream version. Undefined where they are; else what stands in the way, for people.
 */
export function rootConflict(before: string, after: string, shell: ShellName): string | undefined {
	const [old, now] = [installedVersions(before), installedVersions(after)];
	for (const name of shell === "nu" ? ["libc6"] : ["libc6", shell]) {
		const [from, to] = [old.get(name), now.get(name)];
		if (from === to) continue;
		if (from === undefined || to === undefined || upstream(from) !== upstream(to)) {
			return to === undefined ? `has no ${name}` : `has ${name} ${to} in place of ${from ?? "none"}`;
		}
	}
	return undefined;
}

/** Versions by package name, from dpkg's database in a root. */
function installedVersions(root: string): Map<string, string> {
	let status: string;
	try {
		status = readFileSync(`${root}/var/lib/dpkg/status`, "utf8");
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return new Map();
		throw error;
	}
	const versions = new Map<string, string>();
	for (const stanza of status.split("\n\n")) {
		const name = /^Package: (.+)$/m.exec(stanza)?.[1];
		const version = /^Version: (.+)$/m.exec(stanza)?.[1];
		if (name !== undefined && version !== undefined) versions.set(name, version);
	}
	return versions;
}

/** Without epoch and Debian revision. */
function upstream(version: string): string {
	return version.replace(/^\d+:/, "").replace(/-[^-]*$/, "");
}
