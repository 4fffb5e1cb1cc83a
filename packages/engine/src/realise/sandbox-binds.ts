/** What of the host the user lets builds see. Layer 3. */

import { existsSync } from "node:fs";
import type { SandboxBind } from "@devenv/builder";
import { parseSandboxPath } from "../settings.ts";

/** A path that has to be there and is not fails each build, and says so. */
export function sandboxBinds(paths: readonly string[]): SandboxBind[] {
	return paths
		.map(parseSandboxPath)
		.filter(({ source, optional }) => !optional || existsSync(source))
		.map(({ source, target }) => ({ source, target }));
}
