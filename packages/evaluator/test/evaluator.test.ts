import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { Attrs, attrsFromEntries, EvalError, Evaluator, EvalIoError } from "../src/index.ts";
import { ReadOnlyIo } from "./read-only-io.ts";

function folder(t: ExecutionContext, files: Readonly<Record<string, string>>): string {
	const path = mkdtempSync(join(tmpdir(), "evaluator-"));
	t.teardown(() => {
		rmSync(path, { recursive: true });
	});
	for (const [name, text] of Object.entries(files)) {
		mkdirSync(join(path, name, ".."), { recursive: true });
		writeFileSync(join(path, name), text);
	}
	return path;
}

function evaluator(): Evaluator {
	return new Evaluator({ io: new ReadOnlyIo(), currentSystem: "x86_64-linux" });
}

test("a file is evaluated once, however it is reached", (t) => {
	const path = folder(t, {
		"main.nix": "[ (import ./lib) (import ./lib/default.nix) (import ./link) ]",
		"lib/default.nix": 'builtins.trace "evaluated" 1',
	});
	symlinkSync("lib", join(path, "link"));
	const io = new ReadOnlyIo();
	const subject = new Evaluator({ io, currentSystem: "x86_64-linux" });
	t.is(subject.print(subject.evalFile(join(path, "main.nix")), { strict: true }), "[ 1 1 1 ]");
	t.deepEqual(io.messages, ["trace: evaluated"]);
});

test("files that import each other's value are infinite recursion", (t) => {
	const path = folder(t, { "a.nix": "import ./b.nix", "b.nix": "import ./a.nix" });
	const error = t.throws(() => evaluator().evalFile(join(path, "a.nix")), { instanceOf: EvalError });
	t.is(error.code, "EVAL_INFINITE_RECURSION");
});

test("changed files are read again after forgetting", (t) => {
	const path = folder(t, { "a.nix": "1" });
	const subject = evaluator();
	const file = join(path, "a.nix");
	t.is(subject.evalFile(file), 1);
	writeFileSync(file, "2");
	t.is(subject.evalFile(file), 1);
	subject.forgetFiles();
	t.is(subject.evalFile(file), 2);
});

test("a folder is read once, until it is forgotten", (t) => {
	const path = folder(t, { "a.nix": "1", "sub/b": "" });
	const subject = evaluator();
	const names = (): string => subject.print(subject.evalString(`builtins.readDir ${path}`, path), { strict: true });
	const before = '{ "a.nix" = "regular"; sub = "directory"; }';
	t.is(names(), before);
	writeFileSync(join(path, "c"), "");
	t.is(names(), before);
	subject.forgetFolders();
	t.is(names(), '{ "a.nix" = "regular"; c = "regular"; sub = "directory"; }');
	writeFileSync(join(path, "d"), "");
	subject.forgetFiles();
	t.regex(names(), /d = "regular"/);
});

test("a missing file is an error with the path", (t) => {
	const error = t.throws(() => evaluator().evalFile("/nonexistent/file.nix"), { instanceOf: EvalError });
	t.is(error.code, "EVAL_IO");
	t.is(error.message, "path '/nonexistent/file.nix' does not exist");
	t.true(error.cause instanceof EvalIoError);
});

test("scopedImport adds variables", (t) => {
	const path = folder(t, { "a.nix": "x + y" });
	const text = `scopedImport { x = 1; y = 2; } ${join(path, "a.nix")}`;
	t.is(evaluator().evalString(text, "/"), 3);
});

test("paths in a text start from its folder", (t) => {
	const subject = evaluator();
	t.is(subject.print(subject.evalString("./a/../b", "/x")), "/x/b");
});

test("selects along a path, calling functions on the way", (t) => {
	const subject = evaluator();
	const value = subject.evalString('{ a = { n, m ? 1 }: { "b.c" = [ 5 (n + m) ]; }; }', "/");
	const args = attrsFromEntries([["n", 2]]);
	t.is(subject.force(subject.select(value, 'a."b.c".1', args).value), 3);
	t.throws(() => subject.select(value, "x", args), {
		message: "attribute 'x' in selection path 'x' not found",
	});
	t.throws(() => subject.select(value, 'a."b.c".7', args), {
		message: "list index 7 in selection path 'a.\"b.c\".7' is out of range",
	});
	t.throws(() => subject.select(value, "a.b"), { message: /cannot evaluate a function that has an argument without/ });
	t.throws(() => subject.select(value, "0"), {
		message: "the expression selected by the selection path '0' should be a list but is a set",
	});
});

test("calls with automatic arguments", (t) => {
	const subject = evaluator();
	const args = attrsFromEntries([
		["a", 1],
		["z", 2],
	]);
	t.is(subject.autoCall(subject.evalString("{ a }: a", "/"), args), 1);
	const all = subject.autoCall(subject.evalString("{ a, ... }@x: x", "/"), args);
	t.true(all instanceof Attrs && all.has("z"));
	t.is(subject.autoCall(subject.evalString("{ __functor = self: { a }: a + 1; }", "/"), args), 2);
	t.is(subject.autoCall(subject.evalString("5", "/"), args), 5);
});

test("an error as a diagnostic", (t) => {
	const subject = evaluator();
	const error = t.throws(() => subject.evalString("let\n  naem = 1;\nin name", "/"), { instanceOf: EvalError });
	t.deepEqual(subject.diagnose(error), {
		code: "EVAL_UNDEFINED_VARIABLE",
		severity: "error",
		message: "undefined variable 'name'",
		location: { file: "«string»", line: 3, column: 4, length: 1, lineText: "in name" },
		hint: "did you mean naem?",
	});
});

test("columns of diagnostics count characters, those of Nix bytes", (t) => {
	const subject = evaluator();
	const text = Buffer.from('"é" + x', "utf8").toString("latin1");
	const error = t.throws(() => subject.evalString(text, "/"), { instanceOf: EvalError });
	t.is(subject.diagnose(error).location?.column, 7);
	t.regex(subject.formatError(error), /:1:8:/);
});

test("a thrown error leaves the evaluator usable", (t) => {
	const subject = evaluator();
	for (let i = 0; i < 3; i++) {
		t.throws(() => subject.evalString('let f = n: if n == 0 then throw "x" else f (n - 1); in f 500', "/"));
	}
	t.is(subject.evalString("let f = n: if n == 0 then 1 else f (n - 1); in f 500", "/"), 1);
});

test("deep recursion fits a large stack only", async (t) => {
	const { Worker } = await import("node:worker_threads");
	const worker = new Worker(new URL("deep-worker.ts", import.meta.url), { resourceLimits: { stackSizeMb: 256 } });
	const result = await new Promise((resolve, reject) => {
		worker.once("message", resolve);
		worker.once("error", reject);
	});
	t.is(result, 100_000);
});
