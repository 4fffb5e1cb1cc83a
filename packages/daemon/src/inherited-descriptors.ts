/**
 * Closes what a daemon inherits beside its standard streams. Layer 4.
 *
 * Node marks inherited descriptors as its own only up to the first gap above 15, so those of `exec 200>lock; flock 200` reach a
 * daemon that is started in such a script, and through it builds: the lock would be held, and a pipe's reader would wait, until
 * the daemon leaves.
 */

import { closeSync, readdirSync, readFileSync } from "node:fs";

/** O_CLOEXEC, which node sets on everything that it opens itself; the same on x86 and ARM. */
const closeOnExec = 0o2000000;

export function closeInheritedDescriptors(): void {
	for (const name of readdirSync("/proc/self/fdinfo")) {
		const descriptor = Number(name);
		if (descriptor > 2 && isInherited(descriptor)) closeSync(descriptor);
	}
}

function isInherited(descriptor: number): boolean {
	try {
		const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, "latin1"))?.[1];
		return flags !== undefined && (Number.parseInt(flags, 8) & closeOnExec) === 0;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return false; // that of reading the folder
		throw error;
	}
}
