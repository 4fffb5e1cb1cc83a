import test from "ava";
import { parseToml, TomlError, TomlTable, type TomlValue } from "../../src/builtins/toml-parser.ts";

function plain(value: TomlValue): unknown {
	if (value instanceof TomlTable) {
		return Object.fromEntries([...value.entries].map(([name, each]) => [name, plain(each)]));
	}
	if (Array.isArray(value)) return value.map(plain);
	if (typeof value !== "object") return value;
	return value.kind === "timestamp" ? `@${value.text}` : value.value;
}

const good: readonly (readonly [string, unknown])[] = [
	["", {}],
	["# nothing", {}],
	["a = 1", { a: 1n }],
	["\"a.b\" = 1\n'c' = 2\r\n", { "a.b": 1n, c: 2n }],
	["a.b . c = 1\na.d = 2", { a: { b: { c: 1n }, d: 2n } }],
	["x = +99\ny = -0\nz = 1_000", { x: 99n, y: 0n, z: 1000n }],
	["x = 0xDEAD_beef\ny = 0o755\nz = 0b1101", { x: 0xdeadbeefn, y: 0o755n, z: 13n }],
	["x = 1.5\ny = -1e-2\nz = 6_0.2_5E+1\nw = inf", { x: 1.5, y: -0.01, z: 602.5, w: Number.POSITIVE_INFINITY }],
	['x = "a\\tb\\u00e9\\"\\\\"', { x: 'a\tb\xc3\xa9"\\' }],
	["x = 'C:\\path'", { x: "C:\\path" }],
	['x = """\nline 1\n\\\n   line "2" \\"\\"\\""""', { x: 'line 1\nline "2" """' }],
	['x = """a""""\ny = """"b"""', { x: 'a"', y: '"b' }],
	["x = '''\nI'm ''raw'''''\n", { x: "I'm ''raw''" }],
	["x = [1, 'a', [true,],]", { x: [1n, "a", [true]] }],
	["x = [ # one\n 1,\n\n # two\n 2 ]", { x: [1n, 2n] }],
	["x = { a.b = 1, c = {} }", { x: { a: { b: 1n }, c: {} } }],
	["[a]\nx = 1\n[b.c]\ny = 2\n[b]\nz = 3", { a: { x: 1n }, b: { c: { y: 2n }, z: 3n } }],
	[
		"[[p]]\nn = 1\n[p.q]\nx = 1\n[[p]]\nn = 2\n[[p.r]]\n",
		{
			p: [
				{ n: 1n, q: { x: 1n } },
				{ n: 2n, r: [{}] },
			],
		},
	],
	["[fruit]\napple.color = 1\n[fruit.apple.texture]\nx = 1", { fruit: { apple: { color: 1n, texture: { x: 1n } } } }],
	["d = 1979-05-27T07:32:00z", { d: "@1979-05-27T07:32:00Z" }],
	["d = 1979-05-27 07:32:00.5-07:00 # x", { d: "@1979-05-27T07:32:00.500-07:00" }],
	["d = 1979-05-27\nt = 07:32:00.1234567", { d: "@1979-05-27", t: "@07:32:00.123456700" }],
];
for (const [text, expected] of good) {
	test(`reads ${JSON.stringify(text)}`, (t) => t.deepEqual(plain(parseToml(text)), expected));
}

const bad = [
	"a",
	"a =",
	"= 1",
	"a = 1 b = 2",
	"a = 1\na = 2",
	"a = 1\na.b = 2",
	"[a]\n[a]",
	"[a]\nb = 1\n[a.b]",
	"a = {}\n[a.b]",
	"a = []\n[[a]]",
	"[[a]]\n[a]",
	"[a.b]\n[a]\nb.c = 1",
	"a.b = 1\n[a]",
	"a = { b = 1, }",
	"a = {\nb = 1 }",
	"a = 01",
	"a = 1__0",
	"a = _1",
	"a = 1.",
	"a = .5",
	"a = 0xg",
	"a = +0x1",
	"a = 9223372036854775808",
	'a = "\\q"',
	'a = "\\ud800"',
	'a = "x',
	'a = "x\ny"',
	"a = 'x",
	'a = """x',
	"a = '''x''''''",
	"a = [1 2]",
	"a = [1",
	"a = 1979-02-30",
	"a = 25:00:00",
	"a = \xff",
	`a = ${"[".repeat(5000)}`,
];
for (const text of bad) {
	test(`refuses ${JSON.stringify(text.slice(0, 40))}`, (t) => {
		t.throws(() => parseToml(text), { instanceOf: TomlError });
	});
}

test("names the place of an error", (t) => {
	const error = t.throws(() => parseToml("a = 1\nb = ?"), { instanceOf: TomlError });
	t.is(error.message, "'?' is not a value at line 2, column 5");
});
