import { readFileSync } from "node:fs";
import test from "ava";
import { evaluate } from "../evaluate.ts";

/** Expressions with what real Nix prints for them, recorded by `record.ts`. */
const recorded = JSON.parse(readFileSync(new URL("recorded.json", import.meta.url), "utf8")) as Record<string, string>;

for (const [expression, wanted] of Object.entries(recorded)) {
	test(`evaluates ${JSON.stringify(expression)}`, (t) => {
		t.is(evaluate(expression), wanted);
	});
}

test("the table of recorded expressions is there", (t) => {
	t.true(Object.keys(recorded).length > 100);
});

/** Without `--strict`, parts that nobody needed are shown as code. */
const lazy: readonly (readonly [string, string])[] = [
	["{ a = 1 + 1; b = 1; c = x: x; d = [ ]; e = { }; }", "{ a = <CODE>; b = 1; c = <CODE>; d = [ ]; e = <CODE>; }"],
	["[ (1 + 1) 2 (x: x) ]", "[ <CODE> 2 <CODE> ]"],
	["let a = 1 + 1; in builtins.seq a [ a ]", "[ 2 ]"],
	["let f = x: x; in builtins.seq f [ f ]", "[ <LAMBDA> ]"],
];

for (const [expression, wanted] of lazy) {
	test(`evaluates no more of ${expression} than needed`, (t) => {
		t.is(evaluate(expression, { strict: false }), wanted);
	});
}

/** What the newest Nix has and the recorded one has not. */
const newer: readonly (readonly [string, string, string[]])[] = [
	["[ 1 2 ] |> map (x: x * 2) |> builtins.length", "2", ["pipe-operators"]],
	["(x: x + 1) <| 2", "3", ["pipe-operators"]],
];

for (const [expression, wanted, features] of newer) {
	test(`evaluates ${expression}`, (t) => {
		t.is(evaluate(expression, { experimentalFeatures: new Set(features) }), wanted);
	});
}
