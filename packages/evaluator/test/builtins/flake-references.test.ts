/** Flake references as texts and as attributes, and flakes with and without a lock file. */

import test from "ava";
import { EvalError, Evaluator, type EvaluatorOptions } from "../../src/index.ts";
import { MemoryIO } from "./memory-io.ts";

const rev = "0123456789012345678901234567890123456789";

/** A text, the attributes that it stands for, and the text of those where it is another. */
const references: readonly (readonly [text: string, attributes: string, printed?: string])[] = [
	["nixpkgs", '{ id = "nixpkgs"; type = "indirect"; }', "flake:nixpkgs"],
	["flake:nixpkgs/nixos-24.05", '{ id = "nixpkgs"; ref = "nixos-24.05"; type = "indirect"; }'],
	[`flake:nixpkgs/main/${rev}`, `{ id = "nixpkgs"; ref = "main"; rev = "${rev}"; type = "indirect"; }`],
	["github:a/b", '{ owner = "a"; repo = "b"; type = "github"; }'],
	["github:a/b/feature/x", '{ owner = "a"; ref = "feature/x"; repo = "b"; type = "github"; }', "github:a/b/feature/x"],
	[`github:a/b/${rev}?dir=x%20y`, `{ dir = "x y"; owner = "a"; repo = "b"; rev = "${rev}"; type = "github"; }`],
	["gitlab:a/b?host=x.org", '{ host = "x.org"; owner = "a"; repo = "b"; type = "gitlab"; }'],
	["sourcehut:~a/b", '{ owner = "~a"; repo = "b"; type = "sourcehut"; }'],
	[
		`git+https://x.org/a.git?dir=d&ref=main&rev=${rev}&submodules=1`,
		`{ dir = "d"; ref = "main"; rev = "${rev}"; submodules = true; type = "git"; url = "https://x.org/a.git"; }`,
	],
	["git+ssh://git@x.org/a", '{ type = "git"; url = "ssh://git@x.org/a"; }'],
	["git://x.org/a", '{ type = "git"; url = "git://x.org/a"; }'],
	[
		"path:/a/b?lastModified=12&narHash=sha256-AA%2BA%3D",
		'{ lastModified = 12; narHash = "sha256-AA+A="; path = "/a/b"; type = "path"; }',
	],
	["path:./x", '{ path = "./x"; type = "path"; }'],
	["https://x.org/a.tar.gz", '{ type = "tarball"; url = "https://x.org/a.tar.gz"; }'],
	["tarball+https://x.org/a", '{ type = "tarball"; url = "https://x.org/a"; }'],
	["file+https://x.org/a", '{ type = "file"; url = "https://x.org/a"; }', "https://x.org/a"],
];

const refused: readonly (readonly [text: string, message: string])[] = [
	["github:a", "URL 'github:a' is invalid"],
	["github:a/b/..", "in URL 'github:a/b/..', '..' is not a commit hash or branch/tag name"],
	["flake:1/x", "'1' is not a valid flake ID"],
	["ftp://x.org/a", "input 'ftp://x.org/a' is unsupported"],
	["path:/a?x=y", "path URL 'path:/a?x=y' has unsupported parameter 'x'"],
	["path:/a?lastModified=soon", "path URL 'path:/a?lastModified=soon' has invalid parameter 'lastModified'"],
	["github:a/b%zz", "invalid URI parameter '%zz' in 'github:a/b%zz'"],
	["./here", "flake reference './here' is not an absolute path"],
	["a#b", "unexpected fragment in flake reference 'a#b'"],
];

function evaluate(
	expression: string,
	files: ConstructorParameters<typeof MemoryIO>[0] = {},
	options: Partial<EvaluatorOptions> = {},
): string {
	const evaluator = new Evaluator({
		io: new FlakeIO(files),
		currentSystem: "x86_64-linux",
		experimentalFeatures: new Set(["flakes"]),
		...options,
	});
	try {
		return evaluator.print(evaluator.evalString(expression, "/src"), { strict: true });
	} catch (error) {
		if (!(error instanceof EvalError)) throw error;
		return `error: ${error.message}`;
	}
}

/** Fetches `path` inputs by giving the path, without a copy. */
class FlakeIO extends MemoryIO {
	override isValidPath(): boolean {
		return true;
	}

	override fetchTree(
		input: ReadonlyMap<string, string | number | boolean>,
	): ReadonlyMap<string, string | number | boolean> {
		return new Map([
			["outPath", String(input.get("path"))],
			["narHash", String(input.get("narHash") ?? `hash of ${String(input.get("path"))}`)],
		]);
	}
}

