/** What a name means, and where it is defined. */

import test from "ava";
import { atCursor } from "./analyse.ts";

/** Cursor → kind, and the definitions' places marked with ‹›. */
const cases: readonly (readonly [title: string, marked: string, kind: string, definitions: readonly string[]])[] = [
	["let", "let a = 1; in |a", "variable let", ["4"]],
	["at the definition", "let |a = 1; in a", "variable let", ["4"]],
	["after its end", "let abc = 1; in abc|", "variable let", ["4"]],
	["shadowed", "let a = 1; in let a = 2; in |a", "variable let", ["18"]],
	["in the value of another", "let a = 1; b = |a; in b", "variable let", ["4"]],
	["inherit, outwards", "let a = 1; in let inherit |a; in a", "variable let", ["4"]],
	["inherit, inwards", "let a = 1; in let inherit a; in |a", "variable let", ["26"]],
	["several places", "let a.b = 1; a.c = 2; in |a", "variable let", ["4", "13"]],
	["rec", "rec { a = 1; b = |a; }", "variable rec", ["6"]],
	["a set that is not rec", "a: { a = 1; b = |a; }", "variable argument", ["0"]],
	["argument", "x: |x", "variable argument", ["0"]],
	["formal", "{ x, y ? x }: |y", "variable formal", ["5"]],
	["formal's default", "{ x, y ? |x }: y", "variable formal", ["2"]],
	["@ name", "args@{ x }: |args", "variable argument", ["0"]],
	["@ name behind", "{ x }@args: |args", "variable argument", ["6"]],
	["old let", "let { body = |a; a = 1; }", "variable rec", ["16"]],
	["in an interpolation", 'let a = "x"; in "${|a}"', "variable let", ["4"]],
	["in a path", "let a = 1; in ./x/${|a}/y", "variable let", ["4"]],
	["in an attribute path", "let a = 1; in { ${|a} = 1; }", "variable let", ["4"]],
	["a name in quotes", 'let "a" = 1; in |a', "variable let", ["4"]],
	["behind non-ASCII text", 'let a = "é😀"; in |a', "variable let", ["4"]],
	["lexical names before with", "let a = 1; in with { a = 2; }; |a", "variable let", ["4"]],
	["with", "with { a = 1; }; |a", "with", []],
	["undefined", "|a", "undefined", []],
	["global", "|map", "builtin", []],
	["global with underscores", "|__add", "builtin", []],
	["attribute of builtins", "builtins.|map", "builtin", []],
	["attribute of another builtins", "builtins: builtins.|map", "attribute", []],
	["attribute of a set", "let s = { a = 1; b = 2; }; in s.|b", "attribute", ["17"]],
	["attribute path", "let s = { a.b = 1; }; in s.a.|b", "attribute", ["12"]],
	["through variables", "let s = { a = t; }; t = rec { b = 1; }; in s.a.|b", "attribute", ["30"]],
	["through an update", "let s = { a = 1; } // { b = 2; }; in s.|b", "attribute", ["24"]],
	["through inherit", "let s = { inherit t; }; t = { b = 1; }; in s.t.|b", "attribute", ["30"]],
	["inherited from", "let s = { a = 1; }; inherit (s) |a; in a", "variable let", ["32"]],
	["attribute of a set pattern's set", "let s = { a = 1; }; in { inherit (s) |a; }", "attribute", ["10"]],
	["a circle ends", "let a = b; b = a; in a.|x", "attribute", []],
	["defined in a set", "{ |a = 1; }", "attributeDefinition", []],
	["has attribute", "let s = { a = 1; }; in s ? |a", "attribute", ["10"]],
	["path", "import ./|x.nix", "path", []],
	["search path", "<nix|pkgs>", "path", []],
	["keyword", "l|et a = 1; in a", "none", []],
	["text of a string", '"a|b"', "none", []],
	// What is not finished.
	["behind a dot with nothing", "let a = b.; b = 1; in |b", "variable let", ["12"]],
	["in front of a missing semicolon", "let a = 1\nb = 2; in |b", "variable let", ["10"]],
	["a bracket that is not closed", "let a = [ 1 2\nb = 2; in |b", "variable let", ["14"]],
	["a body that is missing", "let a = 1; b = |a; in", "variable let", ["4"]],
	["junk between bindings", "let a = 1; ) = ; b = 2; in |b", "variable let", ["17"]],
];

for (const [title, marked, kind, definitions] of cases) {
	test(title, (t) => {
		const { document, offset } = atCursor(marked);
		const named = document.named(offset);
		const [found, places] =
			named?.kind === "variable"
				? [`variable ${named.variable.kind}`, named.variable.sites.map(({ token }) => String(token.start))]
				: named?.kind === "attribute"
					? ["attribute", (named.known?.tokens ?? []).map(({ start }) => String(start))]
					: [named?.kind ?? "none", []];
		t.deepEqual([found, places], [kind, definitions]);
	});
}
