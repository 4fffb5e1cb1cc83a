/** Texts of the Nix language in an editor. */

import test from "ava";
import type { CompletionList, Hover, Location, TextEdit } from "vscode-languageserver-types";
import { startEditor } from "./editor.ts";

test("diagnostics have places in UTF-16, and go when the text is closed", async (t) => {
	const editor = await startEditor(t);
	editor.show("a.nix", 'let s = "é😀"; in s + undefinedName');
	const [first] = await editor.diagnostics("a.nix");
	t.like(first, {
		code: "EVAL_UNDEFINED_VARIABLE",
		severity: 1,
		source: "devenv",
		range: { start: { line: 0, character: 22 }, end: { line: 0, character: 35 } },
	});
	editor.show("a.nix", "{\n  a = 1;\n  a = 2;\n}");
	const [second] = await editor.diagnostics("a.nix");
	t.like(second, { code: "EVAL_SYNTAX", message: "attribute 'a' already defined at line 2" });
	t.deepEqual(second?.relatedInformation?.[0]?.location.range.start, { line: 1, character: 2 });
	editor.show("a.nix", "let unused = 1; in 2");
	const [hint] = await editor.diagnostics("a.nix");
	t.like(hint, { severity: 4, tags: [1], message: "'unused' is not used" });
	editor.notify("textDocument/didClose", { textDocument: { uri: editor.uri("a.nix") } });
	const { params } = await editor.receive(({ method, params: each }) => {
		return method === "textDocument/publishDiagnostics" && (each as { version?: number }).version === undefined;
	});
	t.deepEqual(params, { uri: editor.uri("a.nix"), diagnostics: [] });
	t.is(editor.errors, "");
});

test("positions in UTF-8 where the editor wants them", async (t) => {
	const editor = await startEditor(t, { encodings: ["utf-8", "utf-16"] });
	editor.show("a.nix", 'let s = "é😀"; in s + undefinedName');
	const [first] = await editor.diagnostics("a.nix");
	t.deepEqual(first?.range, { start: { line: 0, character: 25 }, end: { line: 0, character: 38 } });
});

const hovers: readonly (readonly [marked: string, expected: RegExp])[] = [
	["builtins.ma|p", /builtins\.map f list/],
	["m|ap", /builtins\.map f list[\s\S]*/],
	["let # what it is\n  a = 1; in |a", /bound by `let` on line 2/],
	["let\n  a = 5;\nin\nlet inherit a; in |a", /a = 5[\s\S]*number, bound by `let` on line 2/],
	["let\n  # Says it.\n  a = x: x;\nin |a 1", /function, bound by `let` on line 3[\s\S]*Says it\./],
	["{ x ? 5 }: |x", /x \? 5[\s\S]*formal of the function on line 1/],
	["let s = { a = [ 1 ]; }; in s.|a", /a = \[ 1 \][\s\S]*list, attribute on line 1/],
	["let f = x: { a = x; }; in (f 5).|a", /a = 5[\s\S]*int/],
	["(import ./lib.nix).|double", /lambda[\s\S]*Doubles a number\.[\s\S]*lib\.nix:3/],
	["with import ./lib.nix; |double 1", /lambda/],
	["import ./|lib.nix", /lib\.nix/],
];

test("hover texts", async (t) => {
	const editor = await startEditor(t);
	editor.write("lib.nix", '{\n  /** Doubles a number. */\n  double = x: x * 2;\n  "é" = 1;\n}\n');
	for (const [marked, expected] of hovers) {
		const hover = await editor.ask<Hover | null>("textDocument/hover", editor.show("a.nix", marked));
		const { value } = (hover?.contents ?? { value: "" }) as { value: string };
		t.regex(value, expected, marked);
	}
	t.is(await editor.ask("textDocument/hover", editor.show("a.nix", "1 |+ 1")), null);
	t.is(editor.errors, "");
});

const definitions: readonly (readonly [marked: string, expected: readonly string[]])[] = [
	["let a = 1; in |a", ["a.nix 0:4-0:5"]],
	["let a = 1; in let inherit a; in |a", ["a.nix 0:4-0:5"]],
	["let s = { b = 1; }; inherit (s) b; in |b", ["a.nix 0:10-0:11"]],
	["import ./|lib.nix", ["lib.nix 0:0-0:0"]],
	["i|mport ./folder", ["folder/default.nix 0:0-0:0"]],
	["./|folder", ["folder/default.nix 0:0-0:0"]],
	["(import ./lib.nix).|double", ["lib.nix 1:2-1:2"]],
	["with import ./lib.nix; |double", ["lib.nix 1:2-1:2"]],
	["./|missing.nix", []],
	["x: |x", ["a.nix 0:0-0:1"]],
	["|map", []],
];

