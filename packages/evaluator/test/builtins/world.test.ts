/** Built-in operations that touch the world: files, store, fetchers, environment, messages. */

import test from "ava";
import { EvalError, Evaluator, type EvaluatorOptions } from "../../src/index.ts";
import { MemoryIO } from "./memory-io.ts";

const files = {
	"/src/a.nix": "{ x = 1;\n  y = 2; }",
	"/src/plain.txt": "text",
	"/src/null.bin": "a\0b",
	"/src/dir/default.nix": '"dir"',
	"/src/dir/inner/b.txt": "b",
	"/src/link": { link: "/src/dir" },
	"/src/scoped.nix": "z + 1",
	"/channels/nixpkgs/default.nix": '"nixpkgs"',
	"/channels/other/lib.nix": '"lib"',
};

function evaluate(expression: string, options: Partial<EvaluatorOptions> = {}): { text: string; io: MemoryIO } {
	const io = new MemoryIO(files);
	const evaluator = new Evaluator({ io, currentSystem: "x86_64-linux", homeDir: "/home/user", ...options });
	try {
		return { text: evaluator.print(evaluator.evalString(expression, "/src"), { strict: true }), io };
	} catch (error) {
		if (!(error instanceof EvalError)) throw error;
		return { text: `error: ${error.message}`, io };
	}
}

const nixPath = [
	{ prefix: "nixpkgs", path: "/channels/nixpkgs" },
	{ prefix: "", path: "/channels" },
	{ prefix: "gone", path: "/nowhere" },
];

