/** Debian versions for property tests. */

import fc from "fast-check";

/** Valid versions that often differ in one place only. */
export const versionStrings: fc.Arbitrary<string> = fc
	.tuple(
		fc.constantFrom("", "", "", "0:", "1:"),
		fc.constantFrom("0", "1", "2", "10"),
		fc.array(fc.constantFrom(".", "~", "+", "a", "Z", "0", "1", "00", "9", "10", "-"), { maxLength: 5 }),
	)
	.map(([epoch, first, rest]) => epoch + first + rest.join("").replace(/-+$/, ""));
