/** When a tree of files last changed. Layer 3. */

import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** The latest time of change of anything in it, itself included: whole seconds since 1970. */
export function latestChange(path: string): number {
	let latest = 0;
	const pending = [path];
	for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
		const info = lstatSync(next);
		latest = Math.max(latest, Math.floor(info.mtimeMs / 1000));
		if (info.isDirectory()) for (const name of readdirSync(next)) pending.push(join(next, name));
	}
	return latest;
}
