/** The layout of this machine's user: the facts that the pure rules of @devenv/protocol need. Layer 2. */

import { existsSync } from "node:fs";
import { type HomeLayout, homeLayout } from "@devenv/protocol";

/** Lies beside the database of a store at `/` that is ours. */
export const OWN_STORE_MARKER = "/nix/var/nix/devenv-store";

/** Where everything of the caller lies, for its environment variables. Throws `HOME_INVALID`. */
export function userLayout(environment: Readonly<Record<string, string | undefined>>): HomeLayout {
	const nixOwnsStore = existsSync("/nix/var/nix/db/db.sqlite") && !existsSync(OWN_STORE_MARKER);
	return homeLayout(environment, process.geteuid?.() ?? -1, { nixOwnsStore });
}
