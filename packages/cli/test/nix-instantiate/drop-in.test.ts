/** The whole program, in processes of its own, beside real Nix where that is installed. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeEnvironment, removeFolder, skip } from "@devenv/test-support";
import test from "ava";

const folder = mkdtempSync(join(tmpdir(), "devenv-drop-in-"));
test.after.always(() => {
	removeFolder(folder);
});

/** Runs several command lines one after the other; a line with a mark and the exit status follows each output. */
const program = `
	import { writeSync } from "node:fs";
	import { runNixInstantiate } from ${JSON.stringify(new URL("../../src/nix-instantiate/run-nix-instantiate.ts", import.meta.url).href)};
	for (const argv of JSON.parse(process.env.TEST_RUNS)) {
		const status = await runNixInstantiate(argv);
		await new Promise((done) => process.stderr.write("", done));
		for (const descriptor of [1, 2]) writeSync(descriptor, "\\0" + status + "\\n");
	}
	process.exit(0);
`;

interface Run {
	readonly status: number | null;
	readonly stdout: string;
	readonly stderr: string;
}

const work = join(folder, "work");
mkdirSync(work);
writeFileSync(
	join(work, "default.nix"),
	`{ greeting ? "hello" }: rec {
		a = derivation { name = "a"; system = "x86_64-linux"; builder = "/b"; inherit greeting; };
		b = derivation { name = "b"; system = "x86_64-linux"; builder = "/b"; outputs = [ "out" "dev" ]; inherit a; src = ./data; };
		inner = { recurseForDerivations = true; c = a // { name = "c"; }; skipped = 1; };
		hidden = { d = a; };
		"not a name" = throw "not looked into";
		value = { n = 1; s = "text"; l = [ 1.5 null true ]; p = ./data; };
	}`,
);
writeFileSync(join(work, "data"), "data\n");
writeFileSync(join(work, "broken.nix"), "{ a = ; }");

/** Real Nix's configuration: as root it would warn of a group of build users that not every machine has. */
const configuration = join(folder, "conf");
mkdirSync(configuration);
writeFileSync(join(configuration, "nix.conf"), "build-users-group =\n");

function oursAll(runs: readonly (readonly string[])[], input = ""): Run[] {
	const all = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
		cwd: work,
		encoding: "utf8",
		input,
		env: { ...nodeEnvironment(), DEVENV_HOME: join(folder, "ours"), TEST_RUNS: JSON.stringify(runs) },
	});
	const parts = (text: string): string[] => text.split(/\0(?=\d+\n)/);
	const body = (text: string | undefined): string => (text ?? "").replace(/^\d+\n/, "");
	const out = parts(all.stdout);
	const err = parts(all.stderr);
	return runs.map((_, index) => ({
		status: Number(/^\d+/.exec(out[index + 1] ?? "")?.[0] ?? Number.NaN),
		stdout: index === 0 ? (out[0] ?? "") : body(out[index]),
		stderr: index === 0 ? (err[0] ?? "") : body(err[index]),
	}));
}

function ours(argv: readonly string[], input = ""): Run {
	const [only] = oursAll([argv], input);
	if (only === undefined) throw new Error("no output");
	return only;
}

function real(argv: readonly string[], input = ""): Run {
	return spawnSync("nix-instantiate", ["--store", join(folder, "real"), ...argv], {
		cwd: work,
		encoding: "utf8",
		input,
		env: {
			PATH: process.env["PATH"],
			HOME: join(folder, "home"),
			NIX_CONF_DIR: configuration,
			NIX_STATE_DIR: join(folder, "state"),
			NIX_LOG_DIR: join(folder, "log"),
		},
	});
}

const realVersion = spawnSync("nix-instantiate", ["--version"], { encoding: "utf8" });
const hasReal = realVersion.status === 0;

/** Command lines whose standard output and exit status must be those of real Nix. */
const shared: readonly (readonly string[])[] = [
	["--eval", "-E", "1 + 1"],
	["--eval", "-E", "{ a = 1; b = { c = 2; }; f = x: x; }"],
	["--eval", "--strict", "-E", "{ a = 1; b = { c = 2; }; f = x: x; }"],
	["--eval", "-A", "value"],
	["--eval", "--strict", "--json", "-A", "value"],
	["--eval", "--strict", "--xml", "-A", "value.l"],
	["--eval", "--xml", "--no-location", "-A", "value"],
	["--eval", "--json", "-A", "a.drvPath"],
	["--eval", "-A", "a.greeting", "--argstr", "greeting", "bye"],
	["--eval", "-A", "a.greeting", "--arg", "greeting", '"by" + "e"'],
	["--eval", "-A", "value.l.1"],
	["--eval", "-A", "value.missing"],
	["--eval", "-E", 'throw "x"'],
	["--eval", "broken.nix"],
	["--eval", "missing.nix"],
	["--parse", "-E", '{ x ? 1, ... }@a: with a; [ x (x + 1) "s${x}" ]'],
	["--parse", "broken.nix"],
	["--find-file", "-I", "here=.", "here/data"],
	["--eval", "-E", "<here/data>", "-I", "here=."],
	["-A", "a"],
	["-A", "b"],
	["-A", "b.dev"],
	["-A", "a", "-A", "inner"],
	[],
	["-A", "value"],
	["-A", "a", "--readonly-mode", "--argstr", "greeting", "unseen"],
	["-E", "[ (import ./. { }).a ]"],
	["--eval", "-"],
	["--frobnicate"],
];

