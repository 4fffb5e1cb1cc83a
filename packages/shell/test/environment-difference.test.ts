import test from "ava";
import fc from "fast-check";
import { applyChanges, type EnvironmentChange, environmentDifference } from "../src/index.ts";

const cases: readonly [
	title: string,
	before: Record<string, string>,
	after: Record<string, string>,
	changes: EnvironmentChange[],
][] = [
	["nothing changed", { A: "1" }, { A: "1" }, []],
	[
		"set and unset",
		{ A: "1", B: "2" },
		{ B: "3", C: "4" },
		[
			{ kind: "unset", name: "A" },
			{ kind: "set", name: "B", value: "3" },
			{ kind: "set", name: "C", value: "4" },
		],
	],
	[
		"elements around a list",
		{ PATH: "/usr/bin:/bin" },
		{ PATH: "/a:/usr/bin:/bin:/z" },
		[
			{ kind: "prepend", name: "PATH", separator: ":", value: "/a" },
			{ kind: "append", name: "PATH", separator: ":", value: "/z" },
		],
	],
	[
		"a list that lost an element",
		{ PATH: "/usr/bin:/bin" },
		{ PATH: "/a:/usr/bin" },
		[{ kind: "set", name: "PATH", value: "/a:/usr/bin" }],
	],
	["a list that was not there", {}, { MANPATH: "/a" }, [{ kind: "set", name: "MANPATH", value: "/a" }]],
	["what belongs to one process", { SHLVL: "1", PWD: "/" }, { SHLVL: "2", PWD: "/x", _: "y" }, []],
];

for (const [title, before, after, changes] of cases) {
	test(`difference: ${title}`, (t) => {
		t.deepEqual(environmentDifference(before, after), changes);
	});
}

test("joins the lists that the user has by then, moving what is there already", (t) => {
	const changes: EnvironmentChange[] = [
		{ kind: "prepend", name: "PATH", separator: ":", value: "/env:/usr/bin" },
		{ kind: "append", name: "PATH", separator: ":", value: "/last" },
		{ kind: "rehost", name: "SSL_CERT_FILE" },
	];
	const user = { PATH: "/last:/home/bin::/usr/bin:/bin", SSL_CERT_FILE: "/etc/x" };
	t.deepEqual(
		{ ...applyChanges(changes, user) },
		{ PATH: "/env:/usr/bin:/home/bin:/bin:/last", SSL_CERT_FILE: "/etc/x" },
	);
	t.deepEqual({ ...applyChanges(changes, {}) }, { PATH: "/env:/usr/bin:/last" });
});

test("the difference turns one environment into the other", (t) => {
	const value = fc.stringMatching(/^[a-c:]{0,4}$/);
	const environment = fc.dictionary(fc.constantFrom("A", "B", "LANG", "__proto__"), value);
	fc.assert(
		fc.property(environment, environment, (before, after) => {
			t.deepEqual({ ...applyChanges(environmentDifference(before, after), before) }, { ...after });
		}),
	);
});
