import test from "ava";
import fc from "fast-check";
import { editDistance, nearestNames } from "../src/index.ts";

test("edit distance counts inserts, deletes, replacements and swaps", (t) => {
	const cases: [string, string, number][] = [
		["", "", 0],
		["abc", "", 3],
		["packages", "pakages", 1],
		["packages", "apckages", 1],
		["nodejs", "node", 2],
		["kitten", "sitting", 3],
	];
	for (const [a, b, distance] of cases) {
		t.is(editDistance(a, b), distance, `${a} ~ ${b}`);
		t.is(editDistance(b, a), distance, `${b} ~ ${a}`);
	}
});

test("a limit changes no distance within it", (t) => {
	const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 7 });
	fc.assert(
		fc.property(word, word, fc.nat(7), (a, b, limit) => {
			const exact = editDistance(a, b);
			const limited = editDistance(a, b, limit);
			return exact <= limit ? limited === exact : limited > limit;
		}),
	);
	t.pass();
});

test("the nearest names come first, and far ones not at all", (t) => {
	const names = ["packages", "package", "overlays", "pakcages", "env"];
	t.deepEqual(nearestNames("pakages", names), ["packages", "pakcages", "package"]);
	t.deepEqual(nearestNames("zzz", names), []);
	t.deepEqual(nearestNames("evn", names), ["env"]);
});
