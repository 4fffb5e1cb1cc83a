/** Which state of an installation a program runs, so that a changed installation does not talk to its old daemon. Layer 2. */

import { statSync } from "node:fs";
import { join } from "node:path";

/**
 * The package's version and, where the install step has left its mark (`build/installed`), the time of that as build
 * metadata: `0.1.0+mib2k3x1`. The same for client and daemon until the installation changes.
 */
export function installationVersion(root: string, version: string): string {
	const marker = statSync(join(root, "build/installed"), { throwIfNoEntry: false });
	return marker === undefined ? version : `${version}+${Math.floor(marker.mtimeMs).toString(36)}`;
}
