/** What an env.nix is evaluated with. Layer 3. */

import type { EnvSpec } from "@devenv/env-file";
import type { ModuleSource } from "../engine-interface.ts";
import type { ModuleRequest } from "./messages.ts";

/** What a module is told of env.yaml. */
export function moduleRequest({ file, profile = "default" }: ModuleSource, spec: EnvSpec): ModuleRequest {
	const declared = {
		...(spec.name === undefined ? {} : { name: spec.name.value }),
		packages: spec.packages.map(({ text }) => text),
		env: Object.fromEntries(spec.env.map(({ name, value }) => [name, value])),
		aliases: Object.fromEntries(spec.aliases.map(({ name, value }) => [name, value])),
		scripts: Object.fromEntries(spec.scripts.map(({ name, exec }) => [name, { exec }])),
	};
	return { file, profile, declared: JSON.stringify(declared) };
}
