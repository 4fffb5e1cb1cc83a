/** What holds for all texts: names are bound as the binder binds them, renaming changes no value, any text has a tree. */

import test from "ava";
import fc from "fast-check";
import { EvalError, Evaluator } from "../../src/index.ts";
import { compile } from "../../src/bind/compile.ts";
import { Op } from "../../src/eval/code.ts";
import { parseExpr } from "../../src/syntax/parser.ts";
import { completionContext, findIssues, findUnused, foldings, outline, planRename } from "../../src/analysis/index.ts";
import type { Scope, Variable } from "../../src/analysis/scopes.ts";
import { ReadOnlyIo } from "../read-only-io.ts";
import { analyse, globals } from "./analyse.ts";
import { program } from "./arbitrary-program.ts";

const evaluator = new Evaluator({ io: new ReadOnlyIo(), currentSystem: "x86_64-linux" });

/** The value as text, or the kind of the error. */
function outcome(text: string): string {
	try {
		return evaluator.print(evaluator.evalString(text, "/"), { strict: true });
	} catch (error) {
		if (error instanceof EvalError) return `error: ${error.kind}`;
		throw error;
	}
}

/** Position → level and slot, as compiled. */
function boundSlots(text: string): Map<number, string> {
	const expr = parseExpr(text, {
		base: 1,
		paths: { baseDir: "/", homeDir: "/", pureEval: false },
		describe: String,
	});
	const values = new Map([...globals].map((name) => [name, null]));
	const found = new Map<number, string>();
	const visit = (value: unknown): void => {
		if (Array.isArray(value)) value.forEach(visit);
		else if (typeof value === "object" && value !== null) {
			const code = value as { op?: number; position?: number; a?: unknown; b?: unknown };
			if (code.op === Op.slot) found.set(Number(code.position) - 1, `0 ${String(code.a)}`);
			if (code.op === Op.parentSlot) found.set(Number(code.position) - 1, `1 ${String(code.a)}`);
			if (code.op === Op.farSlot) found.set(Number(code.position) - 1, `${String(code.b)} ${String(code.a)}`);
			for (const each of Object.values(value)) visit(each);
		}
	};
	visit(compile(expr, { kind: "globals", values }));
	return found;
}

/** The same by the analysis: levels are scopes, slots are those of the names in order. */
function analysedSlots(text: string): Map<number, string> {
	const found = new Map<number, string>();
	for (const { target, scope, token } of analyse(text).scopes.occurrences) {
		if (target.kind !== "variable") continue;
		let level = 0;
		for (let at: Scope | undefined = scope; at !== undefined && at !== target.variable.scope; at = at.parent) level++;
		found.set(token.start, `${level} ${slotOf(target.variable)}`);
	}
	return found;
}

function slotOf({ name, scope }: Variable): number {
	const names = [...scope.variables.keys()];
	if (scope.kind !== "lambda") return names.sort().indexOf(name) + 1;
	const arguments_ = [...scope.variables.values()].filter((each) => each.kind === "argument");
	const formals = [...scope.variables.values()].filter((each) => each.kind === "formal");
	return [...arguments_, ...formals].findIndex((each) => each.name === name) + 1;
}

test("names are bound as the binder binds them", (t) => {
	let bound = 0;
	fc.assert(
		fc.property(program, (text) => {
			const compiled = boundSlots(text);
			const analysed = analysedSlots(text);
			for (const [position, slot] of analysed) t.is(slot, compiled.get(position)!, `${text} at ${position}`);
			t.deepEqual(findIssues(analyse(text)), []);
			bound += analysed.size;
		}),
		{ numRuns: 1500 },
	);
	t.true(bound > 1500, String(bound));
});

test("a rename changes no value", (t) => {
	let renamed = 0;
	let refused = 0;
	fc.assert(
		fc.property(program, fc.nat(), fc.constantFrom("a", "b", "c", "d", "e", "fresh"), (text, where, newName) => {
			const document = analyse(text);
			const places = document.scopes.variables.flatMap(({ sites }) => sites.map(({ token }) => token.start));
			const offset = places[where % places.length] ?? 0;
			const plan = planRename(document, offset, newName);
			if (plan.kind === "refused") {
				refused++;
				return;
			}
			renamed++;
			let next = text;
			for (const { span, text: each } of plan.edits.toReversed()) {
				next = next.slice(0, span.start) + each + next.slice(span.end);
			}
			t.is(outcome(next), outcome(text), `${text}\n${next}`);
		}),
		{ numRuns: 3000 },
	);
	t.true(renamed > 300 && refused > 100, `${renamed} renamed, ${refused} refused`);
});

const piece = fc.constantFrom(
	...[
		"let",
		"in",
		"rec",
		"{",
		"}",
		"[",
		"]",
		"(",
		")",
		"=",
		";",
		":",
		",",
		".",
		"?",
		"@",
		"${",
		'"',
		"''",
		"a",
		"b",
		"c",
	],
	...[
		"inherit",
		"with",
		"assert",
		"if",
		"then",
		"else",
		"or",
		"./x",
		"/",
		"1",
		"+",
		"-",
		"//",
		"!",
		"...",
		"#x\n",
		"/*",
		"*/",
	],
	...["\n", " ", "\\", "$", "é", "<", ">", "\0", "a.b", "~/"],
);

test("any text has a tree, and every question an answer", (t) => {
	fc.assert(
		fc.property(fc.array(piece, { maxLength: 30 }), fc.constantFrom("", " "), (pieces, between) => {
			const document = analyse(pieces.join(between));
			for (const { token } of document.scopes.occurrences) {
				if (document.text.slice(token.start, token.end) !== token.text) t.fail(`${document.text} at ${token.start}`);
			}
			findIssues(document);
			findUnused(document);
			outline(document.root);
			foldings(document.root, document.text);
			for (let offset = 0; offset <= document.text.length; offset++) {
				completionContext(document, offset);
				document.named(offset);
				document.spansAround(offset);
				planRename(document, offset, "z");
			}
		}),
		{ numRuns: 2000 },
	);
	t.pass();
});

/** Texts that would cost more than their length, were anything looked through again and again. */
const large: Readonly<Record<string, string>> = {
	"names that begin lines": `x${".\na".repeat(100_000)}`,
	"arguments that begin lines": "f\n".repeat(100_000),
	"bindings without ends": "{ a = b\n c".repeat(1) + " = d\n c".repeat(50_000),
	"blanks and comments": `{ ${"# x\n".repeat(50_000)}${" ".repeat(500_000)}`,
	"nested updates of one set": `let a = { ${"b = 1; ".repeat(1)} }; in a${" // a".repeat(3000)}`,
	"many inherits": `{ ${"inherit a; ".repeat(50_000)} }`,
};

for (const [title, text] of Object.entries(large)) {
	test(`in time: ${title}`, (t) => {
		const begun = Date.now();
		const document = analyse(text);
		findIssues(document);
		findUnused(document);
		for (const offset of [0, text.length >> 1, text.length]) {
			completionContext(document, offset);
			document.named(offset);
		}
		t.true(Date.now() - begun < 15_000, `${Date.now() - begun} ms`);
	});
}
