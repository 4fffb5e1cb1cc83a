/** Arbitrary texts of the Nix language, with comments and line ends in odd places. */

import fc from "fast-check";

/** What may stand between two tokens. */
const gaps: readonly string[] = [
	" ",
	"\n",
	"\n\n\n",
	"\t",
	" # after\n",
	"\n# alone\n",
	" /* inline */ ",
	"\n/* two\n   lines */\n",
	"\n\n/**\n  doc\n*/\n\n",
];

/** Mostly a space, so that texts do not only consist of comments. */
const gap = fc.oneof({ weight: 8, arbitrary: fc.constant(" ") }, { weight: 1, arbitrary: fc.constantFrom(...gaps) });
const name = fc.constantFrom("a", "b", "foo", "lib", "aLongNameThatTakesSomeRoomOnItsLine", "x'", "with-dash", "or");
const plainName = fc.constantFrom("a", "b", "foo", "lib", "aLongNameThatTakesSomeRoomOnItsLine", "x'");
const leaf = fc.oneof(
	plainName,
	fc.constantFrom("1", "2.5", "./path", "<nixpkgs>", "/a/${b}/c", "https://example.org/x?y=z", "null"),
	fc.constantFrom('""', '"text"', '"two\nlines"', '"$${a} \\${b} \\""', "''''", "''one line''"),
	fc.constantFrom(
		"''\n  first\n    second\n\n  ''${third}\n''",
		"''a\n  b\n c''",
		"''\n\ttab\n  space\n  ''",
		"''\n  \n   x\n  ''",
	),
);

interface Texts {
	readonly expression: string;
	readonly operand: string;
	readonly term: string;
}

/** Tokens with arbitrary gaps between them. */
function tokens(...parts: readonly (string | fc.Arbitrary<string>)[]): fc.Arbitrary<string> {
	const all = parts.flatMap((part, i) => {
		const arbitrary = typeof part === "string" ? fc.constant(part) : part;
		return i === 0 ? [arbitrary] : [gap, arbitrary];
	});
	return fc.tuple(...all).map((each) => each.join(""));
}

function several(item: fc.Arbitrary<string>, maxLength: number): fc.Arbitrary<string> {
	return fc.array(fc.tuple(gap, item), { maxLength }).map((each) => each.flat().join(""));
}

const { expression } = fc.letrec<Texts>((tie) => {
	const any = tie("expression") as fc.Arbitrary<string>;
	const operand = tie("operand") as fc.Arbitrary<string>;
	const term = tie("term") as fc.Arbitrary<string>;
	const attr = fc.oneof(plainName, fc.constantFrom('"quoted attr"', "${a}"), tokens("${", any, "}"));
	const path = fc.oneof(attr, tokens(attr, ".", attr), tokens(plainName, ".", name, ".", attr));
	const uniqueName = fc.integer({ min: 0, max: 1_000_000 }).map((number) => `n${number}`);
	const binding = fc.oneof(
		tokens(uniqueName, "=", any, ";"),
		tokens(
			uniqueName.map((each) => `${each}.x."y z"`),
			"=",
			any,
			";",
		),
		tokens("inherit", uniqueName, uniqueName, ";"),
		tokens("inherit", tokens("(", any, ")"), uniqueName, uniqueName, ";"),
	);
	const bindings = several(binding, 3);
	const formal = fc.oneof(uniqueName, tokens(uniqueName, "?", any));
	const formals = fc
		.tuple(fc.array(tokens(formal, ","), { maxLength: 3 }), fc.constantFrom("", "...", "last", "last,"), gap)
		.map(([some, last, between]) => `{${between}${some.join(between)}${between}${last}${between}}`);
	const parameter = fc.oneof(plainName, formals, tokens("args", "@", formals), tokens(formals, "@", "args"));
	const operator = fc.constantFrom("+", "++", "//", "&&", "||", "->", "-", "*", "/");
	return {
		term: fc.oneof(
			{ depthSize: "small", withCrossShrink: true },
			leaf,
			tokens("(", any, ")"),
			tokens("[", several(term, 4), "]"),
			tokens("{", bindings, "}"),
			tokens("rec", "{", bindings, "}"),
			tokens(term, ".", path),
			tokens("(", tokens(term, ".", path, "or", term), ")"),
			tokens('"before ${', any, '} after"'),
			tokens("''\n    before ${", any, "} after\n      more\n  ''"),
		),
		operand: fc.oneof(
			{ depthSize: "small", withCrossShrink: true },
			term,
			tokens(term, term),
			tokens(term, term, term),
			tokens("!", term),
			tokens("-", term),
			tokens(term, "?", path),
		),
		expression: fc.oneof(
			{ depthSize: "small", withCrossShrink: true },
			operand,
			tokens(operand, operator, operand),
			tokens(operand, operator, operand, operator, operand),
			tokens(operand, "==", operand),
			tokens(parameter, ":", any),
			tokens("let", bindings, "in", any),
			tokens("if", any, "then", any, "else", any),
			tokens("with", any, ";", any),
			tokens("assert", any, ";", any),
		),
	};
});

/** Texts; most are valid, since operators of one precedence that do not associate may meet. */
export const nixText: fc.Arbitrary<string> = fc.tuple(gap, expression, gap).map((each) => each.join(""));
