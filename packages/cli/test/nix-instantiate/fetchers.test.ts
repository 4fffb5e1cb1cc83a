/** Fetching while expressions are evaluated, in a process of its own, beside real Nix where that is installed. */

import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { findProgram, nodeEnvironment, removeFolder, skip } from "@devenv/test-support";
import test from "ava";

const folder = mkdtempSync(join(tmpdir(), "devenv-fetchers-"));
test.after.always(() => {
	removeFolder(folder);
});

const program = `
	import { runNixInstantiate } from ${JSON.stringify(new URL("../../src/nix-instantiate/run-nix-instantiate.ts", import.meta.url).href)};
	process.exit(await runNixInstantiate(process.argv.slice(1)));
`;

interface Run {
	readonly status: number | null;
	readonly stdout: string;
	readonly stderr: string;
}

const evaluation = ["--eval", "--strict", "--json", "--option", "experimental-features", "nix-command flakes"];

function ours(expression: string): Run {
	const args = ["--input-type=module", "--eval", program, "--", ...evaluation, "-E", expression];
	const env = { ...nodeEnvironment(), DEVENV_HOME: join(folder, "ours"), HOME: join(folder, "home") };
	return spawnSync(process.execPath, args, { encoding: "utf8", env });
}

function real(expression: string): Run {
	const configuration = join(folder, "conf");
	mkdirSync(configuration, { recursive: true });
	writeFileSync(join(configuration, "nix.conf"), "build-users-group =\n");
	return spawnSync("nix-instantiate", ["--store", join(folder, "real"), ...evaluation, "-E", expression], {
		encoding: "utf8",
		env: {
			PATH: process.env["PATH"],
			HOME: join(folder, "home"),
			NIX_CONF_DIR: configuration,
			NIX_STATE_DIR: join(folder, "state"),
			NIX_LOG_DIR: join(folder, "log"),
		},
	});
}

function write(path: string, text: string): void {
	mkdirSync(dirname(path), { recursive: true });
	writeFileSync(path, text);
}

function git(repository: string, ...args: readonly string[]): void {
	const names: Record<string, string> = Object.fromEntries(
		["GIT_AUTHOR", "GIT_COMMITTER"].flatMap((who): [string, string][] => [
			[`${who}_NAME`, "n"],
			[`${who}_EMAIL`, "n@example.org"],
			[`${who}_DATE`, "2024-05-06T07:08:09Z"],
		]),
	);
	const run = spawnSync("git", ["-C", repository, "-c", "protocol.file.allow=always", ...args], {
		encoding: "utf8",
		env: { ...process.env, ...names, GIT_CONFIG_GLOBAL: "/dev/null" },
	});
	if (run.status !== 0) throw new Error(`git ${args.join(" ")}: ${run.stderr}`);
}

const hasGit = findProgram("git") !== undefined;
const hasReal = spawnSync("nix-instantiate", ["--version"]).status === 0;
const repository = join(folder, "repository");
const dirty = join(folder, "dirty");
const outer = join(folder, "outer");
const archive = join(folder, "top.tar.gz");
const plain = join(folder, "plain");

test.before(() => {
	if (!hasGit) return;
	mkdirSync(repository);
	git(repository, "init", "--quiet", "-b", "main");
	write(join(repository, "sub/a"), "one\n");
	write(join(repository, "run"), "#!/bin/sh\n");
	chmodSync(join(repository, "run"), 0o755);
	symlinkSync("a", join(repository, "sub/link"));
	write(join(repository, "drop/x"), "left out\n");
	write(join(repository, "y.skip"), "left out\n");
	write(join(repository, ".gitattributes"), "drop export-ignore\n*.skip export-ignore\n");
	git(repository, "add", "--all");
	git(repository, "commit", "--quiet", "-m", "one");
	write(join(repository, "sub/a"), "two\n");
	git(repository, "commit", "--quiet", "-a", "-m", "two");
	git(repository, "tag", "v1");
	git(repository, "archive", "--prefix=top/", "-o", archive, "HEAD");
	cpSync(repository, dirty, { recursive: true, verbatimSymlinks: true });
	write(join(dirty, "sub/a"), "changed\n");
	write(join(dirty, "untracked"), "not seen\n");
	write(join(dirty, "staged"), "seen\n");
	git(dirty, "add", "staged");
	rmSync(join(dirty, "run"));
	mkdirSync(outer);
	git(outer, "init", "--quiet", "-b", "main");
	git(outer, "submodule", "--quiet", "add", `file://${repository}`, "modules/inner");
	git(outer, "commit", "--quiet", "-m", "with a submodule");
	write(join(plain, "file"), "text\n");
	for (const path of [join(plain, "file"), plain]) utimesSync(path, 1_600_000_000, 1_600_000_000);
});

/** What the tree is, without what older Nix does not say. */
const tree = `f: removeAttrs (f // { o = "\${f.outPath}"; }) [ "outPath" "dirtyRev" "dirtyShortRev" ]`;
const url = `file://${repository}`;

