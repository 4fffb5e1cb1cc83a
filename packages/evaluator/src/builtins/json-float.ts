/** Floating-point numbers as JSON. Layer 1, pure. */

/** The shortest text that reads back as the same number, as JSON: always with a point or an exponent. */
export function formatJsonFloat(value: number): string {
	if (!Number.isFinite(value)) return "null";
	if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
	const sign = value < 0 ? "-" : "";
	const [mantissa = "", power = "0"] = Math.abs(value).toExponential().split("e");
	const digits = mantissa.replace(".", "");
	const point = Number(power) + 1;
	if (digits.length <= point && point <= 15) return `${sign}${digits.padEnd(point, "0")}.0`;
	if (point > 0 && point <= 15) return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
	if (point > -4 && point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
	const head = digits.length > 1 ? `${digits[0] ?? ""}.${digits.slice(1)}` : digits;
	return `${sign}${head}e${formatExponent(point - 1)}`;
}

function formatExponent(exponent: number): string {
	return `${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}
