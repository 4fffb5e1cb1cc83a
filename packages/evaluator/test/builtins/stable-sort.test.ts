import test from "ava";
import fc from "fast-check";
import { stableSort } from "../../src/builtins/stable-sort.ts";

test("sorts stably, whatever the runs", (t) => {
	const lists = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 120 });
	fc.assert(
		fc.property(lists, (keys) => {
			const items = keys.map((key, index) => ({ key, index }));
			stableSort(items, (a, b) => a.key < b.key);
			const expected = keys.map((key, index) => ({ key, index })).sort((a, b) => a.key - b.key || a.index - b.index);
			t.deepEqual(items, expected);
		}),
	);
});

test("a comparator that is no order still gives a permutation", (t) => {
	fc.assert(
		fc.property(fc.array(fc.nat(), { maxLength: 100 }), fc.infiniteStream(fc.boolean()), (items, answers) => {
			const sorted = [...items];
			stableSort(sorted, () => answers.next().value as boolean);
			t.deepEqual(
				sorted.sort((a, b) => a - b),
				[...items].sort((a, b) => a - b),
			);
		}),
	);
});

test("rising and falling lists take a linear number of comparisons", (t) => {
	for (const items of [Array.from({ length: 1000 }, (_, i) => i), Array.from({ length: 1000 }, (_, i) => -i)]) {
		let count = 0;
		stableSort(items, (a, b) => {
			count++;
			return a < b;
		});
		t.true(count < 2000, String(count));
	}
});
