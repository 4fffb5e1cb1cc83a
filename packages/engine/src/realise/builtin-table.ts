/** The builtin builders by name, without the prefix `builtin:`. Layer 3. */

import type { BuiltinBuilder } from "../builtin-builders/builtin-builder.ts";
import { composeRoot } from "../builtin-builders/compose-root.ts";
import { buildEnvironment } from "../builtin-builders/environment.ts";
import { fetchUrl } from "../builtin-builders/fetch-url.ts";
import { unpackDeb } from "../builtin-builders/unpack-deb.ts";
import { buildUserEnvironment } from "../builtin-builders/user-environment.ts";

export const builtinBuilders: ReadonlyMap<string, BuiltinBuilder> = new Map<string, BuiltinBuilder>([
	["buildenv", buildUserEnvironment],
	["compose-root", composeRoot],
	["environment", buildEnvironment],
	["fetchurl", fetchUrl],
	["unpack-deb", unpackDeb],
]);
