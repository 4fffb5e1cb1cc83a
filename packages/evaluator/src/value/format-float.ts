/** Floating-point numbers as C and C++ streams show them. Layer 1, pure. */

/** Like `%g`: six significant digits, `1e+10`, no trailing zeros. This is how Nix prints floats. */
export function formatFloat(value: number): string {
	if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
	if (value === 0) return Object.is(value, -0) ? "-0" : "0";
	const { digits, exponent } = roundedDigits(Math.abs(value), 6);
	const sign = value < 0 ? "-" : "";
	const trimmed = digits.replace(/0+$/, "");
	if (exponent < -4 || exponent >= 6) {
		const mantissa = trimmed.length > 1 ? `${trimmed[0] ?? ""}.${trimmed.slice(1)}` : trimmed;
		return `${sign}${mantissa}e${formatExponent(exponent)}`;
	}
	if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${trimmed}`;
	const whole = digits.slice(0, exponent + 1);
	const fraction = trimmed.slice(exponent + 1);
	return fraction === "" ? sign + whole : `${sign}${whole}.${fraction}`;
}

/** Like `%f`: six digits behind the point. This is how Nix converts floats to strings. */
export function formatFixed(value: number): string {
	if (!Number.isFinite(value)) return formatFloat(value);
	const magnitude = Math.abs(value);
	const sign = value < 0 || Object.is(value, -0) ? "-" : "";
	// From here on all floats are whole.
	if (magnitude >= 2 ** 53) return `${sign}${BigInt(magnitude)}.000000`;
	// A tie is exact only in multiples of 1/128; C rounds it to even, `toFixed` does not.
	const parts = magnitude * 128;
	if (Number.isInteger(parts) && parts % 2 === 1) {
		let scaled = (BigInt(parts) * 15625n) / 2n;
		if (scaled % 2n === 1n) scaled += 1n;
		const text = scaled.toString().padStart(7, "0");
		return `${sign}${text.slice(0, -6)}.${text.slice(-6)}`;
	}
	return sign + magnitude.toFixed(6);
}

function formatExponent(exponent: number): string {
	return `${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

/** Significant decimal digits of a positive number, ties rounded to even as in C. */
function roundedDigits(value: number, count: number): { digits: string; exponent: number } {
	const exact = value.toExponential(60);
	const [mantissa = "", power = "0"] = exact.split("e");
	const all = mantissa.replace(".", "");
	const rest = all.slice(count);
	const kept = BigInt(all.slice(0, count));
	const tie = /^50*$/.test(rest);
	const up = tie ? kept % 2n === 1n : rest >= "5";
	const rounded = (up ? kept + 1n : kept).toString();
	const carried = rounded.length > count;
	return { digits: rounded.slice(0, count), exponent: Number(power) + (carried ? 1 : 0) };
}
