/** Packages that a daemon knows: asked for where one runs, and not waited for. */

import test from "ava";
import type { CompletionList, Hover } from "vscode-languageserver-types";
import { type Answer, FakeDaemon } from "../fake-daemon.ts";
import { type Editor, openEditor } from "./editor.ts";
import type { ExecutionContext } from "ava";

const hits = [
	{ attr: "jq", version: "1.7", description: "JSON processor", input: "debian" },
	{ attr: "jqp", version: "0.5", description: "playground for jq", input: "debian" },
	{ attr: "libjq1", version: "1.7", description: "library of jq", input: "debian" },
];

async function withDaemon(t: ExecutionContext, answer: Answer): Promise<{ editor: Editor; daemon: FakeDaemon }> {
	const daemon = await FakeDaemon.start({ "packages.search": answer });
	t.teardown(() => {
		daemon.close();
	});
	const editor = openEditor(t, { environment: { DEVENV_HOME: daemon.home } });
	await editor.initialize();
	return { editor, daemon };
}

test("packages in env.yaml and of pkgs in env.nix, with version and summary", async (t) => {
	const asked: Record<string, unknown>[] = [];
	const { editor, daemon } = await withDaemon(t, (params) => {
		asked.push(params);
		return { hits, total: hits.length };
	});
	const labels = async (file: string, marked: string): Promise<string[]> =>
		(await editor.ask<CompletionList>("textDocument/completion", editor.show(file, marked))).items.map(
			({ label }) => label,
		);
	t.deepEqual(
		(await labels("env.yaml", "packages: [jq|]\n")).filter((each) => each.startsWith("jq")),
		[],
	);
	t.deepEqual(asked, [], "without an env.lock nothing is asked");
	editor.write("env.lock", "");
	t.deepEqual(
		(await labels("env.yaml", "packages: [jq|]\n")).filter((each) => each.startsWith("jq")),
		["jq", "jqp"],
	);
	t.like(asked[0], { project: editor.folder, query: "jq" });
	const hover = await editor.ask<Hover>("textDocument/hover", editor.show("env.yaml", "packages:\n  - j|q\n"));
	t.deepEqual(hover.contents, { kind: "markdown", value: "**jq** 1.7 (debian)\n\nJSON processor" });
	t.deepEqual(await labels("env.nix", "{ pkgs, ... }: { packages = [ pkgs.jq| ]; }"), ["jq", "jqp"]);
	t.true((await labels("env.nix", "{ pkgs, ... }: { packages = with pkgs; [ jq| ]; }")).includes("jqp"));
	const other = await editor.ask<Hover>("textDocument/hover", editor.show("env.nix", "{ pkgs }: pkgs.j|q"));
	t.regex(JSON.stringify(other.contents), /JSON processor/);
	t.is(editor.errors, "");
	t.true(daemon.received.includes("packages.search"));
});

test("a daemon that does not answer costs a moment, and one that refuses nothing", async (t) => {
	let silent = true;
	const { editor } = await withDaemon(t, () => (silent ? new Promise(() => undefined) : { wrong: true }));
	editor.write("env.lock", "");
	for (const each of [true, false]) {
		silent = each;
		const begun = Date.now();
		const at = editor.show("env.yaml", "packages: [j|q]\n");
		t.is(await editor.ask("textDocument/hover", at), null);
		const { items } = await editor.ask<CompletionList>("textDocument/completion", at);
		t.false(items.some(({ label }) => label === "jq"));
		t.true(Date.now() - begun < 10_000);
	}
	t.is(editor.errors, "");
});
