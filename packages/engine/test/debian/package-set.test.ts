/** The package set's Nix code over small indexes, in this project's evaluator and, where there is one, in real Nix. */

import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { packageSetEntry } from "@devenv/package-set";
import { removeFolder, skip } from "@devenv/test-support";
import test from "ava";
import { layOutIndex } from "../../src/debian/index-object.ts";
import { buildPackageTable } from "../../src/debian/package-table.ts";
import { type NixBackend, ownBackend, realNix } from "./nix-backends.ts";
import { recordsOf, type TestPackage } from "./stanzas.ts";

const nix = realNix();
const backends: readonly NixBackend[] = [ownBackend(), ...(nix === undefined ? [] : [nix])];
const folders: string[] = [];

test.after.always(() => {
	for (const backend of backends) backend.close();
	for (const folder of folders) removeFolder(folder);
});

test("real Nix takes part", (t) => {
	if (nix === undefined) skip(t, "no nix-instantiate on PATH; only the own evaluator is asked");
	else t.is(nix.evaluate("1 + 1"), 2);
});

/** Writes the index of some packages and returns its folder. */
function indexOf(packages: readonly TestPackage[]): string {
	const folder = mkdtempSync(join(tmpdir(), "devenv-index-"));
	folders.push(folder);
	const object = layOutIndex(buildPackageTable(recordsOf(packages)), {
		suite: "trixie",
		system: "x86_64-linux",
		architecture: "amd64",
		suites: [{ suite: "trixie", archive: "debian", date: "2026-02-01T00:00:00Z" }],
	});
	for (const [path, contents] of object.files) {
		mkdirSync(dirname(join(folder, path)), { recursive: true });
		writeFileSync(join(folder, path), contents);
	}
	return folder;
}

/** Text of an expression with `pkgs` and `mk` (overlays → packages) in scope. */
function withSet(index: string, body: string): string {
	return `let
		mk = overlays: import ${packageSetEntry} { index = ${index}; system = "x86_64-linux"; inherit overlays; };
		pkgs = mk [ ];
		closure = pkgs: requests: builtins.attrNames (pkgs.lib.resolve requests);
		order = pkgs: requests: map (each: if builtins.isList each then map (member: member.name) each else each.name)
			(pkgs.mkRoot { packages = requests; }).drvAttrs.packages;
	in ${body.replace("INDEX", index)}`;
}

/** One test per backend. */
function check(title: string, packages: readonly TestPackage[], body: string, expected: unknown): void {
	const index = indexOf(packages);
	for (const backend of backends) {
		test(`${title} (${backend.name})`, (t) => {
			t.deepEqual(backend.evaluate(withSet(index, body)), expected);
		});
	}
}

function checkError(title: string, packages: readonly TestPackage[], body: string, message: string): void {
	const index = indexOf(packages);
	for (const backend of backends) {
		test(`${title} (${backend.name})`, (t) => {
			const error = t.throws(() => backend.evaluate(withSet(index, body)), { instanceOf: Error });
			t.true(error.message.includes(message), error.message);
		});
	}
}

const chain: readonly TestPackage[] = [
	{ Package: "app", Depends: "liba (>= 1), data", "Pre-Depends": "base" },
	{ Package: "liba", Version: "1.5", Depends: "core" },
	{ Package: "data", Architecture: "all" },
	{ Package: "base" },
	{ Package: "core" },
	{ Package: "unrelated" },
];

check("Depends and Pre-Depends are followed", chain, `closure pkgs [ "app" ]`, ["app", "base", "core", "data", "liba"]);

check(
	"a package is a derivation with what Debian says of it",
	[
		{ Package: "app", Version: "1:2.0~rc1-1", Depends: "liba | other", Homepage: "https://example.org", Size: "5" },
		{ Package: "liba" },
	],
	`{
		inherit (pkgs.app) name pname version type depends;
		inherit (pkgs.app.meta) description homepage;
		builder = pkgs.app.drvAttrs.builder;
		src = { inherit (pkgs.app.deb) name outputHash url snapshot; };
	}`,
	{
		name: "app-1-2.0_rc1-1",
		pname: "app",
		version: "1:2.0~rc1-1",
		type: "derivation",
		depends: ["liba | other"],
		description: "the test package app",
		homepage: "https://example.org",
		builder: "builtin:unpack-deb",
		src: {
			name: "app_1-2.0_rc1-1_amd64.deb",
			outputHash: "a3bdded79ff1180c128dca2ee4b8717e8a412192553903c3d85473ef8c9472df",
			url: "mirror://debian/pool/main/a/app/app_2.0~rc1-1_amd64.deb",
			snapshot: "20260201T120000Z",
		},
	},
);