/** Expressions that must have the value that real Nix gives. */
const shared: readonly (readonly [name: string, expression: string])[] = [
	["a repository's HEAD", `(${tree}) (builtins.fetchGit "${url}")`],
	["a tag", `(${tree}) (builtins.fetchGit { url = "${url}"; ref = "v1"; })`],
	["a path, under another name", `(${tree}) (builtins.fetchGit { url = ${repository}; name = "other"; })`],
	["without what came before", `(${tree}) (builtins.fetchGit { url = "${url}"; ref = "main"; shallow = true; })`],
	["a working tree with changes", `(${tree}) (builtins.fetchGit ${dirty})`],
	["a file of a fetched tree", `builtins.readFile (builtins.fetchGit "${url}" + "/sub/a")`],
	["a tarball", `builtins.fetchTarball "file://${archive}"`],
	["a tarball's file", `builtins.readFile "\${builtins.fetchTarball "file://${archive}"}/sub/link"`],
	["a file", `builtins.fetchurl "file://${plain}/file"`],
	["a folder as an input", `(${tree}) (builtins.fetchTree { type = "path"; path = "${plain}"; })`],
];

for (const [name, expression] of shared) {
	test(`as real Nix fetches it: ${name}`, (t) => {
		if (!hasGit) skip(t, "no git on PATH");
		else if (!hasReal) skip(t, "no nix-instantiate on PATH");
		else {
			const expected = real(expression);
			const run = ours(expression);
			t.is(expected.status, 0, expected.stderr);
			t.is(run.stderr, "");
			t.deepEqual(JSON.parse(run.stdout), JSON.parse(expected.stdout));
		}
	});
}

test("submodules, within the tree that has them", (t) => {
	if (!hasGit) {
		skip(t, "no git on PATH");
		return;
	}
	const fetched = `builtins.fetchGit { url = "file://${outer}"; submodules = true; }`;
	const run = ours(
		`[ (builtins.readFile "\${${fetched}}/modules/inner/sub/a") (${fetched}).submodules (${fetched}).revCount ]`,
	);
	t.is(run.stderr, "");
	t.deepEqual(JSON.parse(run.stdout), ["two\n", true, 1]);
});

test("a working tree with changes says which commit is below them", (t) => {
	if (!hasGit) {
		skip(t, "no git on PATH");
		return;
	}
	const head = spawnSync("git", ["-C", dirty, "rev-parse", "HEAD"], { encoding: "utf8" }).stdout.trim();
	const run = ours(`{ inherit (builtins.fetchGit ${dirty}) dirtyRev dirtyShortRev rev revCount; }`);
	t.deepEqual(JSON.parse(run.stdout), {
		dirtyRev: `${head}-dirty`,
		dirtyShortRev: `${head.slice(0, 7)}-dirty`,
		rev: "0".repeat(40),
		revCount: 0,
	});
});

test("what is not as promised, not there or not understood is refused with the reason", (t) => {
	if (!hasGit) {
		skip(t, "no git on PATH");
		return;
	}
	const last = ({ stderr }: Run): string => stderr.trim().replace(/^.*\berror: /s, "");
	const zeros = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
	t.regex(
		last(ours(`builtins.fetchTarball { url = "file://${archive}"; sha256 = "${zeros}"; }`)),
		/^hash mismatch in tarball downloaded from 'file:.*':\s+specified: sha256-A{43}=\s+got: +sha256-[\w+/]{43}=$/,
	);
	t.regex(
		last(ours(`builtins.fetchTree { type = "tarball"; url = "file://${archive}"; narHash = "${zeros}"; }`)),
		/^NAR hash mismatch in input 'type=tarball url=.*', expected 'sha256-A+=' but got 'sha256-.*'$/,
	);
	t.is(last(ours(`builtins.fetchurl "file://${folder}/nothing"`)), `no server has 'file://${folder}/nothing'`);
	t.regex(last(ours(`builtins.fetchTarball "file://${plain}/file"`)), /^file:.* cannot be unpacked: /);
	t.regex(last(ours(`builtins.fetchGit { url = "${url}"; ref = "gone"; }`)), /^git cannot fetch 'gone' from file:/);
	t.is(
		last(ours(`builtins.fetchTree { type = "path"; path = "${plain}"; colour = "red"; }`)),
		"input attribute 'colour' not supported by scheme 'path'",
	);
	t.is(last(ours('builtins.fetchTree { type = "hg"; url = "x"; }')), "inputs of type 'hg' are not supported");
	t.is(last(ours(`builtins.fetchGit { url = "${url}"; rev = "--help"; }`)), "'--help' is not a commit hash");
	t.is(last(ours(`builtins.fetchGit { url = "${url}"; ref = "--all"; }`)), "'--all' is not a branch or tag name");
	t.regex(last(ours(`builtins.fetchGit "ext::sh -c touch% ${folder}/ran"`)), /^git cannot fetch/);
});

test("a tarball without a promised hash is not asked for again within the hour", (t) => {
	const copy = join(folder, "copy.tar.gz");
	if (!hasGit) {
		skip(t, "no git on PATH");
		return;
	}
	cpSync(archive, copy);
	const first = ours(`builtins.fetchTarball "file://${copy}"`);
	t.is(first.stderr, "");
	rmSync(copy);
	t.is(ours(`builtins.fetchTarball "file://${copy}"`).stdout, first.stdout);
});