const sharedInput = "[ 1 2 ]";
let found: Run[] = [];
test.before(() => {
	if (hasReal) found = oursAll(shared, sharedInput);
});

for (const [index, argv] of shared.entries()) {
	test(`as real Nix: ${argv.join(" ")}`, (t) => {
		if (!hasReal) {
			skip(t, "no nix-instantiate on PATH");
			return;
		}
		const expected = real(argv, sharedInput);
		const run = found[index];
		t.is(run?.status, expected.status ?? Number.NaN, run?.stderr);
		// Versions from 2.9 on end JSON with a line end.
		const lineEnd = argv.includes("--json") && expected.status === 0 && !expected.stdout.endsWith("\n") ? "\n" : "";
		t.is(run?.stdout, expected.stdout + lineEnd, run?.stderr);
		t.is(run?.stderr === "", expected.stderr === "", run?.stderr);
	});
}

test("writes the store derivations that it prints, and what they need", (t) => {
	const run = ours(["-A", "b", "--argstr", "greeting", "written"]);
	t.is(run.status, 0, run.stderr);
	t.is(run.stderr, "warning: you did not specify '--add-root'; the result might be removed by the garbage collector\n");
	const drvPath = run.stdout.trim();
	const file = join(folder, "ours/root", drvPath);
	t.true(existsSync(file));
	for (const input of readFileSync(file, "utf8").matchAll(/\/nix\/store\/[a-z0-9]{32}-(?:a\.drv|data)/g)) {
		t.true(existsSync(join(folder, "ours/root", input[0])), input[0]);
	}
});

test("--add-root links to the result and prints the link", (t) => {
	const link = join(folder, "result");
	const run = ours(["-A", "a", "--add-root", link]);
	t.is(run.status, 0, run.stderr);
	t.is(run.stdout, `${link}\n`);
	t.is(run.stderr, "");
	t.regex(readlinkSync(link), /-a\.drv$/);
});

test("--eval writes nothing", (t) => {
	const home = join(folder, "ours-eval");
	const run = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
		cwd: work,
		encoding: "utf8",
		env: { ...nodeEnvironment(), DEVENV_HOME: home, TEST_RUNS: JSON.stringify([["--eval", "-A", "b.drvPath"]]) },
	});
	t.regex(run.stdout, /^"\/nix\/store\/[a-z0-9]{32}-b\.drv"\n/);
	t.false(existsSync(join(home, "root")) && readdirSync(join(home, "root")).length > 0);
});

test("a failure is shown with its place", (t) => {
	const run = ours(["--eval", "-E", 'throw "kaboom"']);
	t.is(run.status, 1);
	t.is(run.stdout, "");
	t.is(
		run.stderr,
		[
			"error:",
			"       … while calling the 'throw' builtin",
			"         at «string»:1:1:",
			'            1| throw "kaboom"',
			"             | ^",
			"",
			"       error: kaboom",
			"",
		].join("\n"),
	);
});

test("deep recursion needs no option", (t) => {
	const run = ours([
		"--option",
		"max-call-depth",
		"1000000",
		"--eval",
		"-E",
		"let f = n: if n == 0 then 0 else 1 + f (n - 1); in f 50000",
	]);
	t.is(run.stdout, "50000\n", run.stderr);
});

test("what is imported from a derivation is built first", (t) => {
	writeFileSync(join(folder, "imported.nix"), "{ a = 42; }");
	const url = `file://${join(folder, "imported.nix")}`;
	const hash = "sha256:b1a1ff0dd9f36d77c4bb6a5a7b0d8a7b17a4b3d3c9d1a2d1a2d1a2d1a2d1a2d1";
	const wrong = ours([
		"--eval",
		"--read-write-mode",
		"-E",
		`import (import <nix/fetchurl.nix> { url = "${url}"; hash = "${hash}"; })`,
	]);
	t.is(wrong.status, 1);
	t.regex(wrong.stderr, /hash/i);
	const digest = 'builtins.hashFile "sha256" (builtins.toPath "' + join(folder, "imported.nix") + '")';
	const right = ours([
		"--eval",
		"--read-write-mode",
		"-E",
		`(import (import <nix/fetchurl.nix> { url = "${url}"; sha256 = ${digest}; })).a`,
	]);
	t.is(right.stdout, "42\n", right.stderr);
});

test("traces and warnings go to standard error, as Nix writes them", (t) => {
	const run = ours(["--eval", "-E", 'builtins.trace { a = 1; } (builtins.warn "one\\ntwo" 1)']);
	t.is(run.stdout, "1\n");
	t.is(run.stderr, "trace: { a = 1; }\nevaluation warning: one\n                    two\n");
});