check(
	"a choice takes what is there already, else the first",
	[
		{ Package: "app", Depends: "first | second" },
		{ Package: "first" },
		{ Package: "second" },
		{ Package: "user", Depends: "second" },
	],
	`[ (closure pkgs [ "app" ]) (closure pkgs [ "app" "user" ]) (closure pkgs [ "user" "app" ]) ]`,
	[
		["app", "first"],
		["app", "second", "user"],
		["app", "second", "user"],
	],
);

check(
	"a choice avoids what clashes, also further down",
	[
		{ Package: "app", Depends: "first | second, keep" },
		{ Package: "first", Depends: "deep" },
		{ Package: "deep", Conflicts: "keep" },
		{ Package: "second" },
		{ Package: "keep" },
	],
	`closure pkgs [ "app" ]`,
	["app", "keep", "second"],
);

check(
	"a choice avoids what cannot be satisfied",
	[{ Package: "app", Depends: "broken | good" }, { Package: "broken", Depends: "gone (>= 2)" }, { Package: "good" }],
	`closure pkgs [ "app" ]`,
	["app", "good"],
);

checkError(
	"a group that nothing satisfies is named, with the way to it",
	[{ Package: "app", Depends: "mid" }, { Package: "mid", Depends: "liba (>= 2) | gone" }, { Package: "liba" }],
	`closure pkgs [ "app" ]`,
	"package 'mid', needed by 'app' depends on 'liba (>= 2) | gone', which no package of the index satisfies",
);

checkError(
	"packages that exclude each other are named",
	[{ Package: "app", Depends: "aa" }, { Package: "aa" }, { Package: "bb", Conflicts: "aa" }],
	`closure pkgs [ "app" "bb" ]`,
	"package 'aa', needed by 'app' cannot be installed together with package 'bb'",
);

checkError(
	"an unknown package is named",
	chain,
	`(pkgs.mkRoot { packages = [ "ap" ]; }).drvPath`,
	"unknown package 'ap'",
);
checkError(
	"a function of the set is no package",
	chain,
	`(pkgs.mkRoot { packages = [ "liba" "mkRoot" ]; }).drvPath`,
	"unknown package 'mkRoot'",
);
checkError(
	"a virtual package is explained",
	[
		{ Package: "mawk", Provides: "awk" },
		{ Package: "gawk", Provides: "awk" },
	],
	`(pkgs.mkRoot { packages = [ "awk" ]; }).drvPath`,
	"unknown package 'awk' (it is virtual: choose one of mawk, gawk)",
);
checkError(
	"an index of another system is refused",
	chain,
	`(import ${packageSetEntry} { index = INDEX; system = "aarch64-linux"; }).app`,
	"the package index is for x86_64-linux, not for aarch64-linux",
);

check(
	"the root holds the Essential packages first, what they need before them, and the user's shell",
	[
		{ Package: "app" },
		{ Package: "tar", Essential: "yes", "Pre-Depends": "libacl1" },
		{ Package: "base-files", Essential: "yes", "Pre-Depends": "awk" },
		{ Package: "base-passwd", Essential: "yes", Depends: "libc6" },
		{ Package: "libacl1", Depends: "libc6" },
		{ Package: "libc6", Depends: "libgcc-s1" },
		{ Package: "libgcc-s1", Depends: "libc6, gcc-base" },
		{ Package: "gcc-base" },
		{ Package: "mawk", Provides: "awk" },
		{ Package: "zsh", Depends: "zsh-common" },
		{ Package: "zsh-common" },
		{ Package: "aaa-first" },
	],
	`{
		plain = order pkgs [ "app" "aaa-first" ];
		zsh = builtins.filter (name: builtins.match "zsh.*" (builtins.toString name) != null)
			(map (each: each.name) (pkgs.mkRoot { packages = [ "app" ]; shell = "zsh"; }).closure);
	}`,
	{
		plain: [
			"gcc-base",
			"mawk",
			"base-files",
			["libc6", "libgcc-s1"],
			"base-passwd",
			"libacl1",
			"tar",
			"aaa-first",
			"app",
		],
		zsh: ["zsh", "zsh-common"],
	},
);

