import test from "ava";
import fc from "fast-check";
import { formatNix } from "../../src/format/index.ts";
import { nixText } from "./arbitrary-text.ts";

test("any valid text is formatted, and then stays as it is", (t) => {
	let valid = 0;
	fc.assert(
		fc.property(nixText, (text) => {
			const result = formatNix(text, { kind: "string" });
			if (result.kind === "failed") {
				if (result.error.code !== "EVAL_SYNTAX") throw new Error(`${result.error.message}\n${text}`);
				return;
			}
			valid++;
			const again = formatNix(result.value, { kind: "string" });
			if (again.kind === "failed" || again.value !== result.value) throw new Error(`not stable\n${result.value}`);
		}),
		{ numRuns: 200 },
	);
	t.true(valid > 150, `only ${valid} texts were valid`);
});
