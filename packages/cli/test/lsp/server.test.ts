/** The server's life, and what no well-behaved editor sends. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import test from "ava";
import { openEditor, startEditor } from "./editor.ts";

test("initialize, shutdown, exit", async (t) => {
	const editor = openEditor(t);
	t.is((await editor.request("textDocument/hover", {})).error?.code, -32002);
	await editor.initialize();
	t.is((await editor.request("initialize", {})).error?.code, -32600);
	t.is((await editor.request("shutdown")).result, null);
	t.is((await editor.request("textDocument/hover", {})).error?.code, -32600);
	editor.notify("exit");
	t.is(await editor.exit, 0);
	t.is(editor.errors, "");
});

test("exit without shutdown, and a pipe that closes, end with 1", async (t) => {
	const first = await startEditor(t);
	first.notify("exit");
	t.is(await first.exit, 1);
	const second = await startEditor(t);
	second.process.stdin.end();
	t.is(await second.exit, 1);
});

test("the server ends with the editor's process", async (t) => {
	const other = spawn(process.execPath, ["--eval", "setTimeout(() => {}, 60_000)"], { stdio: "ignore" });
	const editor = openEditor(t);
	await editor.ask("initialize", { processId: other.pid, capabilities: {} });
	other.kill("SIGKILL");
	await once(other, "exit");
	t.is(await editor.exit, 1);
});

/** Sent as bytes → what the answer without a usable id says. */
const hostile: readonly (readonly [title: string, content: string, id: number | string | null, code: number])[] = [
	["no JSON", "{", null, -32700],
	["a list", "[]", null, -32600],
	["a number", "1", null, -32600],
	["null", "null", null, -32600],
	["no method", '{"jsonrpc":"2.0","id":7}', 7, -32600],
	["an id that is an object", '{"jsonrpc":"2.0","id":{},"method":"x"}', null, -32600],
	["an unknown method", '{"jsonrpc":"2.0","id":"u","method":"textDocument/unknown"}', "u", -32601],
	["a method like a property", '{"jsonrpc":"2.0","id":"p","method":"__proto__"}', "p", -32601],
	["no parameters", '{"jsonrpc":"2.0","id":8,"method":"textDocument/hover"}', 8, -32602],
	[
		"a negative line",
		'{"jsonrpc":"2.0","id":9,"method":"textDocument/hover","params":{"textDocument":{"uri":"file:///a.nix"},"position":{"line":-1,"character":0}}}',
		9,
		-32602,
	],
	[
		"a document that is not open",
		'{"jsonrpc":"2.0","id":10,"method":"textDocument/hover","params":{"textDocument":{"uri":"file:///a.nix"},"position":{"line":0,"character":0}}}',
		10,
		-32602,
	],
	["an item that is none", '{"jsonrpc":"2.0","id":11,"method":"completionItem/resolve","params":null}', 11, -32602],
];

test("wrong messages are answered, and the next is served", async (t) => {
	const editor = await startEditor(t);
	for (const [title, content, id, code] of hostile) {
		editor.sendText(`Content-Length: ${Buffer.byteLength(content)}\r\n\r\n${content}`);
		const answer = await editor.receive(({ method }) => method === undefined);
		t.is(answer.id, id, title);
		t.is(answer.error?.code, code, title);
	}
	editor.sendText("Nothing: here\r\n\r\n");
	t.is((await editor.receive(({ id }) => id === null)).error?.code, -32700);
	// What has no answer: unknown notifications, answers to nothing, changes of what is not open.
	editor.notify("$/unknown");
	editor.send({ id: 5, result: null });
	editor.notify("textDocument/didChange", { textDocument: { uri: "file:///no.nix", version: 1 }, contentChanges: [] });
	editor.notify("textDocument/didOpen", { textDocument: 1 });
	editor.show("a.nix", "1 +");
	t.is((await editor.diagnostics("a.nix")).length, 1);
	t.regex(
		editor.errors,
		/didChange: Error: file:\/\/\/no\.nix is not open[\s\S]*didOpen: params\.textDocument: expected an object/,
	);
});

test("a request that is cancelled is answered as such", async (t) => {
	const editor = await startEditor(t);
	const at = editor.show("a.nix", "(let f = n: if n < 0 then { } else f (n + 1); in f 0).|");
	editor.send({ id: "slow", method: "textDocument/completion", params: at });
	editor.notify("$/cancelRequest", { id: "slow" });
	editor.notify("$/cancelRequest", { id: "another" });
	const answer = await editor.receive(({ id }) => id === "slow");
	t.is(answer.error?.code, -32800);
});

test("documents of other kinds, and those that are no files", async (t) => {
	const editor = await startEditor(t);
	const open = (uri: string, text: string): void => {
		editor.notify("textDocument/didOpen", { textDocument: { uri, languageId: "x", version: 1, text } });
	};
	const position = { line: 0, character: 1 };
	open("untitled:some.nix", "map");
	open("file://host/x.nix", "map");
	open(editor.uri("notes.txt"), "map");
	for (const uri of ["untitled:some.nix", "file://host/x.nix"]) {
		const { result } = await editor.request("textDocument/hover", { textDocument: { uri }, position });
		t.regex(JSON.stringify(result), /builtins\.map/);
	}
	const { error } = await editor.request("textDocument/hover", {
		textDocument: { uri: editor.uri("notes.txt") },
		position,
	});
	t.is(error?.code, -32803);
});

test("large and deep documents", async (t) => {
	const editor = await startEditor(t);
	const large = `[\n${'  { name = "a"; value = builtins.map; }\n'.repeat(100_000)}]\n`;
	editor.show("large.nix", large);
	t.deepEqual(await editor.diagnostics("large.nix"), []);
	const uri = editor.uri("large.nix");
	const begun = Date.now();
	for (let version = 2; version < 12; version++) {
		const at = { line: version, character: 2 };
		editor.notify("textDocument/didChange", {
			textDocument: { uri, version },
			contentChanges: [{ range: { start: at, end: at }, text: " " }],
		});
	}
	const { result } = await editor.request("textDocument/hover", {
		textDocument: { uri },
		position: { line: 5, character: 35 },
	});
	t.regex(JSON.stringify(result), /builtins\.map/);
	t.true(Date.now() - begun < 30_000);
	editor.show("deep.nix", "[".repeat(100_000));
	const [deep] = await editor.diagnostics("deep.nix");
	t.is(deep?.message, "expression is nested too deeply");
	t.is(await editor.ask("textDocument/hover", editor.show("deep.nix", `[|${"[".repeat(100_000)}`)), null);
});
