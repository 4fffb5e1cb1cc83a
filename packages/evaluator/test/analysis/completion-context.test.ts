/** What may be written at a place, also while the text does not parse. */

import test from "ava";
import { completionContext, evaluationText } from "../../src/analysis/index.ts";
import { atCursor } from "./analyse.ts";

function describe(marked: string): string {
	const { document, offset } = atCursor(marked);
	const found = completionContext(document, offset);
	switch (found.kind) {
		case "none":
			return "none";
		case "name": {
			const names: string[] = [];
			for (let scope: typeof found.scope | undefined = found.scope; scope !== undefined; scope = scope.parent) {
				names.push(...scope.variables.keys());
			}
			return `name ${names.join(" ")}`;
		}
		case "attribute": {
			const lines = evaluationText(document, found, { assumed: new Map() }).split("\n");
			return `attribute ${lines.slice(1).join(" ")}`;
		}
		case "binding":
			return `binding ${found.path.join(".")}`;
		case "path":
			return `path ${found.text}`;
	}
}

const unknown = 'builtins.throw ""';
const cases: readonly (readonly [marked: string, expected: string])[] = [
	["|", "name "],
	["let a = 1; in |", "name a"],
	["let a = 1; in a|", "name a"],
	["let a = |; b = 1; in a", "name a b"],
	["let a = b + |; b = 1; in a", "name a b"],
	["let a = 1; b = [ a |", "name a b"],
	["let a = 1; in f (a|", "name a"],
	["x: y: |", "name y x"],
	["{ pkgs, lib, ... }: |", "name pkgs lib"],
	["{ pkgs ? | }: 1", "name pkgs"],
	["{ pkgs, | }: 1", "none"],
	["let a = 1; in { inherit |; }", "name a"],
	["let a = 1; in let inherit | in 1", "name a"],
	["with { }; |", "name "],
	["if a then | else 1", "name "],
	["rec { a = 1; b = |", "name a b"],
	['"text |"', "none"],
	['let a = 1; in "text ${|}"', "name a"],
	["# comment |", "none"],
	["/* comment | */ 1", "none"],
	["1 /* comment */ + |", "name "],
	["12|", "none"],
	["let a = { b = 1; }; in a.|", "attribute let a = { b = 1; }; in (a )"],
	["let a = { b = 1; }; in a.b|", "attribute let a = { b = 1; }; in (a )"],
	["let a = 1; c = a.b.|; d = 1; in c", `attribute let a = 1; d = 1; "c" = ${unknown}; in (a ).b`],
	["let a = 1; c = a.|\nd = 1; in c", `attribute let a = 1; d = 1; "c" = ${unknown}; in (a )`],
	["let c = [ builtins.| ]; in c", `attribute let "c" = ${unknown}; in (builtins )`],
	["pkgs: pkgs.|", `attribute let pkgs = ${unknown}; in (pkgs )`],
	["{ a ? 1, b }: a.|", `attribute let a = (1 ); b = ${unknown}; in (a )`],
	["with e; (f x).|", "attribute with (e ); ((f x) )"],
	["let a = 1; in a ? |", "attribute let a = 1; in (a )"],
	["{ inherit (a) |; }", "attribute (a )"],
	["{ inherit (a) b | c; }", "attribute (a )"],
	["(import ./x.nix).|", "attribute ((import ./x.nix) )"],
	["rec { a = 1; b = a.| }", `attribute let a = 1; "b" = ${unknown}; in (a )`],
	["{ | }", "binding "],
	["{ a = 1; | }", "binding "],
	["{ a.b = 1; a.| }", "binding a"],
	["{ a.b.| = 1; }", "binding a.b"],
	["let | in 1", "binding "],
	["let a = 1; b| in 1", "binding "],
	["import ./|", "path ./"],
	["import ./foo|.nix", "path ./foo"],
	["[ ../a/| ]", "path ../a/"],
	["a/b|", "none"],
];

for (const [marked, expected] of cases) {
	test(marked, (t) => {
		t.is(describe(marked), expected);
	});
}
