/** The packages of a root, by its derivation. Layer 3. */

import type { Derivation } from "@devenv/nix-formats";
import type { RootMember } from "../engine-interface.ts";
import { decodeComposeRootAttributes } from "./compose-attributes-decoder.ts";
import type { ComposeMember } from "./compose-root-attributes.ts";

/** All of them, by name. */
export function membersOf({ name, env, outputs }: Derivation): readonly RootMember[] {
	const outPath = outputs.get("out")?.path ?? "";
	const { packages } = decodeComposeRootAttributes({ name, env, outPath });
	return packages
		.flatMap((each): readonly ComposeMember[] => ("name" in each ? [each] : each))
		.map(({ name: own, version }) => ({ name: own, version }))
		.sort((a, b) => (a.name < b.name ? -1 : 1));
}