test("definitions", async (t) => {
	const editor = await startEditor(t);
	editor.write("lib.nix", "{\n  double = x: x * 2;\n}\n");
	editor.write("folder/default.nix", "1");
	for (const [marked, expected] of definitions) {
		const found = await editor.ask<readonly Location[]>("textDocument/definition", editor.show("a.nix", marked));
		const places = found.map(({ uri, range: { start, end } }) => {
			return `${uri.slice(editor.uri("").length + 1)} ${start.line}:${start.character}-${end.line}:${end.character}`;
		});
		t.deepEqual(places, expected, marked);
	}
});

const completions: readonly (readonly [marked: string, some: readonly string[], none: readonly string[]])[] = [
	["let abc = 1; in a|", ["abc", "assert", "abort", "builtins"], ["__add"]],
	["__a|", ["__add"], []],
	["let s = { one = 1; two.three = 2; }; in s.|", ["one", "two"], ["s", "let"]],
	["let s = { one = 1; two.three = 2; }; in s.two.|", ["three"], ["one"]],
	["let s = { one = 1; }; x = s.|\n  y = 2;\nin x", ["one"], []],
	["builtins.|", ["map", "readFile", "fetchTree"], ["builtins"]],
	["(import ./lib.nix).|", ["double", "nested"], []],
	["let lib = import ./lib.nix; in lib.nested.|", ["deep", '"é"'], []],
	["let lib = import ./lib.nix; f = x: lib.|", ["double"], []],
	["with import ./lib.nix; dou|", ["double", "let"], []],
	["{ inherit (import ./lib.nix) |; }", ["double"], ["let"]],
	["let a = 1; in { inherit |; }", ["a", "map"], ["let"]],
	["import ./|", ["lib.nix", "folder"], [".hidden"]],
	["import ./folder/|", ["default.nix"], []],
	['(throw "no").|', [], ["x"]],
	['"text |"', [], ["let"]],
];

test("completion, also where the text is not finished", async (t) => {
	const editor = await startEditor(t);
	editor.write("lib.nix", '{ double = x: x * 2; nested = { deep = 1; "é" = 2; }; }\n');
	editor.write("folder/default.nix", "1");
	editor.write(".hidden", "");
	for (const [marked, some, none] of completions) {
		const { items } = await editor.ask<CompletionList>("textDocument/completion", editor.show("a.nix", marked));
		const labels = items.map(({ label }) => label);
		t.deepEqual(
			some.filter((each) => !labels.includes(each)),
			[],
			`${marked} lacks these`,
		);
		t.deepEqual(
			none.filter((each) => labels.includes(each)),
			[],
			`${marked} has these`,
		);
	}
	t.is(editor.errors, "");
});

test("what takes too long or too much is given up, and the next question is answered", async (t) => {
	const editor = await startEditor(t, { patience: 2000 });
	const hostile = [
		"(let f = n: if n < 0 then { } else f (n + 1); in f 0).|",
		"(let grow = l: grow (l ++ l); in grow [ 1 ]).|",
		'(builtins.readFile "/dev/zero").|',
		"(let f = x: 1 + f x; in f 1).|",
	];
	for (const marked of hostile) {
		const begun = Date.now();
		const { items } = await editor.ask<CompletionList>("textDocument/completion", editor.show("a.nix", marked));
		t.deepEqual(items, [], marked);
		t.true(Date.now() - begun < 20_000, marked);
	}
	// A busy machine may take longer than that for a plain question, too.
	const answers: string[][] = [];
	while (answers.length < 10 && answers.at(-1)?.length !== 1) {
		const at = editor.show("a.nix", "(builtins.mapAttrs (n: v: v) { fine = 1; }).|");
		const { items } = await editor.ask<CompletionList>("textDocument/completion", at);
		answers.push(items.map(({ label }) => label));
	}
	t.deepEqual(answers.at(-1), ["fine"]);
});