for (const [text, attributes, printed = text] of references) {
	test(`the reference ${text}`, (t) => {
		t.is(evaluate(`builtins.parseFlakeRef "${text}"`), attributes);
		t.is(evaluate(`builtins.flakeRefToString ${attributes}`), `"${printed}"`);
	});
}

for (const [text, message] of refused) {
	test(`no reference: ${text}`, (t) => {
		t.is(evaluate(`builtins.parseFlakeRef "${text}"`), `error: ${message}`);
	});
}

test("attributes that no reference has", (t) => {
	const of = (attributes: string): string => evaluate(`builtins.flakeRefToString ${attributes}`);
	t.is(
		of('{ type = "path"; path = "/a"; lastModified = -1; }'),
		"error: negative value given for flake ref attr lastModified: -1",
	);
	t.is(of('{ type = "github"; owner = "a"; }'), "error: input attribute 'repo' is missing");
	t.is(
		of("{ type = [ ]; }"),
		"error: flake reference attribute sets may only contain integers, Booleans, and strings, but attribute 'type' is a list",
	);
});

test("a plain path in a git repository is that repository", (t) => {
	const files = { "/repo/.git/HEAD": "", "/repo/sub/flake.nix": "", "/other/flake.nix": "" };
	t.is(evaluate('builtins.parseFlakeRef "/repo/sub"', files), '{ dir = "sub"; type = "git"; url = "file:///repo"; }');
	t.is(evaluate('builtins.parseFlakeRef "/other/"', files), '{ path = "/other"; type = "path"; }');
});

const flakes = {
	"/lib/flake.nix": '{ outputs = { self }: { f = x: "${x}-lib"; }; }',
	"/raw/data": "raw",
	"/app/flake.nix": `{
		inputs.lib.url = "path:/lib";
		inputs.mid = { url = "./mid"; inputs.lib.follows = "lib"; };
		inputs.raw = { url = "path:/raw"; flake = false; };
		outputs = { self, lib, mid, raw }: {
			a = lib.f "app";
			b = mid.b;
			same = mid.inputs.lib.narHash == lib.narHash;
			c = builtins.readFile (raw + "/data");
			inherit (self) narHash _type;
		};
	}`,
	"/app/mid/flake.nix": '{ inputs.lib.url = "path:/gone"; outputs = { self, lib }: { b = lib.f "mid"; }; }',
};

const used = '{ inherit (builtins.getFlake { type = "path"; path = "/app"; }) a b c same narHash _type; }';
const usedValue =
	'{ _type = "flake"; a = "app-lib"; b = "mid-lib"; c = "raw"; narHash = "hash of /app"; same = true; }';

test("a flake without a lock file takes its inputs as they are, those that follow others too", (t) => {
	t.is(evaluate(used, flakes), usedValue);
});

test("a lock file says which inputs are taken", (t) => {
	const node = (path: string, locked: object, more: object = {}): object => ({
		locked: { type: "path", path, ...locked },
		original: { type: "path", path },
		...more,
	});
	const lock = {
		version: 7,
		root: "root",
		nodes: {
			root: { inputs: { lib: "lib", mid: "mid", raw: "raw" } },
			lib: { ...node("/lib", {}), locked: { type: "path", path: "/lib2", narHash: "pinned" } },
			mid: node("./mid", {}, { parent: [], inputs: { lib: ["lib"] } }),
			raw: node("/raw", {}, { flake: false }),
		},
	};
	const files = {
		...flakes,
		"/lib2/flake.nix": '{ outputs = _: { f = x: "${x}-2"; }; }',
		"/app/flake.lock": JSON.stringify(lock),
	};
	t.is(evaluate(used, files), usedValue.replaceAll("-lib", "-2"));
	const other = {
		...files,
		"/app/flake.nix": flakes["/app/flake.nix"].replace("path:/lib", "path:/lib2?lastModified=1"),
	};
	t.is(evaluate(`(${used}).a`, other), '"app-2"', "what is declared otherwise than locked is fetched as it is");
});

test("flakes that are none, and pure evaluation", (t) => {
	const get = (path: string): string => `builtins.getFlake { type = "path"; path = "${path}"; }`;
	t.is(evaluate(get("/raw"), flakes), "error: source tree '/raw' does not contain a '/flake.nix' file");
	const files = { ...flakes, "/raw/flake.nix": "{ outputs = 1; }" };
	t.is(evaluate(`(${get("/raw")}).x`, files), "error: the flake in '/raw' has no function 'outputs'");
	t.is(
		evaluate('builtins.getFlake "path:/lib"', flakes, { pureEval: true }),
		"error: cannot call 'getFlake' on unlocked flake reference 'path:/lib' (use --impure to override)",
	);
	t.is(evaluate("builtins ? getFlake", {}, { experimentalFeatures: new Set() }), "false");
});
