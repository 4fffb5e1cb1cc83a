import test from "ava";
import fc from "fast-check";
import { printExpr } from "../../src/syntax/print-expr.ts";
import { parseBytes, parseText } from "./parse-text.ts";

/** Text → tree as `nix-instantiate --parse` prints it. */
const accepted: readonly (readonly [string, string])[] = [
	// Literals.
	["42", "42"],
	["9223372036854775807", "9223372036854775807"],
	["1.5e3", "1500"],
	["0.5", "0.5"],
	[".5", "0.5"],
	['"a\\n\\t\\r\\\\\\"\\${x}\\q"', '"a\\n\\t\\r\\\\\\"\\${x}q"'],
	['"$${x} $"', '"$\\${x} $"'],
	['"a\r\nb\rc"', '"a\\nb\\nc"'],
	['"a${b}c"', '("a" + b + "c")'],
	['"${"x"}"', '("x")'],
	["http://example.org/a?b=c", '"http://example.org/a?b=c"'],
	["x:x", '"x:x"'],
	["x: x", "(x: x)"],
	["__curPos", "__curPos"],
	// Indented strings.
	["''\n  a\n    b\n''", '"a\\n  b\\n"'],
	["''   \n  a''", '"a"'],
	["''\n\n  a\n\n  b\n  ''", '"\\na\\n\\nb\\n"'],
	["''a''$b''\\n'''c''", '("a" + "$" + "b" + "\\n" + "\'\'" + "c")'],
	["''\n  ${a}\n   b''", '(a + "\\n b")'],
	["''\n\ta\n\t  b''", '"\\ta\\n\\t  b"'],
	["''$${x}''", '"$\\${x}"'],
	["''it's''", '"it\'s"'],
	["''''", '""'],
	// Paths.
	["./a", "/base/a"],
	["../a/./b", "/a/b"],
	["a/b", "/base/a/b"],
	["/a", "/a"],
	["~/a", "/home/user/a"],
	["<nixpkgs/lib>", '(__findFile __nixPath "nixpkgs/lib")'],
	["./a/${b}/c", '(/base/a/ + b + "/c")'],
	["./a-${b}.c", '(/base/a- + b + ".c")'],
	["/${a}", "(/ + a)"],
	["~/${a}", "(/home/user/ + a)"],
	["a / b", "(__div a b)"],
	["a/b/c", "/base/a/b/c"],
	["a //b", "(a // b)"],
	// Operators.
	["1 + 2 * 3", "(1 + (__mul 2 3))"],
	["a - b - c", "(__sub (__sub a b) c)"],
	["-a.b", "(__sub 0 (a).b)"],
	["- - 1", "(__sub 0 (__sub 0 1))"],
	["!a && b", "((! a) && b)"],
	["!a == b", "((! a) == b)"],
	["!a + b", "(! (a + b))"],
	["a -> b -> c", "(a -> (b -> c))"],
	["a || b && c", "(a || (b && c))"],
	["a // b // c", "(a // (b // c))"],
	["a ++ b ++ c", "(a ++ (b ++ c))"],
	["a < b", "(__lessThan a b)"],
	["a >= b", "(! (__lessThan a b))"],
	["a > b", "(__lessThan b a)"],
	["a <= b", "(! (__lessThan b a))"],
	["a ? b.c", "((a) ? b.c)"],
	["-a ? b", "(((__sub 0 a)) ? b)"],
	["f a b", "(f a b)"],
	["(f a) b", "(f a b)"],
	["a.b or c d", "((a).b or (c) d)"],
	["f or", "(f or)"],
	["[ f or ]", "[ ((f or)) ]"],
	// Sets.
	["{ }", "{ }"],
	["{ a.b = 1; a.c = 2; a = { d = 3; }; }", "{ a = { b = 1; c = 2; d = 3; }; }"],
	["rec { b = a; a = 1; }", "rec { a = 1; b = a; }"],
	["{ inherit a b; inherit (c) d; e = 1; }", "{ inherit a b; inherit (c) d; e = 1; }"],
	['{ "a b" = 1; ${"c"} = 2; ${d} = 3; }', '{ "a b" = 1; c = 2; "${d}" = 3; }'],
	["{ or = 1; }.or", "({ or = 1; }).or"],
	["let a = 1; inherit b; in a", "(let inherit b; a = 1; in a)"],
	["let { body = a; a = 1; }", "(rec { a = 1; body = a; }).body"],
	// Functions and the rest.
	["{ }: 1", "({  }: 1)"],
	["{ a, b ? 2, ... }: a", "({ a, b ? 2, ... }: a)"],
	["{ ... }@x: x", "({ ... } @ x: x)"],
	["x@{ b, a, }: x", "({ a, b } @ x: x)"],
	["with a; assert b; c", "(with a; assert b; c)"],
	["if a then b else c", "(if a then b else c)"],
	["# comment\na /* and\n another */ b", "(a b)"],
	['a.${b}."c"', '(a)."${b}".c'],
];

