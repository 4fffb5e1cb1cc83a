/** The REPL on a pipe: lines in, what is shown out. */

import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { userLayout } from "@devenv/client";
import { removeFolder } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import { EvaluationHost } from "../../src/evaluation/evaluation-host.ts";
import { ReplThread } from "../../src/repl/repl-thread.ts";
import { runRepl } from "../../src/repl/run-repl.ts";

interface Fixture {
	readonly folder: string;
	readonly run: (lines: readonly string[], first?: readonly string[]) => Promise<Outcome>;
	readonly thread: (printed?: string[]) => ReplThread;
}

interface Outcome {
	readonly whole: boolean;
	readonly output: string;
	readonly errors: string;
}

function setUp(t: ExecutionContext): Fixture {
	const folder = mkdtempSync(join(tmpdir(), "devenv-repl-"));
	t.teardown(() => {
		removeFolder(folder);
	});
	const layout = userLayout({ DEVENV_HOME: join(folder, "home"), HOME: folder });
	const run: Fixture["run"] = async (lines, first = []) => {
		const [output, error] = [new PassThrough(), new PassThrough()];
		const pieces = [output, error].map((stream) => {
			const texts: string[] = [];
			stream.on("data", (piece: Buffer) => texts.push(piece.toString("utf8")));
			return texts;
		});
		const whole = await runRepl({
			layout,
			first,
			include: [`here=${folder}`],
			input: Readable.from([lines.map((line) => `${line}\n`).join("")]),
			output,
			error,
		});
		await new Promise(setImmediate);
		const [printed = "", errors = ""] = pieces.map((texts) => texts.join(""));
		return { whole, output: printed, errors };
	};
	const thread: Fixture["thread"] = (printed = []) => {
		const host = new EvaluationHost(layout, layout.storeRoot);
		const made = new ReplThread({ layout, host, include: [], print: (text) => printed.push(text) });
		t.teardown(async () => {
			await made.close();
			await host.close();
		});
		return made;
	};
	return { folder, run, thread };
}

test("values, variables and expressions of several lines", async (t) => {
	const { run } = setUp(t);
	const outcome = await run([
		"1 + 1",
		"x = { a = 1 + 1; b.c = [ 1 ]; }",
		"y = x.a + 40;",
		"y",
		"{ inherit",
		"  (x)",
		"  a; }",
		"",
		"# nothing",
		"map = 1",
		"map",
		"let builtins = 2; in builtins",
	]);
	t.deepEqual(outcome, { whole: true, output: "2\n42\n{ a = 2; }\n1\n2\n", errors: "" });
});

test("values are shown one level deep, by :p completely, long ones on several lines", async (t) => {
	const { run } = setUp(t);
	const value =
		'{ a = "é\\n"; b = { c = { }; d = [ 1 2.5 null true ./x ]; }; f = x: x; g = builtins.map; h = builtins.map (x: x); t = throw "no"; }';
	const { output, whole } = await run([
		value,
		`:p (${value}).b`,
		":p let r = { inherit r; }; in r",
		"[ ]",
		"[ { } [ 1 ] ]",
	]);
	t.true(whole);
	t.is(
		output.replace(/lambda @ «string»:1:\d+/, "lambda"),
		`{
  a = "é\\n";
  b = { ... };
  f = «lambda»;
  g = «primop map»;
  h = «partially applied primop map»;
  t = «error: no»;
}
{ c = { }; d = [ 1 2.5 null true ${process.cwd()}/x ]; }
{ r = «repeated»; }
[ ]
[ { } [ ... ] ]
`,
	);
});

