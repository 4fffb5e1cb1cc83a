/** Literals and small texts of other languages (patterns, JSON, TOML) for random expressions. */

import type { Choice } from "./choice.ts";
import { atom, letters, type Source } from "./source.ts";

const INTEGERS = [
	"0 1 2 3 7 10 63 64 255 1000000",
	"9007199254740991 9007199254740992 9007199254740993",
	"2147483647 2147483648 4294967296 3037000499 3037000500 4611686018427387904",
	"9223372036854775807 9223372036854775806",
	"(-1) (-7) (-9223372036854775807) (-9223372036854775807 - 1) (-9007199254740993) 007",
]
	.join(" ")
	.match(/\([^)]*\)|\S+/g) as readonly string[];

const FLOATS = [
	"0.0 0.5 1.0 1.5 2.25 0.1 .1 3. 100000.0 1000000.0 123456.7 1234567.8 0.0001 0.00001 1.0e10 1.5e-7 1e3 2.5E+2",
	"1.0e300 1.0e-300 (-0.5) (-0.0) (-1.0e10) 0.30000000000000004 9007199254740993.0 9.2e18 123456789.123456789 0.000123456789",
]
	.join(" ")
	.split(" ");

/** Names of attributes: plain, to be quoted, and those that look like something else. */
export const NAMES: readonly string[] = ["a", "b", "c", "x", "y", "x-y", "k'", "_1", "name", "value", "key"];
const ODD_NAMES: readonly string[] = [
	"a b",
	"",
	"if",
	"rec",
	"or",
	"1",
	"é",
	"a.b",
	"-",
	"with",
	"null",
	"true",
	'x"y',
	"$",
	"\n",
];

const WORDS = [
	"a",
	"b",
	"ab",
	"abc",
	"foo",
	"bar",
	"1",
	"2.3",
	"1.2.3",
	"foo-1.2pre",
	" ",
	"é",
	"x-y",
	"A",
	"/",
	"0",
	"-",
	".d",
];
const ESCAPES = [
	"\\n",
	"\\t",
	"\\r",
	'\\"',
	"\\\\",
	"\\$",
	"\\${",
	"$",
	"$$",
	"\\q",
	"''",
	"'",
	"\n",
	"\\${a}",
	"$${a}",
	"#",
	"/*",
];

export function integer(choice: Choice): Source {
	return choice.chance(40) ? atom`${choice.below(6)}` : atom`${choice.of(INTEGERS)}`;
}

export function float(choice: Choice): Source {
	if (choice.chance(70)) return atom`${choice.of(FLOATS)}`;
	return atom`${choice.below(2000)}.${choice.below(100000)}${choice.of(["", "", "e2", "e-3", "e15", "e+7"])}`;
}

export function anyName(choice: Choice): string {
	return choice.chance(85) ? choice.of(NAMES) : choice.of(ODD_NAMES);
}