for (const [text, wanted] of accepted) {
	test(`parses ${JSON.stringify(text)}`, (t) => {
		t.is(parseText(text), wanted);
	});
}

/** Text → `line:column: message`. */
const refused: readonly (readonly [string, string])[] = [
	["", "1:1: syntax error, unexpected end of file"],
	["a b )", "1:5: syntax error, unexpected ')', expecting end of file"],
	["{ a = 1 }", "1:9: syntax error, unexpected '}', expecting ';'"],
	["{ a 1; }", "1:5: syntax error, unexpected integer, expecting '.' or '='"],
	["[ 1 2", "1:6: syntax error, unexpected end of file"],
	["if a else b", "1:6: syntax error, unexpected 'else', expecting 'then'"],
	["let a = 1; a", "1:13: syntax error, unexpected end of file, expecting '.' or '='"],
	["(a", "1:3: syntax error, unexpected end of file, expecting ')'"],
	['"a', "1:3: syntax error, unexpected end of file, expecting '\"'"],
	["''a", "1:4: syntax error, unexpected end of file, expecting indented string or '${' or end of an indented string"],
	['"${a"', "1:6: syntax error, unexpected end of file, expecting '\"'"],
	["a == b == c", "1:8: syntax error, unexpected '=='"],
	["{ a, a }: a", "1:6: duplicate formal function argument 'a'"],
	["a@{ a }: a", "1:1: duplicate formal function argument 'a'"],
	["{ a = 1;\n  a = 2; }", "2:3: attribute 'a' already defined at 1:3"],
	["{ a.b = 1; a.b.c = 2; }", "1:12: attribute 'a.b' already defined at 1:3"],
	["{ inherit a; a = 1; }", "1:14: attribute 'a' already defined at 1:11"],
	["let ${a} = 1; in 2", "1:1: dynamic attributes not allowed in let"],
	["{ inherit ${a}; }", "1:11: dynamic attributes not allowed in inherit"],
	["./a/", "1:5: path has a trailing slash"],
	["9223372036854775808", "1:1: invalid integer '9223372036854775808'"],
	["a.if", "1:3: syntax error, unexpected 'if', expecting identifier or 'or' or '${' or '\"'"],
	["x @ 1", "1:5: syntax error, unexpected integer, expecting '{'"],
	[
		"a |> b",
		"1:3: experimental Nix feature 'pipe-operators' is disabled; add '--extra-experimental-features pipe-operators' to enable it",
	],
	["a % b", "1:3: syntax error, unexpected invalid token, expecting end of file"],
	["/* a", "1:1: syntax error, unexpected '/'"],
	["f x: y", "1:4: syntax error, unexpected ':', expecting end of file"],
];

for (const [text, wanted] of refused) {
	test(`refuses ${JSON.stringify(text)}`, (t) => {
		t.is(parseText(text), wanted);
	});
}

test("pipes", (t) => {
	t.is(parseText("a |> f |> g b", { pipeOperators: true }), "(g b (f a))");
	t.is(parseText("f <| g <| a", { pipeOperators: true }), "(f (g a))");
	t.regex(parseText("a |> f <| b", { pipeOperators: true }), /unexpected '<\|'/);
});

test("a zero byte in a string is refused and shown", (t) => {
	t.is(
		parseText('"a\0b"'),
		"1:2: input string 'a␀b' cannot be represented as Nix string because it contains null bytes",
	);
});

test("home paths are refused in pure mode", (t) => {
	t.is(parseText("~/a", { pureEval: true }), "1:1: the path '~/a' can not be resolved in pure mode");
});

test("warns of `or` used as an argument's function", (t) => {
	const warnings: string[] = [];
	parseText("[ f or ]", { warn: (message) => warnings.push(message) });
	t.is(warnings.length, 1);
	t.regex(warnings[0] ?? "", /\(f or\)/);
	parseText("g (f or)", { warn: (message) => warnings.push(message) });
	t.is(warnings.length, 1);
});

