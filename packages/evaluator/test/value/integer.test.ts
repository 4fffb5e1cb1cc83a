import test from "ava";
import fc from "fast-check";
import {
	addInts,
	bitwise,
	compareInts,
	divideInts,
	INT_MAX,
	INT_MIN,
	intFromBigInt,
	multiplyInts,
	type NixInt,
	parseInteger,
	subtractInts,
} from "../../src/value/integer.ts";

const exact = fc.oneof(
	fc.bigInt({ min: INT_MIN, max: INT_MAX }),
	fc.bigInt({ min: -10n, max: 10n }),
	fc.constantFrom(INT_MIN, INT_MAX, 2n ** 53n, 2n ** 53n - 1n, -(2n ** 53n), 2n ** 32n),
);

/** The expected value, of a type that compares with any result. */
function fitting(value: bigint): NixInt | undefined {
	return intFromBigInt(value);
}

function normal(value: bigint): NixInt {
	const int = intFromBigInt(value);
	if (int === undefined) throw new Error("out of range");
	return int;
}

test("arithmetic is that of 64-bit integers, in normal form", (t) => {
	const property = fc.property(exact, exact, (a, b) => {
		const [x, y] = [normal(a), normal(b)];
		t.is(addInts(x, y), fitting(a + b));
		t.is(subtractInts(x, y), fitting(a - b));
		t.is(multiplyInts(x, y), fitting(a * b));
		if (b !== 0n) t.is(divideInts(x, y), fitting(a / b));
		t.is<NixInt | undefined, NixInt | undefined>(bitwise("and", x, y), fitting(a & b));
		t.is<NixInt | undefined, NixInt | undefined>(bitwise("or", x, y), fitting(a | b));
		t.is<NixInt | undefined, NixInt | undefined>(bitwise("xor", x, y), fitting(a ^ b));
		t.is(Math.sign(compareInts(x, y)), a < b ? -1 : a > b ? 1 : 0);
		t.is(parseInteger(a.toString()), x);
	});
	t.notThrows(() => {
		fc.assert(property, { numRuns: 1000 });
	});
});

test("zero is never negative", (t) => {
	t.true(Object.is(multiplyInts(0, -1), 0));
	t.true(Object.is(divideInts(-1, 2), 0));
	t.true(Object.is(parseInteger("-0"), 0));
});

test("what does not fit is refused", (t) => {
	t.is(addInts(INT_MAX, 1), undefined);
	t.is(subtractInts(INT_MIN, 1), undefined);
	t.is(divideInts(INT_MIN, -1), undefined);
	t.is(parseInteger("9223372036854775808"), undefined);
});
