/** Keys that sign, from the user's files. Layer 3. */

import { readFileSync } from "node:fs";
import { fail } from "@devenv/diagnostics";
import { parseSecretKey, type SecretKey } from "@devenv/nix-formats";

/** Fails with `KEY_UNREADABLE` and `KEY_SYNTAX`. */
export function readSecretKey(file: string): SecretKey {
	let text: string;
	try {
		text = readFileSync(file, "utf8");
	} catch (error) {
		return fail("KEY_UNREADABLE", `cannot read the key ${file}: ${String((error as NodeJS.ErrnoException).code)}`, {
			hint: "`devenv cache key NAME FILE` makes one",
		});
	}
	return parseSecretKey(text);
}
