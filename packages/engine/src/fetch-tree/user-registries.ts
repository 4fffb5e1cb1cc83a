/** The flake registries that a user has. Layer 3. */

import { join } from "node:path";
import type { FetchedObjectsOptions } from "./fetched-objects.ts";

/** What Nix asks in the end. */
const GLOBAL = "https://channels.nixos.org/flake-registry.json";

/** By the caller's variables; the user's own comes before the machine's. */
export function userRegistries(
	variables: Readonly<Record<string, string | undefined>>,
): NonNullable<FetchedObjectsOptions["registries"]> {
	const home = variables["HOME"];
	const config = variables["XDG_CONFIG_HOME"] ?? (home === undefined ? undefined : join(home, ".config"));
	return {
		files: [...(config === undefined ? [] : [join(config, "nix/registry.json")]), "/etc/nix/registry.json"],
		global: GLOBAL,
	};
}
