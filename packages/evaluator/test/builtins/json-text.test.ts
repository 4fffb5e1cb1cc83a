import test from "ava";
import fc from "fast-check";
import { bytesFromText, textFromBytes } from "@devenv/nix-formats";
import { JsonError, parseJson, quoteJson, type JsonBuilder } from "../../src/builtins/json-text.ts";
import { formatJsonFloat } from "../../src/builtins/json-float.ts";

const plain: JsonBuilder<unknown> = {
	null: null,
	boolean: (value) => value,
	integer: Number,
	float: (value) => value,
	string: (value) => textFromBytes(value),
	array: (values) => values,
	object: (names, values) => Object.fromEntries(names.map((name, index) => [textFromBytes(name), values[index]])),
};

/** Whether a number lies between the largest signed and the largest unsigned integer: such are written without exponent. */
function hasUnsigned(value: unknown): boolean {
	if (typeof value === "number") return value >= 2 ** 63 && value < 2 ** 64;
	return typeof value === "object" && value !== null && Object.values(value).some(hasUnsigned);
}

test("reads what JSON.stringify writes, but integers that only fit unsigned", (t) => {
	const numbers = fc.double({ min: 2 ** 62, max: 2 ** 65 });
	const values = fc.oneof(
		{ arbitrary: fc.jsonValue({ depthSize: "medium" }), weight: 9 },
		{ arbitrary: fc.array(numbers, { minLength: 1, maxLength: 3 }), weight: 1 },
	);
	fc.assert(
		fc.property(values, fc.constantFrom(0, 2), (value, indent) => {
			const text = JSON.stringify(value, undefined, indent);
			const read = (): unknown => parseJson(bytesFromText(text), plain);
			if (hasUnsigned(value)) {
				const error = t.throws(read, { instanceOf: JsonError });
				t.regex(error.message, /^unsigned json number [0-9]+ outside of Nix integer range$/);
			} else {
				t.deepEqual(read(), JSON.parse(text));
			}
		}),
	);
});

test("quotes so that JSON.parse reads it back", (t) => {
	fc.assert(
		fc.property(fc.string({ unit: "binary" }), (text) => {
			t.is(JSON.parse(textFromBytes(quoteJson(bytesFromText(text)))), text);
		}),
	);
});

test("writes floats that read back as the same number", (t) => {
	fc.assert(
		fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
			t.true(Object.is(Number(formatJsonFloat(value)), value));
		}),
	);
});

const floats: readonly (readonly [number, string])[] = [
	[1, "1.0"],
	[0.1, "0.1"],
	[1e15, "1e+15"],
	[123456789012345, "123456789012345.0"],
	[1e-5, "1e-05"],
	[0.0001, "0.0001"],
	[1.5e300, "1.5e+300"],
	[-2.5, "-2.5"],
	[Number.NaN, "null"],
];
for (const [value, expected] of floats) {
	test(`writes the float ${value} as ${expected}`, (t) => t.is(formatJsonFloat(value), expected));
}

test("keeps 64-bit integers", (t) => {
	const exact: JsonBuilder<unknown> = { ...plain, integer: BigInt, float: (value) => `float ${value}` };
	t.is(parseJson("9223372036854775807", exact), 9223372036854775807n);
	t.is(parseJson("-9223372036854775808", exact), -9223372036854775808n);
	t.is(parseJson("-9223372036854775809", exact), "float -9223372036854776000");
});

const bad = [
	"",
	"[",
	"[1,]",
	"{",
	'{"a"}',
	'{"a":1,}',
	"tru",
	"01",
	"1.",
	".5",
	"+1",
	'"\\x"',
	'"\n"',
	'"\\ud800"',
	'"\\udc00"',
	"1 2",
	"\xff",
	"1e400",
	"18446744073709551615",
	"[".repeat(20_000),
];
for (const text of bad) {
	test(`refuses ${JSON.stringify(text.slice(0, 30))}`, (t) => {
		t.throws(() => parseJson(text, plain), { instanceOf: JsonError });
	});
}

test("names the place of an error", (t) => {
	const error = t.throws(() => parseJson('{\n  "a": x\n}', plain), { instanceOf: JsonError });
	t.is(
		error.message,
		"[json.exception.parse_error.101] parse error at line 2, column 8: syntax error while parsing value - invalid literal",
	);
});

test("refuses to write what is not UTF-8", (t) => {
	const error = t.throws(() => quoteJson("_invalid UTF-8: \xff_"), { instanceOf: JsonError });
	t.is(error.message, "[json.exception.type_error.316] invalid UTF-8 byte at index 16: 0xFF");
});