check(
	"a circle comes as one group, Pre-Depends first",
	[
		{ Package: "aa", "Pre-Depends": "bb", Depends: "cc" },
		{ Package: "bb", Depends: "cc" },
		{ Package: "cc", Depends: "aa, dd" },
		{ Package: "dd", Depends: "ee" },
		{ Package: "ee", Depends: "dd" },
		{ Package: "top", Depends: "aa" },
	],
	`order pkgs [ "top" ]`,
	[["dd", "ee"], ["bb", "cc", "aa"], "top"],
);

const overlaid: readonly TestPackage[] = [
	{ Package: "app", Depends: "liba (= 1.0-1), util" },
	{ Package: "liba" },
	{ Package: "util" },
	{ Package: "extra", Depends: "more" },
	{ Package: "more" },
	{ Package: "old-plugin", Breaks: "liba (>= 2)" },
];

check(
	"an overlay that changes a source, a version or a dependency changes the root",
	overlaid,
	`let
		root = overlays: (mk overlays).mkRoot { packages = [ "app" ]; };
		names = overlays: map (each: "\${each.name} \${each.version}") (root overlays).closure;
		source = final: prev: { liba = prev.liba.overrideAttrs (old: { src = final.util.deb; }); };
		version = final: prev: { liba = prev.liba.overrideAttrs (old: { version = old.version + "+mine"; }); };
		dependency = final: prev: { app = prev.app.override (old: { depends = old.depends ++ [ "extra" ]; }); };
		replacement = final: prev: { util = prev.extra; };
		value = final: prev: { app = prev.app.override { depends = [ final.more ]; }; };
	in {
		different = builtins.length (builtins.attrNames (builtins.listToAttrs (map (overlays: { name = builtins.unsafeDiscardStringContext (root overlays).drvPath; value = null; })
			[ [ ] [ source ] [ version ] [ dependency ] [ replacement ] [ source version ] ])));
		unrelated = (root [ (final: prev: { more = prev.more.overrideAttrs { version = "9"; }; }) ]).drvPath == (root [ ]).drvPath;
		version = names [ version ];
		dependency = names [ dependency ];
		replacement = names [ replacement ];
		value = names [ value ];
	}`,
	{
		different: 6,
		unrelated: true,
		version: ["app 1.0-1", "liba 1.0-1+mine", "util 1.0-1"],
		dependency: ["app 1.0-1", "extra 1.0-1", "liba 1.0-1", "more 1.0-1", "util 1.0-1"],
		replacement: ["app 1.0-1", "extra 1.0-1", "liba 1.0-1", "more 1.0-1"],
		value: ["app 1.0-1", "more 1.0-1"],
	},
);

checkError(
	"a changed version clashes with what breaks it",
	overlaid,
	`closure (mk [ (final: prev: { liba = prev.liba.overrideAttrs { version = "2.0"; }; }) ]) [ "app" "old-plugin" ]`,
	"cannot be installed together with package",
);
check("an unchanged version does not", overlaid, `closure pkgs [ "app" "old-plugin" ]`, [
	"app",
	"liba",
	"old-plugin",
	"util",
]);

check(
	"an overlay adds packages and groups; what they provide counts",
	[{ Package: "app", Depends: "engine" }, { Package: "vendor", Provides: "engine" }, { Package: "tool" }],
	`let set = mk [ (final: prev: {
		mine = final.makeDebianPackage {
			pname = "mine";
			version = "1";
			url = "https://example.org/mine.deb";
			sha256 = "0000000000000000000000000000000000000000000000000000000000000000";
			provides = [ "engine (= 2)" ];
			depends = [ "tool" ];
		};
		both = final.makeGroup "both" [ "tool" "app" ];
		app = prev.app.override { depends = [ "engine (>= 2)" ]; };
	}) ];
	in { names = closure set [ "both" ]; merged = map (each: each.name) (set.mkRoot { packages = [ "both" ]; }).closure; }`,
	{ names: ["app", "both", "mine", "tool"], merged: ["app", "mine", "tool"] },
);

check(
	"another derivation under a Debian package's name does not take its place for others",
	[...chain, { Package: "lib", Version: "7" }],
	`let set = mk [ (final: prev: { liba = derivation { name = "liba"; system = "x86_64-linux"; builder = "/bin/sh"; }; }) ];
	in {
		names = closure set [ "app" ];
		storePaths = builtins.length (set.mkEnvironment { packages = [ "liba" ]; }).drvAttrs.storePaths;
	}`,
	{ names: ["app", "base", "core", "data", "liba"], storePaths: 1 },
);

