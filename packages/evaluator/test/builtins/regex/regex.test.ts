import test from "ava";
import fc from "fast-check";
import { RegexMatcher } from "../../../src/builtins/regex/regex-matcher.ts";
import { parseRegex, RegexSyntaxError, type RegexNode } from "../../../src/builtins/regex/regex-syntax.ts";
import { translateRegex } from "../../../src/builtins/regex/regex-translation.ts";
import { compileRegex, Regex } from "../../../src/builtins/regex/regex.ts";

/** Random expressions over a small alphabet, as text. */
const expressions: fc.Arbitrary<string> = fc.letrec<{ node: string }>((tie) => ({
	node: fc.oneof(
		{ maxDepth: 4, withCrossShrink: true },
		fc.constantFrom("a", "b", "c", "[ab]", "[^a]", ".", "^", "$", "[[:alpha:]]", "\\."),
		fc.tuple(tie("node"), tie("node")).map(([left, right]) => `${left}${right}`),
		fc.tuple(tie("node"), tie("node")).map(([left, right]) => `(${left}|${right})`),
		tie("node").map((body) => `(${body})`),
		fc
			.tuple(tie("node"), fc.constantFrom("*", "+", "?", "{2}", "{1,2}", "{0,2}", "{1,}"))
			.map(([body, quantifier]) => `(${body})${quantifier}`),
	),
})).node;
const texts = fc.array(fc.constantFrom("a", "b", "c", "."), { maxLength: 6 }).map((letters) => letters.join(""));

/** All ends of matches that begin at `at`: the definition of a match, without any order. */
function ends(node: RegexNode, text: string, at: number): Set<number> {
	switch (node.kind) {
		case "empty":
			return new Set([at]);
		case "begin":
			return new Set(at === 0 ? [at] : []);
		case "end":
			return new Set(at === text.length ? [at] : []);
		case "set":
			return new Set(at < text.length && node.set[text.charCodeAt(at)] === 1 ? [at + 1] : []);
		case "group":
			return ends(node.body, text, at);
		case "choice":
			return ends(node.left, text, at).union(ends(node.right, text, at));
		case "sequence":
			return node.parts.reduce((from, part) => union([...from].map((each) => ends(part, text, each))), new Set([at]));
		case "repeat": {
			let current = new Set([at]);
			let all = node.min === 0 ? new Set([at]) : new Set<number>();
			for (let count = 1; count <= Math.min(node.max, node.min + text.length + 1); count++) {
				current = union([...current].map((each) => ends(node.body, text, each)));
				if (count >= node.min) all = all.union(current);
			}
			return all;
		}
	}
}

function union(sets: readonly Set<number>[]): Set<number> {
	return sets.reduce((all, each) => all.union(each), new Set<number>());
}

test("a whole match is found exactly where the definition has one", (t) => {
	fc.assert(
		fc.property(expressions, texts, (source, text) => {
			const { root } = parseRegex(source);
			const expected = ends(root, text, 0).has(text.length);
			t.is(new Regex(source).matchWhole(text) !== undefined, expected);
		}),
		{ numRuns: 1500 },
	);
	t.pass();
});

test("a search finds the leftmost match, with an end that the definition allows", (t) => {
	fc.assert(
		fc.property(expressions, texts, (source, text) => {
			const { root } = parseRegex(source);
			const [first] = new Regex(source).matchAll(text);
			const starts = Array.from({ length: text.length + 1 }, (_, at) => at);
			const leftmost = starts.find((at) => ends(root, text, at).size > 0);
			t.is(first?.start, leftmost);
			if (first !== undefined) t.true(ends(root, text, first.start).has(first.end));
		}),
		{ numRuns: 1500 },
	);
});

test("what is translated to JavaScript matches as the matcher does, groups included", (t) => {
	let translated = 0;
	fc.assert(
		fc.property(expressions, texts, (source, text) => {
			const { root, groupCount } = parseRegex(source);
			const matcher = new RegexMatcher(root, groupCount);
			const whole = translateRegex(root, "whole");
			if (whole !== undefined) {
				translated++;
				const expected = matcher.attempt(text, 0, { whole: true, notEmpty: false })?.groups;
				t.deepEqual(new RegExp(whole).exec(text)?.slice(1), expected as string[] | undefined);
			}
			const search = translateRegex(root, "search");
			if (search !== undefined) {
				const found = new RegExp(search).exec(text);
				const at = found?.index ?? 0;
				const expected = matcher.attempt(text, at, { whole: false, notEmpty: false });
				t.is(found === null ? undefined : found.index + found[0].length, expected?.end);
			}
		}),
		{ numRuns: 1500 },
	);
	t.true(translated > 500);
});

test("loops in loops that match nothing end as soon as real Nix's do", (t) => {
	const source = "((((^)*){1,})+)+";
	// Recorded from Nix 2.8: builtins.split.
	const found = [...new Regex(source).matchAll("a")].map(({ start, end, groups }) => [start, end, ...groups]);
	t.deepEqual(found, [
		[0, 0, "", "", "", ""],
		[1, 1, "", "", "", undefined],
	]);
	t.is(new Regex(source).matchWhole("a"), undefined);
});

test("ordinary expressions run on JavaScript's engine", (t) => {
	for (const source of [
		"([^/]*)/([^/]*)(/SHA256:(.*))?",
		"[[:space:]]*(.*[^[:space:]])[[:space:]]*",
		"(a|ab)(c|bcd)",
	]) {
		t.not(translateRegex(parseRegex(source).root, "whole"), undefined, source);
	}
	t.not(translateRegex(parseRegex("[/.]+").root, "search"), undefined);
	t.is(translateRegex(parseRegex("a|ab").root, "search"), undefined);
});

const faults = [
	"\\d",
	"*",
	"a)",
	"(a",
	"[a",
	"[[:foo:]]",
	"[z-a]",
	"a{,2}",
	"a{2,1}",
	"a{2",
	"[a-c-e]",
	"a\\",
	"[[.xy.]]",
];
for (const source of faults) {
	test(`refuses ${source}`, (t) => {
		const error = t.throws(() => new Regex(source), { instanceOf: RegexSyntaxError });
		t.is(error.kind, "syntax");
	});
}

test("says that an expression is too large, or a match too long, apart from bad syntax", (t) => {
	t.is(t.throws(() => new Regex("x{100001}"), { instanceOf: RegexSyntaxError }).kind, "space");
	t.is(t.throws(() => new Regex("(".repeat(5000)), { instanceOf: RegexSyntaxError }).kind, "space");
	const slow = new Regex("((a|b|ab)*)*c");
	t.is(t.throws(() => slow.matchAll("ab".repeat(40)), { instanceOf: RegexSyntaxError }).kind, "space");
});

test("compiles an expression once", (t) => {
	t.is(compileRegex("a+"), compileRegex("a+"));
});

test("matches bytes, also above 127", (t) => {
	t.deepEqual(new Regex("(.)(.)").matchWhole("\xc3\xa9"), ["\xc3", "\xa9"]);
	t.is(new Regex("[[:alpha:]]").matchWhole("\xe9"), undefined);
	t.deepEqual(new Regex("[^a]").matchWhole("\xe9"), []);
});