test("commands: types, strings, documentation, files, flakes, unknown ones", async (t) => {
	const { run, folder } = setUp(t);
	writeFileSync(
		join(folder, "set.nix"),
		`{ more ? 1 }: {
			inherit more;
			/**
			  Doubles a number.

			  See \`more\`.
			*/
			double = x: x * 2;
		}`,
	);
	mkdirSync(join(folder, "flake"));
	writeFileSync(join(folder, "flake/flake.nix"), "{ outputs = { self }: { out = 5; }; }");
	const { output, errors, whole } = await run([
		`:l ${folder}/set.nix`,
		"double more",
		":t double",
		":doc double",
		":doc builtins.length",
		':ps "a\\nb"',
		":a { added = 7; }",
		"added",
		":l <here/set.nix>",
		":lf path:" + join(folder, "flake"),
		"out",
		":e double",
		":r",
		"added",
		":nonsense",
		":t",
	]);
	t.false(whole);
	t.is(
		output,
		[
			"Added 2 variables.",
			"2",
			"a value of type lambda",
			"double\n\nDoubles a number.\n\nSee `more`.",
			"builtins.length e\n\nHow many elements a list has.",
			"a\nb",
			"Added 1 variable.",
			"7",
			"Added 2 variables.",
			"Added 9 variables.",
			"5",
			`${folder}/set.nix:8:13`.replace(/:\d+$/, ""),
			"Added 2 variables.",
			"Added 2 variables.",
			"Added 9 variables.",
			"",
		].join("\n"),
	);
	t.regex(errors, /undefined variable 'added'/);
	t.regex(errors, /unknown command ':nonsense'; :\? lists the commands/);
	t.regex(errors, /this command needs an expression/);
});

test("errors, with whole traces when they are wanted, and an end in the middle", async (t) => {
	const { run } = setUp(t);
	const fails = 'let f = x: g x; g = y: throw "deep"; in f 1';
	const { errors, whole } = await run([fails, ":te", fails, "a b"]);
	t.false(whole);
	const [short = "", long = ""] = errors.split("error: deep");
	t.true(long.length > short.length);
	t.regex(errors, /undefined variable 'a'/);
	const cut = await run(["{ a ="]);
	t.deepEqual(cut, { whole: false, output: "", errors: "error: the input ends within an expression\n" });
});

test("a derivation is instantiated, and what cannot be built says so", async (t) => {
	const { run } = setUp(t);
	const drv = 'derivation { name = "x"; system = "none-none"; builder = "/b"; }';
	const { output, errors, whole } = await run([`{ d = ${drv}; }`, `:b ${drv}`, ":b 1", `:log ${drv}`, "1"]);
	t.false(whole);
	t.regex(output, /^\{ d = «derivation \/nix\/store\/\w+-x\.drv»; \}\n1\n$/);
	t.regex(errors, /^error: 'x' is built on none-none, this machine is/);
	t.regex(errors, /the expression evaluates to no derivation/);
	t.regex(errors, /error: there is no build log of \w+-x\.drv\n$/);
});

test("completion: names, attributes of what can be evaluated, commands", async (t) => {
	const { thread } = setUp(t);
	const repl = thread();
	await repl.run('some = { first = 1; "with space" = 2; fail = throw "x"; }');
	const names = async (line: string): Promise<readonly string[]> => (await repl.complete(line)).names;
	t.deepEqual(await names("1 + so"), ["some"]);
	t.deepEqual(await names("some.f"), ["some.fail", "some.first"]);
	t.deepEqual(await names("[ some."), ["some.fail", "some.first", 'some."with space"']);
	t.deepEqual(await names("some.fail."), []);
	t.deepEqual(await names("builtins.hashS"), ["builtins.hashString"]);
	t.deepEqual(await names(":lo"), [":load", ":load-flake", ":log"]);
	t.deepEqual(await names("1 + "), []);
});

test("an evaluation without end is given up, and the variables are still there", async (t) => {
	const { thread } = setUp(t);
	const printed: string[] = [];
	const repl = thread(printed);
	await repl.run("kept = 41");
	const endless = repl.run(
		"builtins.foldl' (a: b: builtins.foldl' builtins.add 0 (builtins.genList (x: x) 1000)) 0 (builtins.genList (x: x) 10000000)",
	);
	await new Promise((resolve) => setTimeout(resolve, 500));
	t.true(repl.busy);
	await repl.interrupt();
	t.is(await endless, "failed");
	t.is(await repl.run("kept + 1"), "done");
	t.deepEqual(printed, ["42"]);
});