const cases: readonly (readonly [expression: string, expected: string, options?: Partial<EvaluatorOptions>])[] = [
	["import ./dir", '"dir"'],
	["import ./link", '"dir"'],
	["scopedImport { z = 1; } ./scoped.nix", "2"],
	["import ./scoped.nix", "error: undefined variable 'z'"],
	["import ./missing.nix", "error: path '/src/missing.nix' does not exist"],
	["builtins.readFile ./plain.txt", '"text"'],
	[
		"builtins.readFile ./null.bin",
		"error: the contents of the file '/src/null.bin' cannot be represented as a Nix string",
	],
	["builtins.readDir ./dir", '{ "default.nix" = "regular"; inner = "directory"; }'],
	["map builtins.readFileType [ ./a.nix ./dir ./link ]", '[ "regular" "directory" "symlink" ]'],
	["builtins.readDir ./link", '{ "default.nix" = "regular"; inner = "directory"; }'],
	[
		'builtins.hashString "blake3" ""',
		'"af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"',
		{ experimentalFeatures: new Set(["blake3-hashes"]) },
	],
	[
		'builtins.hashString "blake3" ""',
		"error: experimental Nix feature 'blake3-hashes' is disabled; add '--extra-experimental-features blake3-hashes' to enable it",
	],
	[
		'builtins.hashFile "crc" ./plain.txt',
		"error: unknown hash algorithm 'crc', expect 'blake3', 'md5', 'sha1', 'sha256', or 'sha512'",
	],
	[
		"builtins.fromTOML ''\n  a = 1\n  b = -9223372036854775809 # c\n''",
		[
			"error: while parsing TOML: [error] toml::parse_dec_integer: too large integer: current max digits = 2^63",
			" --> fromTOML",
			"   |",
			" 2 | b = -9223372036854775809 # c",
			"   |                         ^-- must be < 2^63",
			"",
		].join("\n"),
	],
	["builtins.readFileType ./missing", "error: path '/src/missing' does not exist"],
	[
		'map builtins.pathExists [ ./a.nix ./missing ./link "/src/dir/" "/src/a.nix/" "/src/link/." ]',
		"[ true false true true false true ]",
	],
	['builtins.hashFile "md5" ./plain.txt', '"1cb251ec0d568de6a929b520c4aed8d1"'],
	["<nixpkgs>", "/channels/nixpkgs", { nixPath }],
	["import <nixpkgs>", '"nixpkgs"', { nixPath }],
	["<other/lib.nix>", "/channels/other/lib.nix", { nixPath }],
	[
		"<nixpkgsx>",
		"error: file 'nixpkgsx' was not found in the Nix search path (add it using $NIX_PATH or -I)",
		{ nixPath },
	],
	["(builtins.tryEval <gone>).success", "false", { nixPath }],
	[
		"builtins.nixPath",
		'[ { path = "/channels/nixpkgs"; prefix = "nixpkgs"; } { path = "/channels"; prefix = ""; } { path = "/nowhere"; prefix = "gone"; } ]',
		{ nixPath },
	],
	["<nix/fetchurl.nix>", "/__corepkgs__/fetchurl.nix"],
	['builtins.getEnv "HOME"', '"/home/user"'],
	['builtins.getEnv "HOME"', '""', { pureEval: true }],
	["builtins.currentTime", "1700000000"],
	["builtins.currentSystem", '"x86_64-linux"'],
	["builtins.langVersion", "6"],
	["builtins.storePath /src/a.nix", "error: path '/src/a.nix' is not in the Nix store"],
	[
		'builtins.storePath "/nix/store/00000000000000000000000000000000-x/y"',
		'"/nix/store/00000000000000000000000000000000-x/y"',
	],
	[
		'builtins.storePath "/nix/store/00000000000000000000000000000000-missing"',
		"error: path '/nix/store/00000000000000000000000000000000-missing' is not valid",
	],
	["builtins.path { path = ./dir; extra = 1; }", "error: unsupported argument 'extra' to 'builtins.path'"],
	["builtins.path { name = ./dir; }", "error: expected a string but found a path: /src/dir"],
	['builtins.path { path = ./dir; name = "a b"; }', "error: name 'a b' contains illegal character ' '"],
	["builtins.path { path = ./dir; } == builtins.path { path = ./dir; filter = p: t: true; }", "true"],
	['builtins.path { path = ./dir; } == builtins.path { path = ./dir; filter = p: t: t != "directory"; }', "false"],
	["builtins.filterSource (p: t: true) ./dir == builtins.path { path = ./dir; }", "true"],
	['builtins.filterSource (p: t: true) ./link == builtins.path { path = ./dir; name = "link"; }', "true"],
	[
		'builtins.path { path = ./plain.txt; recursive = false; sha256 = "sha256-mC2ePtYajq4TbwRW55zqzJP+oG1RtsqjP7VKLrwhKyY="; }',
		"error: store path mismatch in (possibly filtered) path added from '/src/plain.txt'",
	],
	['builtins.fetchurl "http://example.org/x.tar"', '"/nix/store/00000000000000000000000000000000-x.tar"'],
	['builtins.fetchurl { url = "http://example.org/x"; bad = 1; }', "error: unsupported argument 'bad' to 'fetchurl'"],
	["builtins.fetchurl { }", "error: 'url' argument required"],
	['fetchTarball "http://example.org/x.tar"', '"/nix/store/00000000000000000000000000000000-source"'],
	[
		'fetchTarball "http://example.org/x.tar"',
		"error: in pure evaluation mode, 'fetchTarball' requires a 'sha256' argument",
		{ pureEval: true },
	],
	['(fetchGit { url = "/r"; rev = "abc"; }).rev', '"abc"'],
	['fetchGit { type = "git"; }', "error: unexpected argument 'type'"],
	[
		"fetchGit { url = [ ]; }",
		"error: argument 'url' to 'fetchGit' is a list while a string, Boolean or integer is expected",
	],
	["builtins ? fetchTree", "false"],
	[
		'(builtins.fetchTree { type = "path"; path = "/x"; }).outPath',
		'"/nix/store/00000000000000000000000000000000-source"',
		{ experimentalFeatures: new Set(["fetch-tree"]) },
	],
	["builtins ? outputOf", "false"],
	[
		'builtins.outputOf (builtins.unsafeDiscardOutputDependency (derivation { name = "x"; system = "s"; builder = "/b"; }).drvPath) "out" == (derivation { name = "x"; system = "s"; builder = "/b"; }).outPath',
		"true",
		{ experimentalFeatures: new Set(["dynamic-derivations"]) },
	],
	['(builtins.unsafeGetAttrPos "x" (import ./a.nix)).file', '"/src/a.nix"'],
	['let p = builtins.unsafeGetAttrPos "y" (import ./a.nix); in [ p.line p.column ]', "[ 2 3 ]"],
	['builtins.warn "careful" 1', "1"],
	["builtins.warn 1 1", "error: expected a string but found an integer: 1"],
	[
		'builtins.warn "careful" 1',
		"error: aborting to reveal stack trace of warning, as abort-on-warn is set",
		{ abortOnWarn: true },
	],
	[
		'builtins.convertHash { hash = "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="; toHashFormat = "base16"; }',
		'"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"',
	],
	[
		'builtins.convertHash { hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; hashAlgo = "sha256"; toHashFormat = "nix32"; }',
		'"1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s"',
	],
	['builtins.convertHash { hash = "x"; toHashFormat = "sri"; }', `error: hash "x" does not say its algorithm`],
	['builtins.appendContext "x" { "/nix/store/00000000000000000000000000000000-y" = { path = true; }; } == "x"', "true"],
	['builtins.appendContext "x" { y = { }; }', "error: context key 'y' is not a store path"],
	[
		'builtins.appendContext "x" { "/nix/store/00000000000000000000000000000000-y" = { allOutputs = true; }; }',
		"error: tried to add all-outputs context of /nix/store/00000000000000000000000000000000-y, which is not a derivation, to a string",
	],
	[
		'let d = (derivation { name = "x"; system = "s"; builder = "/b"; }).drvPath; in builtins.addDrvOutputDependencies (builtins.unsafeDiscardOutputDependency d) == d',
		"true",
	],
	['builtins.addDrvOutputDependencies "x"', "error: context of string 'x' must have exactly one element, but has 0"],
	[
		'(import (derivation { name = "x"; system = "s"; builder = "/b"; outputs = [ "out" "dev" ]; }).drvPath).dev.outputName',
		'"dev"',
	],
	[
		'let d = derivation { name = "x"; system = "s"; builder = "/b"; outputs = [ "out" "dev" ]; }; in (import d.drvPath).dev.outPath == d.dev.outPath',
		"true",
	],
];