test("an item is documented when it is asked for", async (t) => {
	const editor = await startEditor(t);
	editor.write("lib.nix", "{\n  /** Doubles a number. */\n  double = x: x * 2;\n}\n");
	const { items } = await editor.ask<CompletionList>(
		"textDocument/completion",
		editor.show("a.nix", "(import ./lib.nix).|"),
	);
	const resolved = await editor.ask<{ detail?: string; documentation?: { value: string } }>(
		"completionItem/resolve",
		items[0],
	);
	t.is(resolved.detail, "lambda");
	t.regex(resolved.documentation?.value ?? "", /Doubles a number/);
});

test("renaming rewrites inherit, and refuses captures with a reason", async (t) => {
	const editor = await startEditor(t);
	const at = editor.show("a.nix", 'let |a = "😀"; in { inherit a; b = "😀${a}"; }');
	t.like(await editor.ask("textDocument/prepareRename", at), { start: { line: 0, character: 4 } });
	const { changes } = await editor.ask<{ changes: Record<string, TextEdit[]> }>("textDocument/rename", {
		...at,
		newName: "c",
	});
	t.deepEqual(
		changes[editor.uri("a.nix")]?.map(({ range, newText }) => [range.start.character, range.end.character, newText]),
		[
			[4, 5, "c"],
			[19, 29, "a = c;"],
			[39, 40, "c"],
		],
	);
	const refused = await editor.request("textDocument/rename", {
		...editor.show("a.nix", "let |a = 1; in let b = 2; in a"),
		newName: "b",
	});
	t.deepEqual(refused.error, { code: -32803, message: "on line 1 'b' means another variable" });
	t.is(
		(await editor.request("textDocument/prepareRename", editor.show("a.nix", "m|ap"))).error?.message,
		"'map' is built in",
	);
});

test("references, highlights, symbols, foldings, selections, formatting", async (t) => {
	const editor = await startEditor(t);
	const at = editor.show("a.nix", "let\n  |a = 1;\n  b = {\n    c = a;\n  };\nin\na\n");
	const { textDocument, position } = at;
	const all = await editor.ask<Location[]>("textDocument/references", { ...at, context: { includeDeclaration: true } });
	t.deepEqual(
		all.map(({ range }) => range.start.line),
		[1, 3, 6],
	);
	const uses = await editor.ask<Location[]>("textDocument/references", {
		...at,
		context: { includeDeclaration: false },
	});
	t.is(uses.length, 2);
	const highlights = await editor.ask<{ kind: number }[]>("textDocument/documentHighlight", at);
	t.deepEqual(
		highlights.map(({ kind }) => kind),
		[3, 2, 2],
	);
	const symbols = await editor.ask<{ name: string; children: { name: string }[] }[]>("textDocument/documentSymbol", {
		textDocument,
	});
	t.deepEqual(
		symbols.map(({ name, children }) => [name, children.map((each) => each.name)]),
		[
			["a", []],
			["b", ["c"]],
		],
	);
	t.deepEqual(await editor.ask("textDocument/foldingRange", { textDocument }), [
		{ startLine: 0, endLine: 4 },
		{ startLine: 2, endLine: 3 },
	]);
	const [selection] = await editor.ask<{ range: object; parent: { range: object } }[]>("textDocument/selectionRange", {
		textDocument,
		positions: [position],
	});
	t.deepEqual(selection?.range, { start: { line: 1, character: 2 }, end: { line: 1, character: 3 } });
	t.deepEqual(selection?.parent.range, { start: { line: 1, character: 2 }, end: { line: 1, character: 8 } });
	editor.show("a.nix", "{a=1;}");
	t.deepEqual(await editor.ask("textDocument/formatting", { textDocument, options: {} }), [
		{ range: { start: { line: 0, character: 0 }, end: { line: 0, character: 6 } }, newText: "{ a = 1; }\n" },
	]);
	editor.show("a.nix", "{ a = ");
	t.is((await editor.request("textDocument/formatting", { textDocument, options: {} })).error?.code, -32803);
});

test("an env.nix is offered the options of an environment", async (t) => {
	const editor = await startEditor(t);
	const labels = async (marked: string): Promise<string[]> =>
		(await editor.ask<CompletionList>("textDocument/completion", editor.show("env.nix", marked))).items.map(
			({ label }) => label,
		);
	const top = await labels("{ pkgs, ... }: { | }");
	t.true(top.includes("packages") && top.includes("processes"));
	t.false(top.includes("inputs"));
	t.deepEqual(await labels("{ clean = { | }; }"), ["enabled", "keep"]);
	t.deepEqual(await labels("{ clean.| }"), ["enabled", "keep"]);
});
