import test from "ava";
import fc from "fast-check";
import {
	Attrs,
	AttrsBuilder,
	attrsFromEntries,
	intersectNames,
	mapAttrs,
	mergeAttrs,
	removeNames,
} from "../../src/value/attrs.ts";

const names: fc.Arbitrary<string> = fc.constantFrom(
	"a",
	"b",
	"c",
	"d",
	"e",
	"f",
	"g",
	"h",
	"i",
	"j",
	"k",
	"l",
	"a\nb",
	"",
);
const records = fc.dictionary(names, fc.integer(), { maxKeys: 12, noNullPrototype: true });

function toSet(record: Readonly<Record<string, number>>): Attrs {
	return attrsFromEntries(Object.entries(record));
}

function toRecord(attrs: Attrs): Record<string, unknown> {
	return Object.fromEntries(attrs.names.map((name, i) => [name, attrs.values[i]]));
}

function sorted(record: Readonly<Record<string, unknown>>): (readonly [string, unknown])[] {
	return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}

test("a set holds what was put in, sorted by name, the last of equal names", (t) => {
	const builder = new AttrsBuilder().set("b", 1, 7).set("a", 2).set("b", 3, 9);
	t.true(builder.has("b"));
	t.is(builder.positionOf("b"), 9);
	t.is(builder.positionOf("c"), undefined);
	const attrs = builder.build();
	t.deepEqual(attrs.names, ["a", "b"]);
	t.deepEqual(attrs.values, [2, 3]);
	t.is(attrs.positionOf("b"), 9);
	t.is(attrs.positionOf("a"), 0);
	t.is(attrs.positionOf("c"), 0);
});

test("sets with equal names share their shape, except names that could be confused", (t) => {
	t.is(toSet({ x: 1, y: 2 }).shape, toSet({ y: 3, x: 4 }).shape);
	t.not(toSet({ "a\nb": 1 }).shape, toSet({ a: 1, b: 2 }).shape);
	t.is(toSet({ "a\nb": 1 }).size, 1);
});

test("merging, removing, intersecting and mapping do as with plain records", (t) => {
	const property = fc.property(records, records, fc.array(names), (left, right, gone) => {
		const merged = mergeAttrs(toSet(left), toSet(right));
		t.deepEqual(sorted(toRecord(merged)), sorted({ ...left, ...right }));
		const removed = Object.fromEntries(Object.entries(left).filter(([name]) => !gone.includes(name)));
		t.deepEqual(sorted(toRecord(removeNames(toSet(left), gone))), sorted(removed));
		const common = Object.fromEntries(Object.entries(right).filter(([name]) => Object.hasOwn(left, name)));
		t.deepEqual(sorted(toRecord(intersectNames(toSet(left), toSet(right)))), sorted(common));
		const mapped = mapAttrs(toSet(left), (name, value) => name + JSON.stringify(value));
		t.deepEqual(
			sorted(toRecord(mapped)),
			sorted(Object.fromEntries(Object.entries(left).map(([name, value]) => [name, `${name}${value}`]))),
		);
	});
	t.notThrows(() => {
		fc.assert(property, { numRuns: 300 });
	});
});

test("many small sets over a large one: layers are seen through and made flat", (t) => {
	const record: Record<string, number> = {};
	for (let i = 0; i < 1000; i++) record[`name${i}`] = i;
	let attrs = toSet(record);
	for (let i = 0; i < 100; i++) {
		record[`name${i * 3}`] = -i;
		record[`extra${i}`] = i;
		attrs = mergeAttrs(attrs, toSet({ [`name${i * 3}`]: -i, [`extra${i}`]: i }));
		t.is(attrs.get(`name${i * 3}`), -i);
		t.is(attrs.get("name999"), record["name999"]);
		t.is(attrs.get("missing"), undefined);
	}
	t.is(attrs.size, 1100);
	t.deepEqual(sorted(toRecord(attrs)), sorted(record));
});

test("positions follow attributes through merges", (t) => {
	const left = new AttrsBuilder().set("a", 1, 10).set("b", 2, 11).build();
	const right = new AttrsBuilder().set("b", 3, 20).set("c", 4, 21).build();
	const merged = mergeAttrs(left, right);
	t.deepEqual(
		["a", "b", "c"].map((name) => merged.positionOf(name)),
		[10, 20, 21],
	);
	t.is(removeNames(merged, ["a"]).positionOf("b"), 20);
	let long = merged;
	for (let i = 0; i < 50_000; i++) long = mergeAttrs(long, right);
	t.is(long.positionOf("a"), 10);
});