test("deep nesting is an error and no crash", (t) => {
	t.regex(parseText(`${"(".repeat(200_000)}1`), /nested too deeply|unexpected end of file/);
});

/** Whatever the bytes: a tree or a syntax error, in a time that grows with the text. */
function survives(text: string): boolean {
	try {
		parseBytes(text);
	} catch (error) {
		if (!(error instanceof SyntaxError)) throw error;
	}
	return true;
}

test("any bytes parse or are refused", (t) => {
	const bytes = fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 60 });
	t.notThrows(() => {
		fc.assert(
			fc.property(bytes, (codes) => survives(String.fromCharCode(...codes))),
			{ numRuns: 500 },
		);
	});
});

test("any sequence of pieces of the language parses or is refused", (t) => {
	const pieces = [
		"{ } [ ] ( ) = ; : . , ? @ + - * / < > ! \" $ ~ '' ${ \\ ... 1 2.5 ./p /p/ ~/p <p> u:u == // ++ -> && ||".split(
			" ",
		),
		"a or rec let in if then else with assert inherit".split(" "),
		[" ", "\n"],
	].flat();
	const texts = fc.array(fc.constantFrom(...pieces), { maxLength: 25 }).map((parts) => parts.join(""));
	t.notThrows(() => {
		fc.assert(fc.property(texts, survives), { numRuns: 3000 });
	});
});

/** String literals of printable characters; what would begin an interpolation is escaped. */
const stringLiterals: fc.Arbitrary<string> = fc
	.array(fc.oneof(fc.string({ unit: "binary-ascii", maxLength: 2 }), fc.constantFrom("$", "${", "$${", "\\${")), {
		maxLength: 4,
	})
	.map((parts) => JSON.stringify(parts.join("").replace(/[^ -~]/g, "~")).replaceAll("${", "\\${"));

/** Texts of expressions whose printed form is the language again (no floats, assertions, interpolations or dynamic names). */
const expressions: fc.Arbitrary<string> = fc.letrec<{ expr: string }>((tie) => {
	const name = fc.constantFrom("a", "b", "c-d", "e'", "_f", "or1");
	const expr = tie("expr");
	return {
		expr: fc.oneof(
			{ maxDepth: 5, withCrossShrink: true },
			name,
			fc.nat(1000).map(String),
			stringLiterals,
			fc.tuple(expr, expr).map(([f, x]) => `((${f}) (${x}))`),
			fc.tuple(expr, name).map(([e, n]) => `(${e}).${n}`),
			fc.tuple(expr, name, expr).map(([e, n, d]) => `((${e}).${n} or (${d}))`),
			fc.tuple(expr, name).map(([e, n]) => `((${e}) ? ${n})`),
			fc
				.tuple(fc.constantFrom("+", "-", "*", "//", "++", "==", "!=", "&&", "||", "->", "<", ">=", "/"), expr, expr)
				.map(([op, a, b]) => `((${a}) ${op} (${b}))`),
			fc.array(expr, { maxLength: 3 }).map((items) => `[ ${items.map((e) => `(${e})`).join(" ")} ]`),
			fc
				.tuple(fc.boolean(), expr, expr)
				.map(([rec, a, b]) => `${rec ? "rec " : ""}{ x = ${a}; y.z = ${b}; inherit a; }`),
			fc.tuple(name, expr).map(([n, e]) => `(${n}: ${e})`),
			fc.tuple(expr, expr).map(([d, e]) => `({ p, q ? ${d}, ... }@r: ${e})`),
			fc.tuple(expr, expr).map(([a, b]) => `(let v = ${a}; inherit (a) w; in ${b})`),
			fc.tuple(expr, expr).map(([a, b]) => `(with ${a}; ${b})`),
			fc.tuple(expr, expr, expr).map(([a, b, c]) => `(if ${a} then ${b} else ${c})`),
			expr.map((e) => `(! (${e}))`),
		),
	};
}).expr;

test("what is printed parses to the same", (t) => {
	t.notThrows(() => {
		fc.assert(
			fc.property(expressions, (text) => {
				const printed = printExpr(parseBytes(text));
				return printExpr(parseBytes(printed)) === printed;
			}),
			{ numRuns: 400 },
		);
	});
});
