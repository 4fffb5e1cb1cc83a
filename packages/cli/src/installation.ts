/** Where this installation lies: the folder that holds packages, build and node_modules. Layer 5. */

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { installationVersion } from "@devenv/client";
import packageFile from "../package.json" with { type: "json" };

export const VERSION: string = packageFile.version;

/** What a daemon of this installation calls itself. */
export function daemonVersion(): string {
	return installationVersion(installationRoot(), VERSION);
}

/** Absolute path of the installation; the same from source and from the bundle, which lie at different depths. */
export function installationRoot(): string {
	let folder = import.meta.dirname;
	while (!existsSync(join(folder, "package-lock.json"))) {
		const parent = dirname(folder);
		if (parent === folder) throw new Error(`no installation above ${import.meta.dirname}`);
		folder = parent;
	}
	return folder;
}

/** The compiled native helper, or null where there was no C compiler. */
export function helperPath(root: string): string | null {
	const path = join(root, "build/native/devenv-helper");
	return existsSync(path) ? path : null;
}

/** The bwrap that the installation fetched where there was neither a C compiler nor bwrap, else the one on PATH. */
export function bwrapPath(root: string): string {
	const path = join(root, "build/native/bwrap");
	return existsSync(path) ? path : "bwrap";
}
