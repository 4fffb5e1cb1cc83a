/**
 * Nix integers: 64-bit signed, overflow is an error. Layer 1, pure.
 *
 * An integer in JavaScript's safe range is a `number`, one outside of it a `bigint`; every function here returns that
 * normal form, so that `===` on normal forms is equality of integers.
 */

/** An integer in normal form: a safe `number`, or a `bigint` outside the safe range but within 64 bits. */
export type NixInt = number | bigint;

export const INT_MIN: bigint = -(2n ** 63n);
export const INT_MAX: bigint = 2n ** 63n - 1n;

const SAFE_MIN = BigInt(Number.MIN_SAFE_INTEGER);
const SAFE_MAX = BigInt(Number.MAX_SAFE_INTEGER);

/** The normal form of an exact integer; undefined where it does not fit into 64 bits. */
export function intFromBigInt(exact: bigint): NixInt | undefined {
	if (exact >= SAFE_MIN && exact <= SAFE_MAX) return Number(exact);
	return exact >= INT_MIN && exact <= INT_MAX ? exact : undefined;
}

/** `a + b`; undefined on overflow. */
export function addInts(a: NixInt, b: NixInt): NixInt | undefined {
	if (typeof a === "number" && typeof b === "number") {
		const sum = a + b;
		if (Number.isSafeInteger(sum)) return sum;
	}
	return intFromBigInt(BigInt(a) + BigInt(b));
}

/** `a - b`; undefined on overflow. */
export function subtractInts(a: NixInt, b: NixInt): NixInt | undefined {
	if (typeof a === "number" && typeof b === "number") {
		const difference = a - b;
		if (Number.isSafeInteger(difference)) return difference;
	}
	return intFromBigInt(BigInt(a) - BigInt(b));
}

/** `a * b`; undefined on overflow. */
export function multiplyInts(a: NixInt, b: NixInt): NixInt | undefined {
	if (typeof a === "number" && typeof b === "number") {
		const product = a * b;
		// `+ 0` turns the negative zero of `0 * -1` into zero.
		if (Number.isSafeInteger(product)) return product + 0;
	}
	return intFromBigInt(BigInt(a) * BigInt(b));
}

/** `a / b`, rounded towards zero; undefined on overflow (the smallest integer by -1). `b` must not be zero. */
export function divideInts(a: NixInt, b: NixInt): NixInt | undefined {
	if (typeof a === "number" && typeof b === "number") return Math.trunc(a / b) + 0;
	return intFromBigInt(BigInt(a) / BigInt(b));
}

/** Negative, zero or positive as `a` is less than, equal to or greater than `b`. */
export function compareInts(a: NixInt, b: NixInt): number {
	return a < b ? -1 : a > b ? 1 : 0;
}

/** Bitwise operation on the two's complement; the result always fits. */
export function bitwise(operation: "and" | "or" | "xor", a: NixInt, b: NixInt): NixInt {
	if (typeof a === "number" && typeof b === "number" && (a | 0) === a && (b | 0) === b) {
		return operation === "and" ? a & b : operation === "or" ? a | b : a ^ b;
	}
	const left = BigInt(a);
	const right = BigInt(b);
	const exact = operation === "and" ? left & right : operation === "or" ? left | right : left ^ right;
	return intFromBigInt(BigInt.asIntN(64, exact)) ?? 0;
}

/** Reads decimal digits (with an optional sign); undefined where the number does not fit into 64 bits. */
export function parseInteger(digits: string): NixInt | undefined {
	if (digits.length < 16) return Number(digits) + 0;
	return intFromBigInt(BigInt(digits));
}
