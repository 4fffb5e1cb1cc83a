import { encodeBase32, type StorePath } from "@devenv/nix-formats";
import test from "ava";
import * as fc from "fast-check";
import { ReferenceScanner } from "../src/reference-scanner.ts";

const hashPart = fc.uint8Array({ minLength: 20, maxLength: 20 }).map(encodeBase32);

/** Bytes between hash parts: random ones, and digits that make false starts. */
const filler = fc.oneof(
	fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
	fc.string({ unit: fc.constantFrom("0", "a", "z", "-"), maxLength: 80 }),
	hashPart.map((digits) => digits.slice(0, 31)),
);

function scan(candidates: readonly string[], data: Buffer, sizes: readonly number[]): StorePath[] {
	const scanner = new ReferenceScanner(candidates.map((digits) => `/nix/store/${digits}-x` as StorePath));
	for (let at = 0, round = 0; at < data.length; round += 1) {
		const size = sizes[round % sizes.length] ?? 1;
		scanner.push(Uint8Array.from(data.subarray(at, at + size)));
		at += size;
	}
	return scanner.found();
}

test("finds just the candidates that are there, however the data is cut", (t) => {
	fc.assert(
		fc.property(
			fc.uniqueArray(hashPart, { minLength: 1, maxLength: 6 }),
			fc.array(fc.tuple(filler, fc.nat(11))),
			fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1 }),
			(parts, places, sizes) => {
				// Even parts are candidates; any may be in the data.
				const text = places.map(([between, index]) => between + (parts[index] ?? "")).join("");
				const candidates = parts.filter((_, index) => index % 2 === 0);
				const expected = candidates.filter((digits) => text.includes(digits)).sort();
				const found = scan(candidates, Buffer.from(text, "latin1"), sizes);
				t.deepEqual(
					found.map((path) => path.slice("/nix/store/".length, -2)),
					expected,
				);
			},
		),
		{ numRuns: 500 },
	);
});

/* In quadratic time this would run into the time limit. */
test("a long run of digits is searched in linear time", (t) => {
	const data = Buffer.alloc(20_000_000, "0123456789abcdfghijklmnpqrsvwxyz0");
	t.deepEqual(scan(["zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"], data, [1 << 20]), []);
});
