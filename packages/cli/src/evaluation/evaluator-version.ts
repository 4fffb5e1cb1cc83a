/** Which evaluator remembered results were made by. Layer 5. */

import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { daemonVersion, installationRoot } from "../installation.ts";

/** Changes with the installation, and in its development with each build of the client. */
export function evaluatorVersion(): string {
	const folder = join(installationRoot(), "build/client");
	const times = (existsSync(folder) ? readdirSync(folder) : [])
		.filter((name) => name.endsWith("-worker.cjs"))
		.map((name) => statSync(join(folder, name)).mtimeMs);
	return `${daemonVersion()} ${Math.max(0, ...times)}`;
}