for (const [expression, expected, options] of cases) {
	test(`${expression}${options === undefined ? "" : ` (${Object.keys(options).join(", ")})`}`, (t) => {
		t.is(evaluate(expression, options).text, expected);
	});
}

test("messages carry their level", (t) => {
	const { io } = evaluate('builtins.trace [ 1 ] (builtins.warn "w" (builtins.traceVerbose "no" 1))');
	t.deepEqual(io.messages.slice(0, 2), ["trace: [ 1 ]", "evaluationWarning: w"]);
});

test("verbose traces are shown when asked for", (t) => {
	t.deepEqual(evaluate('builtins.traceVerbose "v" 1').io.messages, []);
	t.deepEqual(evaluate('builtins.traceVerbose "v" 1', { traceVerbose: true }).io.messages, ["trace: v"]);
});

test("a missing entry of the search path is told once", (t) => {
	const { io } = evaluate("[ (builtins.tryEval <gone>) (builtins.tryEval <gone>) ]", {
		nixPath: [{ prefix: "gone", path: "/nowhere" }],
	});
	t.deepEqual(io.messages, ["warning: Nix search path entry '/nowhere' does not exist, ignoring"]);
});

test("what is read from a derivation's output is realised before", (t) => {
	const { io } = evaluate(
		'builtins.readFile "${derivation { name = "x"; system = "s"; builder = "/b"; outputs = [ "out" "dev" ]; }}/f"',
	);
	t.is(io.realised.length, 1);
	t.regex(io.realised[0] ?? "", /-x\.drv out$/);
});

test("a derivation is instantiated only when a path of it is needed", (t) => {
	const lazy = evaluate('(derivation { name = "x"; system = throw "no"; builder = "/b"; }).name');
	t.is(lazy.text, '"x"');
	t.is(lazy.io.derivations.size, 0);
});

test("a derivation refers to the closure of what it takes the drvPath of", (t) => {
	const { io } = evaluate(`
		let
			a = derivation { name = "a"; system = "s"; builder = "/b"; src = builtins.toFile "t" "text"; };
			b = derivation { name = "b"; system = "s"; builder = "/b"; inherit a; };
		in (derivation { name = "c"; system = "s"; builder = "/b"; deep = b.drvPath; }).drvPath`);
	const c = [...io.derivations.values()].find(({ derivation }) => derivation.name === "c")?.derivation;
	const names = (paths: Iterable<string>): string[] => [...paths].map((path) => path.slice(44)).sort();
	t.deepEqual(names(c?.inputSrcs ?? []), ["a.drv", "b.drv", "t"]);
	t.deepEqual(names(c?.inputDrvs.keys() ?? []), ["a.drv", "b.drv"]);
});

test("an evaluation error inside a derivation names the derivation", (t) => {
	const evaluator = new Evaluator({ io: new MemoryIO(files), currentSystem: "x86_64-linux" });
	const expression = '(derivation { name = "x"; system = "s"; builder = "/b"; v = throw "inner"; }).drvPath';
	const error = t.throws(() => evaluator.forceDeep(evaluator.evalString(expression, "/")), { instanceOf: EvalError });
	const messages = error.frames.map((frame) => frame.message);
	t.true(messages.includes("while evaluating attribute 'v' of derivation 'x'"), messages.join("\n"));
	t.true(
		messages.some((message) =>
			message.startsWith("while evaluating derivation 'x'\n  whose name attribute is located at"),
		),
	);
});

test("what a derivation is comes before its parts when it is evaluated completely", (t) => {
	const drv = `derivation { name = "d"; system = "s"; builder = "/b"; aaa = throw "early"; }`;
	const io = new MemoryIO(files);
	const evaluator = new Evaluator({ io, currentSystem: "x86_64-linux" });
	const error = t.throws(() => evaluator.print(evaluator.evalString(drv, "/src"), { strict: true }), {
		instanceOf: EvalError,
	});
	t.regex(evaluator.formatError(error), /while evaluating attribute 'aaa' of derivation 'd'/);
});

test("a warning about an attribute says which derivation has it, and where", (t) => {
	const drv = `derivation { name = "d"; system = "s"; builder = "/b"; __structuredAttrs = true; maxSize = 1; }`;
	const { io } = evaluate(`(${drv}).drvPath`);
	t.deepEqual(io.messages.length, 1);
	const [first, ...rest] = (io.messages[0] ?? "").split("\n").map((line) => line.trim());
	t.is(first, "warning:");
	t.regex(rest[0] ?? "", /while evaluating derivation 'd'$/);
	t.regex(rest[2] ?? "", /^warning: 'structuredAttrs' disables the effect of the derivation attribute 'maxSize'/);
	t.regex(rest[3] ?? "", /:1:83:$/);
});
