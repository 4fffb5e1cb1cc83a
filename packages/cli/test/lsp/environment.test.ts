/** env.yaml and env.local.yaml in an editor. */

import test from "ava";
import type { CompletionList, Hover, Location } from "vscode-languageserver-types";
import { startEditor } from "./editor.ts";

test("diagnostics of both files, each at its place", async (t) => {
	const editor = await startEditor(t);
	editor.show("env.yaml", "name: é😀\npakages: [jq]\n");
	const found = await editor.diagnostics("env.yaml");
	t.deepEqual(
		found.map(({ code, range, severity }) => [
			code,
			range.start.line,
			range.start.character,
			range.end.character,
			severity,
		]),
		[
			["ENV_VALUE", 0, 6, 9, 1],
			["ENV_UNKNOWN_KEY", 1, 0, 7, 1],
		],
	);
	t.regex(found[1]?.message as string, /did you mean 'packages'/);
	t.deepEqual(found[1]?.data, { explain: "devenv explain ENV_UNKNOWN_KEY" });
	editor.show("env.yaml", "packages: [jq]\n");
	t.deepEqual(await editor.diagnostics("env.yaml"), []);
	editor.show("env.local.yaml", "prompt: never\n");
	t.like((await editor.diagnostics("env.local.yaml"))[0], {
		code: "ENV_VALUE",
		range: { start: { line: 0, character: 8 } },
	});
	editor.show("env.local.yaml", "prompt: off\n");
	t.deepEqual(await editor.diagnostics("env.local.yaml"), []);
	// The one file depends on the other: an open text counts, not what is on the disk.
	editor.show("env.yaml", "services: { postgres: true }\nprocesses: { web: { exec: x, after: [worker] } }\n");
	t.is((await editor.diagnostics("env.yaml")).length, 1);
	editor.show("env.local.yaml", "processes: { worker: { exec: y } }\n");
	t.deepEqual(await editor.diagnostics("env.yaml"), []);
	editor.show("env.yaml", "\ufeffpakages: []\n");
	t.like((await editor.diagnostics("env.yaml"))[0], { range: { start: { character: 1 }, end: { character: 8 } } });
	t.is(editor.errors, "");
});

test("imports are followed; faults in them are said where they are imported", async (t) => {
	const editor = await startEditor(t);
	editor.write("part/env.yaml", "pakages: []\n");
	editor.show("env.yaml", "imports: [./part, ./missing]\n");
	const found = await editor.diagnostics("env.yaml");
	t.deepEqual(
		found.map(({ code }) => code),
		["ENV_UNKNOWN_KEY", "ENV_IMPORT_MISSING"],
	);
	t.regex(found[0]?.message as string, /^part\/env\.yaml:1: unknown key/);
	editor.show("env.yaml", "imports: [../..]\n");
	t.is((await editor.diagnostics("env.yaml"))[0]?.code, "ENV_IMPORT_OUTSIDE");
});

test("hover texts are those of the declaration", async (t) => {
	const editor = await startEditor(t);
	const hover = async (marked: string): Promise<string> => {
		const found = await editor.ask<Hover | null>("textDocument/hover", editor.show("env.yaml", marked));
		return found === null ? "" : (found.contents as { value: string }).value;
	};
	t.regex(await hover("pack|ages: []\n"), /\*\*packages\*\*[\s\S]*programs and libraries/);
	t.regex(await hover("inputs:\n  debian:\n    u|rl: debian:trixie\n"), /Where the input comes from/);
	t.regex(await hover("prompt: o|ff\n"), /One of `auto`, `off`/);
	// No daemon answers.
	t.is(await hover("packages: [j|q]\n"), "");
	t.is(await hover("# not|hing\n"), "");
});

const completions: readonly (readonly [marked: string, some: readonly string[], none: readonly string[]])[] = [
	["|", ["packages", "inputs", "env"], []],
	["packages: [jq]\npa|\n", ["processes", "inputs"], ["packages"]],
	["prompt: |\n", ["auto", "off"], ["packages"]],
	["clean:\n  |\n", ["enabled", "keep"], ["packages"]],
	["clean: { enabled: | }\n", ["true", "false"], []],
	["inputs:\n  tools:\n    |\n", ["url", "follows", "overlays"], ["packages"]],
	['inputs: { tools: { url: "path:./x" } }\npackages:\n  - |\n', ["tools#", "from"], []],
	["inputs: { tools: { follows: | } }\n", ["tools"], []],
	["processes:\n  web:\n    exec: run\n    re|\n", ["ready", "restart"], ["exec"]],
	["profiles:\n  ci:\n    pack|\n", ["packages"], ["inputs"]],
	["overlays:\n  - |\n", ["./overlay.nix"], []],
	["# |\n", [], ["packages"]],
];

test("completion of keys and values", async (t) => {
	const editor = await startEditor(t);
	editor.write("overlay.nix", "final: prev: { }\n");
	for (const [marked, some, none] of completions) {
		const { items } = await editor.ask<CompletionList>("textDocument/completion", editor.show("env.yaml", marked));
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
	const { items } = await editor.ask<CompletionList>(
		"textDocument/completion",
		editor.show("env.yaml", "pro|mpt: off\n"),
	);
	t.deepEqual(items.find(({ label }) => label === "prompt")?.textEdit, {
		range: { start: { line: 0, character: 0 }, end: { line: 0, character: 6 } },
		newText: "prompt",
	});
	t.is(editor.errors, "");
});

test("definitions, references and symbols", async (t) => {
	const editor = await startEditor(t);
	for (const file of ["part/env.yaml", "overlay.nix", ".env", "tool.deb"]) editor.write(file, "");
	const text = [
		"imports: [./part]",
		"overlays: [./overlay.nix, tools#x.nix]",
		"dotenv: .env",
		"inputs:",
		"  tools: { url: path:./tools }",
		"packages: [tools#jq, jq]",
		"overrides: { tool: { src: ./tool.deb } }",
		"",
	].join("\n");
	const expected: readonly (readonly [at: string, file: string, line: number])[] = [
		["./part", "part/env.yaml", 0],
		["./overlay.nix", "overlay.nix", 0],
		["tools#x.nix", "env.yaml", 4],
		[".env", ".env", 0],
		["tools#jq", "env.yaml", 4],
		["./tool.deb", "tool.deb", 0],
	];
	for (const [at, file, line] of expected) {
		const where = text.indexOf(at) + 1;
		const shown = editor.show("env.yaml", `${text.slice(0, where)}|${text.slice(where)}`);
		const [found] = await editor.ask<Location[]>("textDocument/definition", shown);
		t.is(found?.uri, editor.uri(file), at);
		t.is(found?.range.start.line, line, at);
	}
	const shown = editor.show("env.yaml", text.replace("tools: {", "to|ols: {"));
	const uses = await editor.ask<Location[]>("textDocument/references", {
		...shown,
		context: { includeDeclaration: true },
	});
	t.deepEqual(
		uses.map(({ range }) => range.start.line),
		[4, 5],
	);
	const symbols = await editor.ask<{ name: string }[]>("textDocument/documentSymbol", shown);
	t.deepEqual(
		symbols.map(({ name }) => name),
		["imports", "overlays", "dotenv", "inputs", "packages", "overrides"],
	);
});
