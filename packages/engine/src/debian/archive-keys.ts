/** The Debian archive's public keys, shipped as armored files. Layer 3 (engine). */

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Debian's own keys, from the package debian-archive-keyring. */
const KEY_FOLDER = new URL("../../keys/", import.meta.url);

/** Armored OpenPGP public keys that may sign Release files. */
export function debianArchiveKeys(): string[] {
	const names = readdirSync(fileURLToPath(KEY_FOLDER)).filter((name) => name.endsWith(".asc"));
	return names.sort().map((name) => readFileSync(new URL(name, KEY_FOLDER), "utf8"));
}
