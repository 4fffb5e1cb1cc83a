/** Other users, whom only root can play. */

import { spawnSync } from "node:child_process";

/**
 * Whether a process of another user can run the node that runs the tests: not where the repository lies in a private
 * folder (`/root`), and not where the caller may not change his ids.
 */
export function canRunAs(ids: { readonly uid: number; readonly gid: number }): boolean {
	const sameUser = ids.uid === process.getuid?.() && ids.gid === process.getgid?.();
	return spawnSync(process.execPath, ["--version"], { ...(sameUser ? {} : ids), cwd: "/" }).status === 0;
}
