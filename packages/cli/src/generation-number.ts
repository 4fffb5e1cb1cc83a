/** A generation as it is typed. Layer 5. */

import { fail } from "@devenv/diagnostics";

/** Null where none is given. Fails with `USAGE_INVALID`. */
export function generationNumber(text: string | undefined): number | null {
	if (text === undefined) return null;
	if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
	return fail("USAGE_INVALID", `'${text}' is no generation: it has to be a number`, {
		hint: "`devenv history` lists the generations",
	});
}
