import test from "ava";
import * as fc from "fast-check";
import {
	equalHashes,
	formatHash,
	hashBytes,
	hashSize,
	parseHash,
	zeroHash,
	type Hash,
	type HashAlgo,
	type HashFormat,
} from "../src/index.ts";

// `nix-hash --flat` of a file that contains "hello\n".
const known: readonly [HashAlgo, base16: string, base32: string, sri: string][] = [
	["md5", "b1946ac92492d2347c6235b4d2611184", "4425hx5d1mc9y39llj4k4nm55i", "md5-sZRqySSS0jR8YjW00mERhA=="],
	[
		"sha1",
		"f572d396fae9206628714fb2ce00f72e94f2258f",
		"iwjz551fyw0cxcjgf4l6c879zabd6wpm",
		"sha1-9XLTlvrpIGYocU+yzgD3LpTyJY8=",
	],
	[
		"sha256",
		"5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
		"00xyyr3fi8l6hb839bv3f7yb86yjv7xi1cgh1xnhipym4asvb4aq",
		"sha256-WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM=",
	],
	[
		"sha512",
		"e7c22b994c59d9cf2b48e549b1e24666636045930d3da7c1acb299d1c3b7f931f94aae41edda2c2b207a36e10f8bcb8d45223e54878f5b316e7ce3b6bc019629",
		"0lrc0dwnvipqviibf7qfm1y492qvjwb1zhkcyi05cndmva1mr5gjcgrnz1x36djmk0sfg8djd2n0qv68vib2jg590mwznar9jcjphp7",
		"sha512-58IrmUxZ2c8rSOVJseJGZmNgRZMNPafBrLKZ0cO3+TH5Sq5B7dosKyB6NuEPi8uNRSI+VIePWzFufOO2vAGWKQ==",
	],
];

for (const [algo, base16, base32, sri] of known) {
	test(`${algo} of a file is what nix-hash prints`, (t) => {
		const hash = hashBytes(algo, "hello\n");
		t.is(formatHash(hash, "base16"), base16);
		t.is(formatHash(hash, "base32"), base32);
		t.is(formatHash(hash, "base64"), sri.slice(sri.indexOf("-") + 1));
		t.is(formatHash(hash, "sri"), sri);
		t.is(hash.bytes.length, hashSize(algo));
	});
}

const anyHash: fc.Arbitrary<Hash> = fc
	.constantFrom<HashAlgo>("md5", "sha1", "sha256", "sha512")
	.chain((algo) =>
		fc.uint8Array({ minLength: hashSize(algo), maxLength: hashSize(algo) }).map((bytes) => ({ algo, bytes })),
	);

test("parsing what was formatted gives the same hash", (t) => {
	const format = fc.constantFrom<HashFormat>("base16", "base32", "base64", "sri");
	fc.assert(
		fc.property(anyHash, format, fc.boolean(), (hash, form, tagged) => {
			const digits = formatHash(hash, form);
			const text = form !== "sri" && tagged ? `${hash.algo}:${digits}` : digits;
			t.true(equalHashes(parseHash(text, hash.algo), hash));
			if (form === "sri" || tagged) t.true(equalHashes(parseHash(text), hash));
		}),
	);
});

test("base 16 is read in capitals too", (t) => {
	t.true(equalHashes(parseHash("B1946AC92492D2347C6235B4D2611184", "md5"), hashBytes("md5", "hello\n")));
});

test("base 64 is read as Nix does: padding may be missing, bits beyond the last byte do not count", (t) => {
	for (const end of ["M=", "M", "N="]) {
		const hash = parseHash(`sha256-WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vg${end}`);
		t.true(equalHashes(hash, hashBytes("sha256", "hello\n")));
	}
});

test("the zero hash is what an empty hash means", (t) => {
	t.is(formatHash(zeroHash("sha256"), "sri"), "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
});

for (const [text, algo, message] of [
	["b1946ac92492d2347c6235b4d2611184", undefined, /does not say its algorithm/],
	["md5:b1946ac92492d2347c6235b4d2611184", "sha256", /should be of algorithm sha256, but is of md5/],
	["blake3-AAAA", undefined, /HASH_ALGORITHM: unknown hash algorithm "blake3"/],
	["toString:00", undefined, /HASH_ALGORITHM/],
	["sha256:00", undefined, /wrong length for sha256/],
	["md5:x1946ac92492d2347c6235b4d2611184", undefined, /digit that is not base 16/],
	["sha256:e0xyyr3fi8l6hb839bv3f7yb86yjv7xi1cgh1xnhipym4asvb4aq", undefined, /HASH_BASE32: .*has "e"/],
	["sha256-WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vg==", undefined, /wrong length/],
	["sha256-WJG1tSLV3whtD/CxEPvZ0hu0_HFjrzTQgoai6Eb2vgM=", undefined, /not valid base 64/],
	["sha256-5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03", undefined, /wrong length/],
	["", "sha256", /wrong length/],
] as const) {
	test(`refuses "${text}" as ${algo ?? "any algorithm"}`, (t) => {
		t.throws(() => parseHash(text, algo), { message });
	});
}
