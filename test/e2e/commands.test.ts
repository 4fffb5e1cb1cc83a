/** The commands beside `shell`, on a locked project. Needs the mirror. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { Installation } from "./installation.ts";

const installation = new Installation();
const project = installation.project("project", { "env.yaml": "packages: [jq]\n" });
const devenv = (...args: string[]) => installation.devenv(args, { cwd: project });

test.after.always(() => installation.remove());

test.serial("network: update locks, and says so", async (t) => {
	const dry = await devenv("update", "--dry-run");
	t.is(dry.code, 0, dry.stderr);
	t.false(existsSync(join(project, "env.lock")));
	const { code, stdout, stderr } = await devenv("update");
	t.is(code, 0, stderr);
	t.regex(stdout, /^Updated env\.lock:\n +debian +/);
	const text = readFileSync(join(project, "env.lock"), "utf8");
	t.is((await devenv("update")).code, 0);
	t.is(readFileSync(join(project, "env.lock"), "utf8"), text);
	const unknown = await devenv("update", "nixpkgs");
	t.not(unknown.code, 0);
	t.regex(unknown.stderr, /nixpkgs/);
});

test.serial("network: eval sees the package set", async (t) => {
	t.is((await devenv("eval", "-E", "1 + 1")).stdout, "2\n");
	t.is((await devenv("eval", "-E", "pkgs.jq.pname", "--raw")).stdout, "jq");
	t.regex((await devenv("eval", "-A", "jq.version")).stdout, /^"1\.7/);
	t.is((await devenv("eval", "-E", '{ a = [ 1 "é" ]; }', "--json")).stdout, '{"a":[1,"é"]}\n');
	const failed = await devenv("eval", "-E", "let x = 1; in y");
	t.is(failed.code, 1);
	t.regex(failed.stderr, /undefined variable 'y'/);
	t.regex(failed.stderr, /:1:15\n 1 \| let x = 1; in y\n/);
});

test.serial("nix-instantiate, as it is installed, fetches, and says what cannot be read", async (t) => {
	const evaluate = (text: string) => devenv("nix-instantiate", "--eval", "-E", text);
	const missing = await evaluate("builtins.readFile /nonexistent");
	t.is(missing.code, 1);
	t.regex(missing.stderr, /error: path '\/nonexistent' does not exist\n$/);
	const file = join(project, "env.yaml");
	const fetched = await evaluate(`builtins.readFile (builtins.fetchurl "file://${file}")`);
	t.is(fetched.stdout, '"packages: [jq]\\n"\n', fetched.stderr);
	const flake = installation.project("flake", { "flake.nix": '{ outputs = { self }: { it = "works"; }; }' });
	const { stdout, stderr } = await devenv("eval", "--raw", "-E", `(builtins.getFlake "path:${flake}").it`);
	t.is(stdout, "works", stderr);
});

test.serial("network: search finds by name and description", async (t) => {
	const { stdout, code } = await devenv("search", "ripgrep", "--json");
	t.is(code, 0);
	const { hits } = JSON.parse(stdout) as { hits: { attr: string; version: string; description: string }[] };
	t.is(hits[0]?.attr, "ripgrep");
	t.regex((await devenv("search", "ripgrep")).stdout, /^ripgrep +14\./);
	const nothing = await devenv("search", "no-such-package-at-all");
	t.is(nothing.stdout.trim(), "");
});

test.serial("network: info before and after the environment is built", async (t) => {
	t.regex((await devenv("info")).stdout, /\(not built yet\)/);
	const { code, stderr } = await devenv("shell", "--", "true");
	t.is(code, 0, stderr);
	const { stdout } = await devenv("info");
	t.notRegex(stdout, /not built yet/);
	t.regex(stdout, /\njq +1\.7|\n +jq +1\.7/);
});

test.serial(
	"network: explain says why a package is there, who sets a variable, and what of the host was used",
	async (t) => {
		const because = (await devenv("explain", "package", "libonig5")).stdout;
		t.regex(
			because,
			/^libonig5 \S+ is there because of\n\njq \S+ {3}\(env\.yaml:1\)\n {2}depends on libjq1 [^]*→ libonig5 /,
		);
		const missing = await devenv("explain", "package", "libonig");
		t.is(missing.code, 1);
		t.regex(missing.stderr, /EXPLAIN_NOT_THERE[^]*libonig5/);
		t.regex((await devenv("explain", "variable", "DEVENV_ROOT")).stdout, new RegExp(`devenv +${project}`));
		t.regex((await devenv("explain", "variable", "NONE")).stdout, /^Nothing in the project sets NONE/);
		const { programs } = JSON.parse((await devenv("explain", "host", "--json")).stdout) as { programs: unknown[] };
		t.true(Array.isArray(programs));
	},
);

test.serial("network: an overlay that changes a source or a dependency changes the shell", async (t) => {
	const overlaid = installation.project("overlaid", {
		"env.yaml": "packages: [jq]\noverlays: [./overlay.nix]\n",
		"env.lock": readFileSync(join(project, "env.lock"), "utf8"),
		"overlay.nix": "final: prev: { }\n",
	});
	const shell = (script: string) => installation.devenv(["shell", "--", "sh", "-c", script], { cwd: overlaid });
	const root = async (): Promise<unknown> =>
		(JSON.parse((await installation.devenv(["info", "--json"], { cwd: overlaid })).stdout) as { root: unknown }).root;
	t.is((await shell("command -v hello || echo none")).stdout, "none\n");
	const before = await root();
	// A further dependency of jq.
	installation.write(
		join(overlaid, "overlay.nix"),
		"final: prev: { jq = prev.jq.override (old: { depends = old.depends ++ [ final.hello ]; }); }\n",
	);
	t.is((await shell("hello")).stdout, "Hello, world!\n");
	t.not(await root(), before);
	// Another source: a .deb of one's own in jq's place.
	installation.write(
		join(overlaid, "tree/DEBIAN/control"),
		"Package: jq\nVersion: 9.9-1\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: patched\n",
	);
	installation.write(join(overlaid, "tree/usr/bin/jq"), "#!/bin/sh\necho patched\n");
	const packed = await shell("chmod 755 tree/usr/bin/jq && dpkg-deb --root-owner-group --build tree jq.deb");
	t.is(packed.code, 0, packed.stderr);
	installation.write(
		join(overlaid, "overlay.nix"),
		'final: prev: { jq = prev.jq.override { src = ./jq.deb; version = "9.9-1"; depends = [ ]; }; }\n',
	);
	const patched = await shell("jq; hello || echo gone");
	t.is(patched.stdout, "patched\ngone\n", patched.stderr);
});
