/** The files that random expressions read. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Makes them below an empty folder; where relative paths start, deep enough that `dirOf` stays inside. */
export function writeFixture(root: string): string {
	const folder = join(root, "1/2/3/4/5/6/7/8");
	mkdirSync(join(folder, "dir"), { recursive: true });
	writeFileSync(join(folder, "a.txt"), "some text\n");
	writeFileSync(join(folder, "dir/b.txt"), "");
	writeFileSync(join(folder, "dir/id.nix"), "x: x\n");
	writeFileSync(join(folder, "dir/v.nix"), "v\n");
	return folder;
}
