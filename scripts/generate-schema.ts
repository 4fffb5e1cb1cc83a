/** Writes what is generated from the declaration of env.yaml's keys: `schemas/env.schema.json` and `schemas/env.md`. */

import { writeFileSync } from "node:fs";
import { formatEnvironmentReference, formatEnvironmentSchema } from "@devenv/env-file";

const folder = new URL("../schemas/", import.meta.url);
writeFileSync(new URL("env.schema.json", folder), formatEnvironmentSchema());
writeFileSync(new URL("env.md", folder), formatEnvironmentReference());