check(
	"a group's members are relations",
	[...chain, { Package: "fork", Provides: "virtual" }],
	`closure (mk [ (final: prev: { all = final.makeGroup "all" [ "gone | liba (>= 1.2)" "virtual" final.data ]; }) ]) [ "all" ]`,
	["all", "core", "data", "fork", "liba"],
);

check(
	"callPackage, override and overlays that compose",
	chain,
	`let
		set = mk [
			(final: prev: { answer = 1; tool = final.callPackage ({ liba, data, level ? 1 }: { text = liba.pname + data.pname; inherit level; }) { liba = final.base; }; })
			(final: prev: { answer = prev.answer + 1; })
		];
	in { inherit (set) answer; inherit (set.tool) text level; changed = (set.tool.override { level = 5; }).level; }`,
	{ answer: 2, text: "basedata", level: 1, changed: 5 },
);

check(
	"an environment: variables, PATH, packages; other derivations by store path",
	[
		...chain,
		{ Package: "fd-find" },
		{ Package: "postgresql-17", Depends: "postgresql-common, ssl-cert" },
		{ Package: "postgresql-common" },
		{ Package: "ssl-cert" },
	],
	`let
		hello = derivation { name = "hello-2.12"; system = "x86_64-linux"; builder = "/bin/sh"; };
		environment = pkgs.mkEnvironment {
			name = "test";
			packages = [ "app" "fd" "postgresql-17" hello ];
			env.GREETING = "hello";
			enterShell = "echo hi";
		};
		root = environment.root.drvAttrs;
	in {
		inherit (environment.drvAttrs) name variables enterShell packages;
		path = map (builtins.replaceStrings [ (builtins.unsafeDiscardStringContext hello.outPath) ] [ "/nix/store/HELLO" ]) environment.drvAttrs.path;
		storePaths = environment.drvAttrs.storePaths == [ hello.outPath ];
		root = environment.drvAttrs.root == environment.root.outPath;
		inherit (root) links;
		stubbed = root.maintainerScripts.stub;
		certificate = builtins.any (each: each.name == "ssl-cert") environment.root.closure;
	}`,
	{
		name: "test",
		variables: { GREETING: "hello", PGHOST: "/tmp" },
		enterShell: "echo hi",
		packages: [
			{ attr: "app", name: "app", version: "1.0-1" },
			{ attr: "fd", name: "fd-find", version: "1.0-1" },
			{ attr: "postgresql-17", name: "postgresql-17", version: "1.0-1" },
			{ attr: "hello-2.12", name: "hello-2.12", version: "2.12" },
		],
		path: [
			"/nix/store/HELLO/bin",
			"/usr/lib/postgresql/17/bin",
			"/usr/local/bin",
			"/usr/bin",
			"/usr/local/sbin",
			"/usr/sbin",
			"/usr/local/games",
			"/usr/games",
		],
		storePaths: true,
		root: true,
		links: { "/usr/local/bin/fd": "/usr/bin/fdfind" },
		stubbed: ["pg_createcluster", "pg_ctlcluster"],
		certificate: false,
	},
);

check(
	"an environment may have any name",
	[{ Package: "app" }],
	`map (name: (pkgs.mkEnvironment { inherit name; root = null; }).name) [ "my project" "a/b: \u00e9" ".hidden" "" "fine-1.0_x" ]`,
	["my-project", "a-b", "environment.hidden", "environment", "fine-1.0_x"],
);

check(
	"wanted Recommends come along, others do not",
	[
		{ Package: "gcc-14", Recommends: "libc6-dev (>= 2.13-0ubuntu6), manpages" },
		{ Package: "libc6-dev", Version: "2.41" },
		{ Package: "manpages" },
	],
	`closure pkgs [ "gcc-14" ]`,
	["gcc-14", "libc6-dev"],
);

check(
	"a root is merged from the start",
	[
		{ Package: "init", "Pre-Depends": "usrmerge | usr-is-merged (>= 38~)" },
		{ Package: "usrmerge" },
		{ Package: "usr-is-merged", Version: "39" },
	],
	`closure pkgs [ "init" ]`,
	["init", "usr-is-merged"],
);

test("both evaluators instantiate the same derivations", (t) => {
	const index = indexOf(overlaid);
	const body = `map (overlays: ((mk overlays).mkEnvironment { packages = [ "app" "extra" ]; env.A = "\u00e9"; }).drvPath)
		[ [ ] [ (final: prev: { liba = prev.liba.overrideAttrs { version = "3"; }; }) ] ]`;
	const results = backends.map((backend) => backend.evaluate(withSet(index, body)));
	for (const result of results) t.deepEqual(result, results[0]);
});
