import test from "ava";
import fc from "fast-check";
import { carryLibraries, unpackLibraries } from "../../src/processes/carried-libraries.ts";

test("what is carried past node comes out as it was", (t) => {
	const environments = fc.dictionary(
		fc.constantFrom("PATH", "LD_LIBRARY_PATH", "X"),
		fc.constantFrom("", "=", "/a:/b", "=x"),
	);
	fc.assert(
		fc.property(environments, fc.option(fc.constantFrom("/own", ""), { nil: undefined }), (environment, own) => {
			const carried = carryLibraries(environment, own);
			if (own !== undefined) t.is(carried["LD_LIBRARY_PATH"], own);
			t.deepEqual(unpackLibraries(carried), { ...environment });
		}),
	);
});
