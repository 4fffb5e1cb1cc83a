/** Renaming: what is written then, or why it is refused. */

import { bytesFromText, textFromBytes } from "@devenv/nix-formats";
import test from "ava";
import { planRename } from "../../src/analysis/index.ts";
import { atCursor } from "./analyse.ts";

function rename(marked: string, newName: string): string {
	const { document, offset } = atCursor(marked);
	const plan = planRename(document, offset, bytesFromText(newName));
	if (plan.kind === "refused") return `refused: ${textFromBytes(plan.reason)}`;
	let { text } = document;
	for (const { span, text: replacement } of plan.edits.toReversed()) {
		text = text.slice(0, span.start) + replacement + text.slice(span.end);
	}
	return textFromBytes(text);
}

const cases: readonly (readonly [marked: string, newName: string, expected: string])[] = [
	["let |a = 1; in a + a", "b", "let b = 1; in b + b"],
	["let a = 1; in |a", "b", "let b = 1; in b"],
	["let a = 1; in let a = 2; in |a", "b", "let a = 1; in let b = 2; in b"],
	["let |a.x = 1; a.y = 2; in a", "b", "let b.x = 1; b.y = 2; in b"],
	["let |a = 1; in { inherit a; }", "b", "let b = 1; in { a = b; }"],
	["let |a = 1; c = 2; in { inherit a c; }", "b", "let b = 1; c = 2; in { inherit c; a = b; }"],
	["let |a = 1; c = 2; in { inherit c a; }", "b", "let b = 1; c = 2; in { inherit c; a = b; }"],
	["let |a = 1; in {\n  inherit a map;\n}", "b", "let b = 1; in {\n  inherit map;\n  a = b;\n}"],
	["let a = 1; in let inherit |a; in a", "b", "let b = 1; in let a = b; in a"],
	["let a = 1; in let inherit a; in |a", "b", "let a = 1; in let b = a; in b"],
	["let s = { a = 1; }; inherit (s) |a; in a", "b", "let s = { a = 1; }; b = s.a; in b"],
	["let s = { a = 1; }; inherit (s) a; in |a", "b", "let s = { a = 1; }; b = s.a; in b"],
	["let inherit (f x) a; f = y: y; x = { a = 1; }; in |a", "b", "let b = (f x).a; f = y: y; x = { a = 1; }; in b"],
	["|x: x", "y", "y: y"],
	["args@{ x, ... }: |x", "y", "args@{ y, ... }: y"],
	["args@{ |x }: args.x", "y", "args@{ y }: args.y"],
	["let f = { |x }: x; in f { x = 1; }", "y", "let f = { y }: y; in f { y = 1; }"],
	["let f = { |x }: x; x = 1; in f { inherit x; }", "y", "let f = { y }: y; x = 1; in f { y = x; }"],
	["let r = rec { |a = 1; b = a; }; in r.a + r.b", "c", "let r = rec { c = 1; b = c; }; in r.c + r.b"],
	["let { body = |a; a = 1; }", "b", "let { body = b; b = 1; }"],
	['let |a = "é😀"; in "${a}😀${a}"', "b", 'let b = "é😀"; in "${b}😀${b}"'],
	["let x' = 4; in |x'/2", "y", "let y = 4; in y /2"],
	["|_x:y: y", "x", "x :y: y"],
	['let "|a" = 1; in a', "b", "let b = 1; in b"],
	["let a = 1; in |a + (", "b", "let b = 1; in b + ("],
	// Refused.
	["let |a = 1; in a", "in", "refused: 'in' is a keyword"],
	["let |a = 1; in a", "1a", "refused: '1a' is not a name of a variable"],
	["let |a = 1; in a", "é", "refused: 'é' is not a name of a variable"],
	["let |a = 1; b = 2; in a", "b", "refused: 'b' is defined beside 'a' already"],
	["let |a = 1; in let b = 2; in a", "b", "refused: on line 1 'b' means another variable"],
	["let b = 1; in\nlet |a = 2; in a + b", "b", "refused: 'b' on line 2 would then mean this variable"],
	["let |a = 1; in map", "map", "refused: 'map' on line 1 would then mean this variable"],
	["with { b = 1; }; let |a = 1; in b", "b", "refused: 'b' on line 1 would then mean this variable"],
	["let |a = 1; in let inherit a; b = 2; in a", "b", "refused: on line 1 'b' means another variable"],
	["let |a = 1; in a - 1", "__sub", "refused: '__sub' has a meaning of its own in the language"],
	["let |__sub = x: y: 1; in 2 - 1", "s", "refused: '__sub' has a meaning of its own in the language"],
	["rec { |a = 1; b = a; }", "c", "refused: the attribute 'a' may be selected from elsewhere"],
	["let r = rec { |a = 1; }; in r", "c", "refused: the attribute 'a' may be selected from elsewhere"],
	["args@{ |x }: f args", "y", "refused: 'args' has the attribute 'x' too, and is used as a whole"],
	[
		"let f = { |x }: x; in g f",
		"y",
		"refused: the function is used where its arguments are not written out, so that 'x' may be passed unseen",
	],
	[
		"let |b = 2; a = rec { b = 1; }; a.c = b; in a",
		"d",
		"refused: a 'rec' set is written in several pieces; write it as one first",
	],
	["let |b = 2; a = { b = 1; }; a.c = b; in a", "d", "let d = 2; a = { b = 1; }; a.c = d; in a"],
	["with { a = 1; }; |a", "b", "refused: 'a' comes from a 'with', and is defined elsewhere"],
	["|map", "b", "refused: 'map' is built in"],
	["{ |a = 1; }", "b", "refused: attributes may be selected from elsewhere; only variables can be renamed"],
	["1 |+ 2", "b", "refused: there is no variable here"],
];

for (const [marked, newName, expected] of cases) {
	test(`${marked} → ${newName}`, (t) => {
		t.is(rename(marked, newName), expected);
	});
}
