import test from "ava";
import { formatNix } from "../../src/format/index.ts";

function format(text: string): string {
	const result = formatNix(text, { kind: "file", path: "pkg/default.nix" });
	if (result.kind === "ok") return result.value;
	const { code, location } = result.error;
	return `${code} ${location?.file ?? ""}:${location?.line ?? 0}:${location?.column ?? 0}`;
}

/** What is told of, the text, and its layout; without one the text is laid out as it should be already. */
type Case = readonly [title: string, source: string, expected?: string];

const cases: readonly Case[] = [
	["a set with one binding stays on its line", "{a=1;}", "{ a = 1; }\n"],
	["a set with one binding stays on several lines", "{\n  a = 1;\n}\n"],
	["a set with more bindings", "{a=1;b.c=2;}", "{\n  a = 1;\n  b.c = 2;\n}\n"],
	["a set as a value", "{ a = { b = 1; }; }", "{\n  a = {\n    b = 1;\n  };\n}\n"],
	["a list with more items", "[ 1 2 ]", "[\n  1\n  2\n]\n"],
	["empty sets and lists", "[{} []]", "[\n  { }\n  [ ]\n]\n"],
	["blank lines, at most one", "{\n\n\n  a = 1;\n\n\n\n  b = 2;\n\n}", "{\n\n  a = 1;\n\n  b = 2;\n\n}\n"],
	["let", "let a=1; in a", "let\n  a = 1;\nin\na\n"],
	["a let as a value", "{ a = let b = 1; in b; }", "{\n  a =\n    let\n      b = 1;\n    in\n    b;\n}\n"],
	["parameters on a line", "{ a, b ? 1, ... }: a", "{ a, b ? 1, ... }: a\n"],
	["leading commas", "{ a\n, b ? 1\n}: a", "{ a, b ? 1 }: a\n"],
	["parameters stay on several lines", "{\n  a,\n  b ? 1\n}@args: a", "{\n  a,\n  b ? 1,\n}@args:\na\n"],
	["an ellipsis has no comma", "{\n  a\n, ...\n}: a", "{\n  a,\n  ...\n}:\na\n"],
	["names of parameters", "a: b: { c = 1; d = 2; }", "a: b: {\n  c = 1;\n  d = 2;\n}\n"],
	["many names of parameters", "{ f = a: b: c: a b c; }", "{\n  f =\n    a: b: c:\n    a b c;\n}\n"],
	["a short if", "if a then b else c", "if a then b else c\n"],
	["a chain of ifs is flat", "if a then b else if c then d else e", "if a then\n  b\nelse if c then\n  d\nelse\n  e\n"],
	["with before a set as a value", "{ a = with b; [ c d ]; }", "{\n  a = with b; [\n    c\n    d\n  ];\n}\n"],
	["with elsewhere", "with a; b", "with a;\nb\n"],
	["assert", "assert a; b", "assert a;\nb\n"],
	["inherit stays on its line", "{ inherit (a) b c; }", "{ inherit (a) b c; }\n"],
	["inherit on several lines", "{ inherit (a)\n b c; }", "{\n  inherit (a)\n    b\n    c\n    ;\n}\n"],
	["the last argument is opened", "f a { b = 1; c = 2; }", "f a {\n  b = 1;\n  c = 2;\n}\n"],
	[
		"a function in parentheses is opened",
		"map (x: { a = x; b = x; }) list",
		"map (x: {\n  a = x;\n  b = x;\n}) list\n",
	],
	[
		"arguments that do not fit, each on a line",
		`{ a = f ${"argument ".repeat(15)}; }`,
		`{\n  a =\n    f ${"argument ".repeat(10)}argument\n${"      argument\n".repeat(3)}      argument;\n}\n`,
	],
	[
		"two lists beside each other",
		'rename [ "aaaaaaaaaaaaaaaaaaaaaaaaa" "bbbbbbbbbbbbbbbbbbbbbb" ] [ "cccccccccccccccccccccc" "ddddddddddddddddddddddd" ]',
		'rename\n  [ "aaaaaaaaaaaaaaaaaaaaaaaaa" "bbbbbbbbbbbbbbbbbbbbbb" ]\n  [ "cccccccccccccccccccccc" "ddddddddddddddddddddddd" ]\n',
	],
	[
		"operators begin lines, falling precedences are one chain",
		`${"a".repeat(40)} && ${"b".repeat(40)} || ${"c".repeat(40)}`,
		`${"a".repeat(40)}\n&& ${"b".repeat(40)}\n|| ${"c".repeat(40)}\n`,
	],
	[
		"a tighter operator on the right is indented",
		`${"a".repeat(40)} || ${"b".repeat(40)} && ${"c".repeat(60)}`,
		`${"a".repeat(40)}\n||\n  ${"b".repeat(40)}\n  && ${"c".repeat(60)}\n`,
	],
	["an update as a value", "{ a = b // { c = 1; d = 2; }; }", "{\n  a = b // {\n    c = 1;\n    d = 2;\n  };\n}\n"],
	[
		"a concatenation that begins with a list",
		"{ a = [ b c ] ++ lib.optional d e; }",
		"{\n  a = [\n    b\n    c\n  ]\n  ++ lib.optional d e;\n}\n",
	],
	["a comparison with a set", "a == { b = 1; c = 2; }", "a == {\n  b = 1;\n  c = 2;\n}\n"],
	["or and ?", "(a.b or c)?d", "(a.b or c) ? d\n"],
	["a long fallback", `a.b or ${"c".repeat(100)}`, `a.b\n  or ${"c".repeat(100)}\n`],
	["parentheses are kept", "((a))", "((a))\n"],
	["URIs get quotes", "https://example.org/", '"https://example.org/"\n'],
	["a path after a minus", "- ./a", "- ./a\n"],
	["attributes of a path", "./a .b", "./a .b\n"],
	["or as an argument", "a or", "a or\n"],
	["old let", "let { body = 1; }", "let { body = 1; }\n"],
	["comments", "# a\n{ b = 1; # c\n# d\n}", "# a\n{\n  b = 1; # c\n  # d\n}\n"],
	["a comment before the semicolon", "{ a = 1 # b\n; c = 2; }", "{\n  a = 1; # b\n  c = 2;\n}\n"],
	["a comment after an opening bracket", "[ # a\n b ]", "[\n  # a\n  b\n]\n"],
	["a comment within a line", "f /* a */ b", "f /* a */ b\n"],
	[
		"a comment of several lines",
		"{\n      /* a\n           b\n         c\n      */\n  d = 1; }",
		"{\n  /* a\n      b\n    c\n  */\n  d = 1;\n}\n",
	],
	["a comment after the last parameter", "{ a\n, b # c\n}: d", "{\n  a,\n  b, # c\n}:\nd\n"],
	["only a comment in a set", "{ # a\n}", "{\n  # a\n}\n"],
	["comments at the end", "a\n\n# b\n", "a\n\n# b\n"],
	["strings stay as they are", '"a  ${ b }\n c"', '"a  ${b}\n c"\n'],
	[
		"an indented string is shifted",
		"{ a = ''\n          b\n            c\n\n          ${ d }\n    ''; }",
		"{\n  a = ''\n    b\n      c\n\n    ${d}\n  '';\n}\n",
	],
	["an indented string that begins at once", "''a\n  b\n''", "''\n  a\n    b\n''\n"],
	["an indented string with tabs", "''\n\ta\n''", "''\n  \ta\n''\n"],
	["a call in a string", "''\n  ${f {\n a = 1; b = 2;\n}}\n''", "''\n  ${f {\n    a = 1;\n    b = 2;\n  }}\n''\n"],
	["line ends of other systems", "{\r\n  a = 1;\r\n}\r\n", "{\n  a = 1;\n}\n"],
	["the width counts characters", `{ a = f "${"ä".repeat(80)}" b; }\n`.replaceAll("ä", "\u00c3\u00a4")],
	["a syntax error", "{\n  a = 1\n}", "EVAL_SYNTAX pkg/default.nix:3:1"],
	["an empty text", "", "EVAL_SYNTAX pkg/default.nix:1:1"],
];

for (const [title, source, expected = source] of cases) {
	test(title, (t) => {
		t.is(format(source), expected);
		if (!expected.startsWith("EVAL_")) t.is(format(expected), expected);
	});
}

test("nesting that is too deep is refused", (t) => {
	t.regex(format("(".repeat(100_000) + "a" + ")".repeat(100_000)), /^(?:EVAL_SYNTAX|FMT_REFUSED) /);
	t.regex(format(`${"a ++ ".repeat(100_000)}a`), /^(?:EVAL_SYNTAX|FMT_REFUSED) |^a/);
});

test("a chain of many operands is formatted", (t) => {
	t.is(format(`${"a + ".repeat(500)}a`), `a\n${"+ a\n".repeat(500)}`);
});
