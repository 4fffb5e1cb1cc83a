/** The language server as it is installed: a bundle with an evaluating thread of its own. */

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import test from "ava";
import { Installation, launcher } from "./installation.ts";

const installation = new Installation();

test.after.always(() => installation.remove());

function framed(message: object): string {
	const text = JSON.stringify({ jsonrpc: "2.0", ...message });
	return `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
}

test("it completes by evaluation, writes nothing, and ends with its input", async (t) => {
	const folder = installation.project("project", { "lib.nix": "{ answer = 42; }" });
	const child = spawn(launcher, ["lsp"], {
		cwd: folder,
		env: { PATH: process.env["PATH"], HOME: folder, DEVENV_HOME: installation.home },
		timeout: 60_000,
	});
	const exit = new Promise((resolve) => child.on("exit", resolve));
	let stdout = "";
	let stderr = "";
	child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
	const answered = new Promise<void>((resolve) => {
		child.stdout.setEncoding("utf8").on("data", (text: string) => {
			stdout += text;
			if (stdout.includes('"id":2')) resolve();
		});
		child.on("exit", () => resolve());
	});
	const uri = pathToFileURL(join(folder, "a.nix")).href;
	const text = "(import ./lib.nix).";
	child.stdin.write(
		[
			framed({ id: 1, method: "initialize", params: { processId: process.pid, capabilities: {} } }),
			framed({
				method: "textDocument/didOpen",
				params: { textDocument: { uri, languageId: "nix", version: 1, text } },
			}),
			framed({
				id: 2,
				method: "textDocument/completion",
				params: { textDocument: { uri }, position: { line: 0, character: text.length } },
			}),
		].join(""),
	);
	await answered;
	child.stdin.end();
	t.is(await exit, 1, stderr);
	t.regex(stdout, /^Content-Length: \d+\r\n\r\n\{"jsonrpc":"2\.0","id":1,"result"/);
	t.regex(stdout, /"id":2,"result":\{"isIncomplete":false,"items":\[\{"label":"answer"/);
	t.is(stderr, "");
	t.false(existsSync(installation.home));
});
