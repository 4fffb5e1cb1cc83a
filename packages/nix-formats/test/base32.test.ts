import test from "ava";
import * as fc from "fast-check";
import { base32Length, decodeBase32, encodeBase32, isBase32 } from "../src/index.ts";

test("decoding what was encoded gives the same bytes", (t) => {
	fc.assert(
		fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
			const text = encodeBase32(bytes);
			t.is(text.length, base32Length(bytes.length));
			t.true(isBase32(text));
			t.deepEqual(decodeBase32(text), bytes);
		}),
	);
});

test("encoding what could be decoded gives the same digits", (t) => {
	const digits = fc.string({ unit: fc.constantFrom(...Array.from("0123456789abcdfghijklmnpqrsvwxyz")), maxLength: 60 });
	let decoded = 0;
	fc.assert(
		fc.property(digits, (text) => {
			let bytes: Uint8Array;
			try {
				bytes = decodeBase32(text);
			} catch (error) {
				t.regex((error as Error).message, /^HASH_BASE32: /);
				return;
			}
			decoded += 1;
			t.is(encodeBase32(bytes), text);
		}),
		{ numRuns: 500 },
	);
	t.true(decoded > 0);
});

for (const [text, reason] of [
	["0e", /has "e" at position 2/],
	["zz", /no whole number of bytes/],
	["0", /no whole number of bytes/],
	["ü0", /has "ü" at position 1/],
] as const) {
	test(`refuses ${text}`, (t) => {
		t.throws(() => decodeBase32(text), { message: reason });
	});
}
