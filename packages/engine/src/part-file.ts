/**
 * Files that grow outside of the store, named after the process that writes them: what a killed one left is told from what somebody
 * writes. Layer 3.
 */

import { randomBytes } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** A new name for the file that is to become `path`, beside it. */
export function partPath(path: string): string {
	return `${path}.${processSpace()}-${process.pid}-${randomBytes(6).toString("hex")}.part`;
}

/** Files of {@link partPath} for `path` whose writers have ended. Those of another space of processes are not judged. */
export function abandonedParts(path: string): readonly string[] {
	const folder = dirname(path);
	const prefix = `${basename(path)}.`;
	return names(folder)
		.filter((name) => {
			const [, space, pid] =
				/^(\d+)-(\d+)-[0-9a-f]{12}\.part$/.exec(name.startsWith(prefix) ? name.slice(prefix.length) : "") ?? [];
			return space === processSpace() && !runs(Number(pid));
		})
		.map((name) => join(folder, name));
}

/** Which process ids mean the same processes: containers have their own. */
function processSpace(): string {
	return String(statSync("/proc/self/ns/pid").ino);
}

function runs(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code !== "ESRCH";
	}
}

function names(folder: string): string[] {
	try {
		return readdirSync(folder);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
		throw error;
	}
}
