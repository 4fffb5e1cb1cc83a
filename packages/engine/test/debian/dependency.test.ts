import test from "ava";
import { type DependencyGroup, parseDependencies, providesMeets, splitGroups } from "../../src/debian/dependency.ts";

const fields: readonly (readonly [string, readonly DependencyGroup[]])[] = [
	["libc6", [[{ name: "libc6" }]]],
	[
		"libc6 (>= 2.38), libjq1 (= 1.7.1-6)",
		[
			[{ name: "libc6", constraint: { relation: ">=", version: "2.38" } }],
			[{ name: "libjq1", constraint: { relation: "=", version: "1.7.1-6" } }],
		],
	],
	[
		"debconf (>= 0.5) | debconf-2.0",
		[[{ name: "debconf", constraint: { relation: ">=", version: "0.5" } }, { name: "debconf-2.0" }]],
	],
	["python3:any (<<3.14)", [[{ name: "python3", qualifier: "any", constraint: { relation: "<<", version: "3.14" } }]]],
	[
		"a (< 1), b (> 2)",
		[
			[{ name: "a", constraint: { relation: "<=", version: "1" } }],
			[{ name: "b", constraint: { relation: ">=", version: "2" } }],
		],
	],
	["libstdc++6,\n  g++ [amd64] <!nocheck>", [[{ name: "libstdc++6" }], [{ name: "g++" }]]],
	["", []],
];

for (const [field, groups] of fields) {
	test(`parses '${field.replace("\n", "\\n")}'`, (t) => {
		t.deepEqual(
			parseDependencies(field, (part) => t.fail(`refused '${part}'`)),
			groups,
		);
	});
}

test("leaves out what is no relation", (t) => {
	const refused: string[] = [];
	t.deepEqual(
		parseDependencies("a, b (1.0), | c, ${misc:Depends}", (part) => refused.push(part)),
		[[{ name: "a" }], [{ name: "c" }]],
	);
	t.deepEqual(refused, ["b (1.0)", "", "${misc:Depends}"]);
});

test("splits into groups as they are written", (t) => {
	t.deepEqual(splitGroups("a  (>= 1) | b,\n c,"), ["a (>= 1) | b", "c"]);
});

test("an unversioned Provides meets no versioned relation", (t) => {
	const bound = { relation: ">=", version: "2" } as const;
	t.true(providesMeets({ name: "awk" }, undefined));
	t.false(providesMeets({ name: "awk" }, bound));
	t.true(providesMeets({ name: "awk", constraint: { relation: "=", version: "2.1" } }, bound));
	t.false(providesMeets({ name: "awk", constraint: { relation: "=", version: "1.9" } }, bound));
});
