/** When processes began, which with its number tells one process from all others. Layer 3. */

import { readFileSync } from "node:fs";

/**
 * In ticks since the machine did (field 22 of proc(5)'s `stat`); undefined where the process has ended, also if its parent has
 * not asked for its status yet: signals do not tell such a zombie from a living process.
 */
export function processStart(pid: number): string | undefined {
	let status: string;
	try {
		status = readFileSync(`/proc/${pid}/stat`, "latin1");
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code === "ENOENT" || code === "ESRCH") return undefined;
		throw error;
	}
	// The second field, the program's name, may hold blanks and parentheses.
	const [state, ...fields] = status.slice(status.lastIndexOf(")") + 2).split(" ");
	return state === "Z" || state === "X" ? undefined : fields[18];
}
