/** `nix-build`: its command line, and whole runs in processes of their own. */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DiagnosticError } from "@devenv/diagnostics";
import { nodeEnvironment, removeFolder } from "@devenv/test-support";
import test from "ava";
import { type BuildArguments, parseBuildArguments } from "../../src/nix-build/build-arguments.ts";

const folder = mkdtempSync(join(tmpdir(), "devenv-nix-build-"));
test.after.always(() => {
	removeFolder(folder);
});

const program = `
	import { runNixBuild } from ${JSON.stringify(new URL("../../src/nix-build/run-nix-build.ts", import.meta.url).href)};
	process.exit(await runNixBuild(process.argv.slice(1)));
`;

interface Run {
	readonly status: number | null;
	readonly stdout: string;
	readonly stderr: string;
}

function build(cwd: string, ...argv: readonly string[]): Run {
	return spawnSync(process.execPath, ["--input-type=module", "--eval", program, "--", ...argv], {
		cwd,
		encoding: "utf8",
		env: { ...nodeEnvironment(), DEVENV_HOME: join(folder, "home"), HOME: folder },
	});
}

/** A folder with derivations that need no sandbox: files that are fetched. */
function project(name: string): string {
	const place = join(folder, name);
	mkdirSync(place);
	writeFileSync(join(place, "data"), "data\n");
	const hash = createHash("sha256").update("data\n").digest("hex");
	writeFileSync(
		join(place, "default.nix"),
		`{ hash ? "${hash}" }:
		let file = name: hash: derivation {
			inherit name; system = "builtin"; builder = "builtin:fetchurl"; url = "file://${place}/data";
			outputHashAlgo = "sha256"; outputHashMode = "flat"; outputHash = hash;
		}; in {
			a = file "a-${name}" hash;
			b = file "b-${name}" hash;
			wrong = file "wrong" "${"0".repeat(64)}";
			elsewhere = derivation { name = "elsewhere"; system = "none-none"; builder = "/b"; outputs = [ "out" "dev" ]; };
		}`,
	);
	return place;
}

function parse(...argv: readonly string[]): BuildArguments {
	const parsed = parseBuildArguments(argv);
	if (parsed.kind !== "run") throw new Error(`unexpected ${parsed.kind}`);
	return parsed.arguments;
}

test("the command line", (t) => {
	t.deepEqual(parse("-A", "x", "y.nix").instantiate.attrPaths, ["x"]);
	t.deepEqual(parse("-A", "x", "y.nix").instantiate.inputs, ["y.nix"]);
	t.is(parse().outLink, "result");
	t.is(parse("--no-out-link").outLink, undefined);
	t.is(parse("-o", "other").outLink, "other");
	const { dryRun, keepGoing, quiet, check } = parse("--dry-run", "-k", "-Q", "--check");
	t.deepEqual([dryRun, keepGoing, quiet, check], [true, true, true, true]);
	t.true(parse("--fix").fix);
	const { settings } = parse("-K", "-j4", "--timeout", "5", "--option", "max-log-size", "100").instantiate;
	t.deepEqual([...settings.keys()].sort(), ["keep-failed", "max-jobs", "max-log-size", "timeout"]);
	t.deepEqual(parse("/nix/store/x.drv", "z.nix").derivations, ["/nix/store/x.drv"]);
	t.deepEqual(parse("/nix/store/x.drv", "z.nix").instantiate.inputs, ["z.nix"]);
	t.deepEqual(parse("-E", "1").instantiate.inputs, ["1"]);
	for (const argv of [["-o"], ["--repair"], ["--eval"], ["--nonsense"]]) {
		const error = t.throws(() => parse(...argv), { instanceOf: DiagnosticError });
		t.is(error.diagnostics[0]?.code, "USAGE");
	}
	t.is(parseBuildArguments(["--version"]).kind, "version");
});

test("builds, prints outputs and makes links; a second time nothing is built", (t) => {
	const place = project("builds");
	const plan = build(place, "--dry-run", "-A", "a");
	t.is(plan.status, 0, plan.stderr);
	t.regex(plan.stderr, /^this derivation will be built:\n {2}\/nix\/store\/\w+-a-builds\.drv\n$/);
	t.is(plan.stdout, "");
	const first = build(place, "-A", "a", "-A", "b", "-Q");
	t.is(first.status, 0, first.stderr);
	t.regex(first.stdout, /^\/nix\/store\/\w+-a-builds\n\/nix\/store\/\w+-b-builds\n$/);
	const [a = "", b = ""] = first.stdout.trim().split("\n");
	t.is(readlinkSync(join(place, "result")), a);
	t.is(readlinkSync(join(place, "result-2")), b);
	const again = build(place, "-A", "a", "-o", "other");
	t.deepEqual([again.status, again.stdout, again.stderr], [0, `${a}\n`, ""]);
	t.is(readlinkSync(join(place, "other")), a);
	const silent = build(place, "-A", "b", "--no-out-link");
	t.is(silent.stdout, `${b}\n`);
	t.deepEqual(readdirSync(place).sort(), ["data", "default.nix", "other", "result", "result-2"]);
});

test("a store derivation that is named is built", (t) => {
	const place = project("named");
	const drvPath = /\/nix\/store\/\S+\.drv/.exec(build(place, "--dry-run", "-A", "a").stderr)?.[0] ?? "";
	const run = build(place, drvPath);
	t.is(run.status, 0, run.stderr);
	t.regex(run.stdout, /^\/nix\/store\/\w+-a-named\n$/);
	t.is(readlinkSync(join(place, "result")), run.stdout.trim());
});

test("failures have Nix's exit statuses, and leave no link", (t) => {
	const place = project("failures");
	const wrong = build(place, "-A", "wrong");
	t.is(wrong.status, 102, wrong.stderr);
	t.regex(wrong.stderr, /error: .*is not the file that was asked for/);
	const elsewhere = build(place, "-A", "elsewhere", "-A", "a", "-k", "-Q");
	t.is(elsewhere.status, 100, elsewhere.stderr);
	t.regex(elsewhere.stderr, /error: 'elsewhere' is built on none-none, this machine is/);
	const missing = build(place, "-A", "missing");
	t.is(missing.status, 1);
	t.regex(missing.stderr, /error: attribute 'missing' in selection path 'missing' not found/);
	t.is(build(place, "--check").status, 1);
	t.false(existsSync(join(place, "result")));
});
