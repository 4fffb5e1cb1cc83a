/**
 * What is the user's alone: values of `env` lie in stamps, generations, logs and store objects. Layer 4. The folders above them
 * (an XDG folder, DEVENV_HOME) may be open to others, and some older versions made these so.
 */

import { chmodSync, existsSync, lstatSync, mkdirSync } from "node:fs";
import { fail } from "@devenv/diagnostics";
import type { HomeLayout } from "@devenv/protocol";

/** Fails with `HOME_UNWRITABLE` or `HOME_UNSAFE`. */
export function closeToOthers({ state, cache, storeRoot }: Pick<HomeLayout, "state" | "cache" | "storeRoot">): void {
	for (const folder of [state, cache]) makePrivate(folder);
	// A store that is there may be shared by its user's choice, and `/` is the machine's.
	if (!existsSync(storeRoot)) makePrivate(storeRoot);
}

function makePrivate(folder: string): void {
	try {
		mkdirSync(folder, { recursive: true, mode: 0o700 });
		const { mode, uid } = lstatSync(folder);
		if (uid !== process.geteuid?.()) {
			fail("HOME_UNSAFE", `${folder} belongs to another user`, { hint: "set DEVENV_HOME to a folder of your own" });
		}
		if ((mode & 0o077) !== 0) chmodSync(folder, mode & 0o700);
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code === undefined) throw error;
		fail("HOME_UNWRITABLE", `cannot make ${folder} private: ${code}`, {
			hint: "make its parent writable, or set DEVENV_HOME to a folder that you may write",
		});
	}
}
