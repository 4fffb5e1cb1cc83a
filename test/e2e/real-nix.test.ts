/** Real Nix, from an environment of our own, as the judge of our package set and store. Needs the mirror. */

import { readdirSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { Installation } from "./installation.ts";

const installation = new Installation();
const project = installation.project("project", { "env.yaml": "packages: [nix-bin]\n" });
const packageSet = join(import.meta.dirname, "../../packages/package-set/nix");

test.after.always(() => installation.remove());

/** Runs a shell script in the environment, in which nix is Debian 13's. */
async function inside(script: string, ...args: string[]): Promise<string> {
	const { code, stdout, stderr } = await installation.devenv(["shell", "--", "sh", "-euc", script, "sh", ...args], {
		cwd: project,
	});
	if (code !== 0) throw new Error(`exit ${code}: ${stderr}`);
	return stdout;
}

test.serial("network: real Nix instantiates our package set to the same store derivations", async (t) => {
	t.timeout(600_000);
	t.regex(await inside("nix --version"), /^nix \(Nix\) 2\.26\./);
	// In the view the store lies at /nix/store, as the evaluators see it.
	// The view may show the machine's own store beneath ours, with other indexes.
	const own = readdirSync(join(installation.home, "root/nix/store"));
	const indexes = own.filter((name) => /^[0-9a-z]{32}-debian-index-trixie-[^.]*$/.test(name));
	t.is(indexes.length, 1, indexes.join(" "));
	const index = `/nix/store/${indexes[0] ?? ""}`;
	const expressions = [
		"pkgs.hello",
		'pkgs.mkRoot { packages = [ "python3" "nodejs" "jq" "ripgrep" "postgresql" "git" "gcc" ]; }',
		'pkgs.mkRoot { packages = [ "openjdk-21-jdk-headless" "php-cli" "ruby" ]; locales = [ "de_DE.UTF-8" ]; }',
		'pkgs.mkEnvironment { name = "e"; packages = [ "jq" ]; env = { A = "b"; }; enterShell = "true"; }',
	];
	for (const expression of expressions) {
		const ours = await installation.devenv(["eval", "--raw", "-E", `(${expression}).drvPath`], { cwd: project });
		t.is(ours.code, 0, ours.stderr);
		t.regex(ours.stdout, /^\/nix\/store\/[0-9a-z]{32}-.*\.drv$/);
		const theirs = await inside(
			[
				'export HOME="$PWD/nix-home" NIX_STATE_DIR="$PWD/nix-state" NIX_CONF_DIR="$PWD" NIX_REMOTE=dummy://',
				'nix-instantiate --eval --readonly-mode -E "let pkgs = import $2 { index = $1; }; in ($3).drvPath"',
			].join("\n"),
			index,
			packageSet,
			expression,
		);
		t.is(theirs.trim(), JSON.stringify(ours.stdout), expression);
	}
});

test.serial("network: real Nix opens our store and finds every path sound", async (t) => {
	t.timeout(600_000);
	// Of a copy: Nix wants to write to the store that it verifies, and ours is read-only inside.
	const script = [
		'cp -a "$1" copy',
		'export HOME="$PWD/nix-home" NIX_CONF_DIR="$PWD" NIX_REMOTE="local?root=$PWD/copy"',
		"nix-store --verify --check-contents",
		"nix --extra-experimental-features nix-command path-info --all | wc -l",
	].join("\n");
	const root = join(installation.home, "root");
	const outcome = await installation.devenv(["shell", "--", "sh", "-euc", script, "sh", root], { cwd: project });
	t.is(outcome.code, 0, outcome.stderr);
	t.true(Number(outcome.stdout.trim()) > 50, outcome.stdout);
	t.notRegex(outcome.stderr, /modified|missing|error/);
});
