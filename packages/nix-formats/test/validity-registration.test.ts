import test from "ava";
import * as fc from "fast-check";
import { formatRegistrations, hashBytes, parseRegistrations, type StorePath } from "../src/index.ts";

const A = "/nix/store/9w4flvlj7prv5dysc5qg9ivnh97a0a6y-a" as StorePath;
const B = "/nix/store/i9pmrzmpshapij2kin22pff6fc2adavx-b" as StorePath;
const HASH = hashBytes("sha256", "x");
const DIGITS = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";

const registration = fc.record({
	path: fc.constantFrom(A, B),
	nar: fc.option(fc.record({ hash: fc.constant({ ...HASH, bytes: Buffer.from(HASH.bytes) }), size: fc.nat() }), {
		nil: undefined,
	}),
	deriver: fc.constantFrom(undefined, `${A}.drv` as never),
	references: fc.subarray([A, B]),
});

test("parsing what was written gives the same", (t) => {
	fc.assert(
		fc.property(fc.array(registration), fc.boolean(), (all, withHashes) => {
			const given = all.map((each) => ({
				...each,
				nar: withHashes ? (each.nar ?? { hash: { ...HASH, bytes: Buffer.from(HASH.bytes) }, size: 0 }) : undefined,
			}));
			t.deepEqual(parseRegistrations(formatRegistrations(given), { withHashes }), given);
		}),
	);
	t.pass();
});

test("the text is the format's, line by line", (t) => {
	const text = `${A}\n${DIGITS}\n120\n\n2\n${A}\n${B}\n`;
	const given = { path: A, nar: { hash: HASH, size: 120 }, deriver: undefined, references: [A, B] };
	t.is(formatRegistrations([given]), text);
});

test("faults name their line", (t) => {
	for (const [text, message] of [
		[`${A}\n`, /line 2 of the registrations: the text ends too early/],
		[`${A}\n${DIGITS}\n120\n\n1\n`, /line 5 .*too early/],
		[`${A}\n${DIGITS}\nmany\n\n0\n`, /line 3 .*"many" is no number/],
		[`${A}\n${DIGITS}\n1\n\n-1\n`, /line 5 .*"-1" is no number/],
		[`${A}\n${DIGITS}\n1\n\n0`, /line 5 .*ends within a line/],
		[`${A}\nsha1:00\n1\n\n0\n`, /HASH_INVALID/],
		["/etc/passwd\n", /STORE_PATH/],
	] as const) {
		t.throws(() => parseRegistrations(text, { withHashes: true }), { message }, text);
	}
});