/** A name as it stands left of `=` or after a dot. */
export function nameText(name: string): string {
	if (/^[a-zA-Z_][a-zA-Z0-9_'-]*$/.test(name) && !/^(if|then|else|assert|with|let|in|rec|inherit)$/.test(name))
		return name;
	return quoted(name);
}

/** A string literal with exactly these characters. */
export function quoted(text: string): string {
	return `"${text.replace(/["\\]|\$(?=\{)/g, "\\$&").replaceAll("\n", "\\n")}"`;
}

/** What may stand between the quotes of a string literal. */
export function stringBody(choice: Choice): string {
	return choice.many(0, 4, () => (choice.chance(70) ? choice.of(WORDS) : choice.of(ESCAPES))).join("");
}

export function plainWord(choice: Choice): string {
	return choice.many(1, 3, () => choice.of(WORDS.slice(0, 10))).join("");
}

export function stringLiteral(choice: Choice): Source {
	return atom`"${letters(stringBody(choice))}"`;
}

/** The inside of an indented string; `hole` gives what is interpolated. */
export function indentedPieces(choice: Choice, hole: () => Source): Source[] {
	const lines = choice.many(0, 4, () => {
		const indent = choice.of(["", "  ", "    ", "\t", " ", "   "]);
		const words = choice.many(0, 3, () => {
			if (choice.chance(15)) return atom`\${${hole()}}`;
			return letters(choice.of([...WORDS, "''$", "'''", "''\\n", "''\\", "$$", "\\n", '"', "''${", "$", "'", "\\"]));
		});
		return [letters(indent), ...words, letters(choice.of(["", "\n", "\n", "\n\n"]))];
	});
	return [letters(choice.of(["", "\n", "  \n", " "])), ...lines.flat(), letters(choice.of(["", "  ", "\n", "\n  "]))];
}

const ATOMS = [
	"a",
	"b",
	"1",
	".",
	"[a-c]",
	"[^a]",
	"[[:alpha:]]",
	"[0-9.]",
	"\\.",
	"x",
	"-",
	"[]a]",
	"[a-]",
	"( )",
	"[[:space:]]",
	"foo",
];

/** A POSIX extended regular expression, mostly well formed. */
export function pattern(choice: Choice, depth: number = 2): string {
	const atoms = choice.many(0, 3, () => {
		const base = depth > 0 && choice.chance(30) ? `(${pattern(choice, depth - 1)})` : choice.of(ATOMS);
		return base + choice.of(["", "", "", "*", "+", "?", "{1,2}", "{2}", "{1,}"]);
	});
	const text = atoms.join("");
	if (depth > 0 && choice.chance(20)) return `${text}|${pattern(choice, depth - 1)}`;
	return choice.chance(3) ? text + choice.of(["(", ")", "[", "*", "{", "\\", "^", "$", "+*"]) : text;
}

export function version(choice: Choice): string {
	const parts = choice.many(0, 5, () =>
		choice.of(["1", "2", "10", "0", "pre", "rc", "a", "007", "1a", "2b3", "", "z"]),
	);
	return parts.join(choice.of([".", "-", "", ".", "_"]));
}

export function json(choice: Choice, depth: number = 2): string {
	const space = (): string => choice.of(["", "", "", " ", "\n"]);
	const inner = (): string => space() + json(choice, depth - 1) + space();
	if (depth > 0 && choice.chance(35)) return `[${choice.many(0, 3, inner).join(",")}]`;
	if (depth > 0 && choice.chance(45)) {
		return `{${choice.many(0, 3, () => `${space()}${JSON.stringify(anyName(choice))}:${inner()}`).join(",")}}`;
	}
	return choice.of(JSON_SCALARS);
}

const JSON_SCALARS = [
	...[
		"0",
		"1",
		"-1",
		"42",
		"1.5",
		"-0.25",
		"1e2",
		"1.5E-3",
		"9223372036854775807",
		"-9223372036854775808",
		"-0",
		"0.1",
	],
	...[
		"true",
		"false",
		"null",
		'""',
		'"a"',
		'"a b"',
		'"\\n\\t"',
		'"\\u00e9"',
		'"\\ud83d\\ude00"',
		'"\\/"',
		'"é"',
		'"${a}"',
	],
	...["1.0", "01", "+1", ".5", "1.", "nul", "'a'", '"\\x"', "", "-", "1e", "[,]", "{a:1}", '"\\ud83d"'],
];

/** A TOML document, mostly well formed. */
export function toml(choice: Choice): string {
	const lines = choice.many(0, 5, (index) => {
		const key = choice.of(["a", "b", `k${index}`, `k${index}`, '"x y"', "a.b", "c-d", "'l'", "1"]);
		if (choice.chance(15)) return choice.of([`[t${index}]`, "[t]", "[[l]]", "[t.u]", "# comment", "", '["q t"]']);
		return `${key} ${choice.of(["=", "=", "= ", " = "])}${tomlValue(choice, 1)}${choice.of(["", "", " # c"])}`;
	});
	return lines.join("\n");
}

const TOML_SCALARS = [
	...["1", "-2", "+3", "1_000", "0xff", "0o17", "0b11", "1.5", "-0.5", "1e3", "6.02e-2", "true", "false", '"s"', "'l'"],
	...[
		'"a\\nb"',
		'"\\u00e9"',
		"'''m'''",
		'"""\nx\n  y"""',
		'"""a\\\n   b"""',
		"''",
		'""',
		"9223372036854775807",
		"01",
		"tru",
	],
];

function tomlValue(choice: Choice, depth: number): string {
	const inner = (): string => tomlValue(choice, depth - 1);
	if (depth > 0 && choice.chance(15)) return `[ ${choice.many(0, 3, inner).join(", ")} ]`;
	if (depth > 0 && choice.chance(12)) return `{ ${choice.many(0, 2, (i) => `i${i} = ${inner()}`).join(", ")} }`;
	return choice.of(TOML_SCALARS);
}
