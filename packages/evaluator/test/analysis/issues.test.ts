/** Errors and hints, each at its place. */

import test from "ava";
import { textFromBytes } from "@devenv/nix-formats";
import { findIssues, findUnused } from "../../src/analysis/index.ts";
import { analyse } from "./analyse.ts";

/** The text that a span covers is shown. */
const issues: readonly (readonly [text: string, expected: readonly string[]])[] = [
	["1", []],
	["let foo = 1; in foo b c", ["undefined variable 'b' @ b", "undefined variable 'c' @ c"]],
	["let foo = 1; in fooo", ["undefined variable 'fooo' @ fooo ? foo"]],
	["with { }; a", []],
	["let a = 1 in a", ["syntax error, unexpected 'in', expecting ';' @ in"]],
	["{ a = 1; a = 2; }", ["attribute 'a' already defined at line 1 @ a < 2"]],
	["{ a, a }: a", ["duplicate formal function argument 'a' @ a"]],
	["{ a = ", ["syntax error, unexpected end of file @ ="]],
	["", ["syntax error, unexpected end of file @ "]],
	['"é${', ["syntax error, unexpected end of file @ {"]],
	["a: ; é", ["syntax error, unexpected ';' @ ;"]],
];

for (const [text, expected] of issues) {
	test(`errors of ${JSON.stringify(text)}`, (t) => {
		const document = analyse(text);
		const found = findIssues(document).map(({ message, span, suggestions, related }) => {
			const near = suggestions.length === 0 ? "" : ` ? ${suggestions.join(" ")}`;
			const other = related === undefined ? "" : ` < ${related}`;
			return textFromBytes(`${message} @ ${document.text.slice(span.start, span.end)}${near}${other}`);
		});
		t.deepEqual(found, expected);
	});
}

const unused: readonly (readonly [text: string, expected: readonly string[]])[] = [
	["let a = 1; b = a; in 1", ["let b"]],
	["let a = 1; _b = a; in 1", []],
	["let f = x: f x; in 1", ["let f"]],
	["let a = 1; in { inherit a; }", []],
	["let inherit (builtins) map add; in add", ["let map"]],
	["x: 1", []],
	["{ a, b, ... }: a", ["formal b"]],
	["args@{ a, b }: args", []],
	["args@{ a }: a", ["argument args"]],
	["with { }; 1", ["with undefined"]],
	["with { }; a", []],
	["let a = 1; in with { }; a", ["with undefined"]],
	["rec { a = 1; }", []],
];

for (const [text, expected] of unused) {
	test(`unused in ${JSON.stringify(text)}`, (t) => {
		t.deepEqual(
			findUnused(analyse(text)).map(({ kind, name }) => `${kind} ${name}`),
			expected,
		);
	});
}
