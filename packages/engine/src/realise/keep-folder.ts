/** What a build left in its folder, kept for its user to look at. Layer 3. */

import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/** Folders that may be there already. */
const ATTEMPTS = 10_000;

const execute = promisify(execFile);

/** Moves files and folders below a new folder `<name>-0`, `<name>-1`, … of the folder for temporary files; gives that folder. */
export async function keepFolder(name: string, entries: readonly string[]): Promise<string> {
	const folder = newFolder(name);
	// Between file systems too.
	if (entries.length > 0) await execute("mv", ["--", ...entries, folder]);
	return folder;
}

function newFolder(name: string): string {
	for (let number = 0; number < ATTEMPTS; number++) {
		const folder = join(tmpdir(), `${name}-${number}`);
		try {
			mkdirSync(folder, { mode: 0o700 });
			return folder;
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
		}
	}
	throw new Error(`there are ${ATTEMPTS} folders ${name}-… in ${tmpdir()}`);
}
