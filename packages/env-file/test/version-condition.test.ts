import test from "ava";
import { meetsCondition } from "../src/index.ts";

const cases: readonly (readonly [string, string, boolean])[] = [
	["0.1.0", ">=0.1", true],
	["0.1.0", "0.1", true],
	["0.1.0", "0.2", false],
	["1.4.2", ">=0.1, <2", true],
	["2.0.0", ">=0.1, <2", false],
	["2.0.0", ">= 0.1 < 2.0.1", true],
	["1.10.0", ">1.9", true],
	["1.10.0", "=1.10", true],
	["1.10.1", "=1.10", false],
	["1.10.1", "<=1.10", false],
	["1.0.0-rc.1", ">=1.0.0", true],
];

test("version conditions", (t) => {
	for (const [version, condition, expected] of cases) {
		t.is(meetsCondition(version, condition), expected, `${version} ${condition}`);
	}
});
