/** The tree of sources that a file belongs to. Layer 3. */

import { existsSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * Real path of the repository that a file or folder lies in, or where there is none of its folder. Undefined where there is
 * no such path.
 */
export function sourceRootOf(path: string): string | undefined {
	if (!existsSync(path)) return undefined;
	const real = realpathSync(path);
	const folder = statSync(real).isDirectory() ? real : dirname(real);
	for (let at = folder; at !== "/"; at = dirname(at)) if (existsSync(join(at, ".git"))) return at;
	return folder;
}
