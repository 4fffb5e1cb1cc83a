import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeFolder } from "@devenv/test-support";
import anyTest, { type TestFn } from "ava";
import { EvalIoError, Evaluator } from "@devenv/evaluator";
import { openStore, type Store } from "@devenv/store";
import { NodeEvalIO, type EvalIOOptions } from "../../src/eval-io/index.ts";

interface Context {
	folder: string;
	store: Store;
	io: (options?: Partial<EvalIOOptions>) => NodeEvalIO;
}

const test = anyTest as TestFn<Context>;

test.beforeEach((t) => {
	const folder = mkdtempSync(join(tmpdir(), "devenv-eval-io-"));
	const store = openStore({ root: join(folder, "root") });
	const source = join(folder, "source");
	mkdirSync(join(source, "sub"), { recursive: true });
	writeFileSync(join(source, "a.nix"), "import ./sub");
	writeFileSync(join(source, "sub/default.nix"), "42");
	writeFileSync(join(source, "bytes"), Buffer.from([0xc3, 0xa9, 0xff]));
	symlinkSync("sub", join(source, "link"));
	t.context = {
		folder: source,
		store,
		io: (options = {}) => new NodeEvalIO({ store, log: () => undefined, ...options }),
	};
});

test.afterEach.always((t) => {
	t.context.store.close();
	removeFolder(join(t.context.folder, ".."));
});

function evaluate(io: NodeEvalIO, expression: string, folder: string): string {
	const evaluator = new Evaluator({ io, currentSystem: "x86_64-linux" });
	return evaluator.print(evaluator.evalString(expression, folder), { strict: true });
}

test("reads files as bytes", (t) => {
	t.is(t.context.io().readFile(join(t.context.folder, "bytes")), "\xc3\xa9\xff");
});

test("expressions cannot read what never ends or is too large", (t) => {
	const { folder, io: make } = t.context;
	execFileSync("mkfifo", [join(folder, "pipe")]);
	symlinkSync("/dev/zero", join(folder, "zero.nix"));
	writeFileSync(join(folder, "huge"), "");
	truncateSync(join(folder, "huge"), 2 ** 40);
	const failures = [
		["builtins.readFile ./pipe", /opening file '.*\/pipe': it is neither a file nor a folder/],
		["import ./zero.nix", /opening file .\/dev\/zero.: it is neither a file nor a folder/],
		["builtins.readFile ./huge", /opening file '.*\/huge': the file is larger than 128 MiB/],
		["builtins.readFile ./sub", /opening file '.*\/sub': Is a directory/],
	] as const;
	for (const [expression, message] of failures) {
		t.regex(t.throws(() => evaluate(make(), expression, folder)).message, message);
	}
});

test("logs what was read, and nothing that was not", (t) => {
	const { folder, io: make } = t.context;
	const io = make({ environment: { EDITOR: "vi" } });
	t.is(evaluate(io, "import ./a.nix + (if builtins.pathExists ./gone then 1 else 0)", folder), "42");
	const reads = new Map(io.reads.reads().map(({ path, kind }) => [path.slice(folder.length), kind]));
	t.is(reads.get("/a.nix"), "file");
	t.is(reads.get("/sub/default.nix"), "file");
	t.is(reads.get("/gone"), "absent");
	t.false(reads.has("/bytes"));
	t.is(evaluate(io, "builtins.attrNames (builtins.readDir ./link)", folder), '[ "default.nix" ]');
	t.is(evaluate(io, 'builtins.getEnv "EDITOR"', folder), '"vi"');
	t.deepEqual(io.reads.variables(), ["EDITOR"]);
	const after = new Map(io.reads.reads().map(({ path, kind }) => [path.slice(folder.length), kind]));
	t.is(after.get("/link"), "directory");
	io.reads.clear();
	t.deepEqual(io.reads.reads(), []);
});

test("copying a folder logs everything in it", (t) => {
	const { folder, io: make } = t.context;
	const io = make();
	evaluate(io, '"${./.}"', folder);
	const reads = io.reads.reads().map(({ path, kind }) => `${kind} ${path.slice(folder.length)}`);
	t.true(reads.includes("file /sub/default.nix"));
	t.true(reads.includes("directory /sub"));
	t.true(reads.includes("directory "));
	t.true(reads.includes("link /link"));
});

test("a copy in the store is read through its logical path", (t) => {
	const { folder, io: make, store } = t.context;
	const expression =
		'let copy = builtins.path { path = ./.; name = "copy"; }; in [ (import (copy + "/a.nix")) (builtins.readFile "${copy}/link/default.nix") ]';
	t.is(evaluate(make(), expression, folder), '[ 42 "42" ]');
	t.is(store.queryAllValidPaths().length, 1);
});

test("in read-only mode nothing is written, and what would be written is still read", (t) => {
	const { folder, io: make, store } = t.context;
	const expression =
		'let copy = builtins.path { path = ./.; name = "copy"; }; in [ (import (copy + "/a.nix")) (builtins.readFile (builtins.toFile "t" "text")) ]';
	t.is(evaluate(make({ readOnly: true }), expression, folder), '[ 42 "text" ]');
	t.deepEqual(store.queryAllValidPaths(), []);
	const writable = evaluate(make(), '"${./sub}"', folder);
	t.is(evaluate(make({ readOnly: true }), '"${./sub}"', folder), writable);
});

test("links into the store folder are followed to where the store lies", (t) => {
	const { folder, io: make } = t.context;
	const io = make();
	const copy = JSON.parse(evaluate(io, '"${./sub}"', folder)) as string;
	symlinkSync(`${copy}/default.nix`, join(folder, "into-store"));
	t.is(io.readFile(join(folder, "into-store")), "42");
	symlinkSync(copy, join(folder, "folder-in-store"));
	t.is(evaluate(io, "import ./folder-in-store", folder), "42");
});

test("derivations are written when asked for, with their closures and nothing else", (t) => {
	const { folder, io: make, store } = t.context;
	const io = make();
	const expression = `let
		a = derivation { name = "a"; system = "s"; builder = "/b"; src = builtins.toFile "t" "text"; };
		b = derivation { name = "b"; system = "s"; builder = "/b"; inherit a; };
		unused = derivation { name = "unused"; system = "s"; builder = "/b"; };
	in builtins.seq unused.drvPath b.drvPath`;
	const drvPath = JSON.parse(evaluate(io, expression, folder)) as string;
	t.deepEqual(store.queryAllValidPaths(), []);
	t.is(io.derivations().length, 3);
	io.write([drvPath]);
	t.deepEqual(
		store
			.queryAllValidPaths()
			.map((path) => path.slice(44))
			.sort(),
		["a.drv", "b.drv", "t"],
	);
	t.is(readFileSync(store.physical(drvPath), "latin1"), io.readFile(drvPath));
	io.write([drvPath]);
});

test("import from derivation asks for the outputs that are missing", (t) => {
	const { folder, io: make, store } = t.context;
	const asked: string[] = [];
	const io = make({
		realise: (drvPath, outputs) => {
			t.true(store.isValid(drvPath as Parameters<Store["isValid"]>[0]));
			asked.push(...outputs);
			const { path } = store.readDerivation(drvPath as Parameters<Store["readDerivation"]>[0]).outputs.get("out") ?? {
				path: "",
			};
			writeFileSync(store.physical(path), "7");
		},
	});
	t.is(evaluate(io, 'import (derivation { name = "x"; system = "s"; builder = "/b"; })', folder), "7");
	t.deepEqual(asked, ["out"]);
});

const failures: readonly (readonly [
	name: string,
	act: (io: NodeEvalIO, folder: string) => unknown,
	message: RegExp,
])[] = [
	["a missing file", (io, folder) => io.readFile(`${folder}/gone`), /^path '.*\/gone' does not exist$/],
	["a folder as a file", (io, folder) => io.readFile(`${folder}/sub`), /^opening file '.*\/sub': Is a directory$/],
	["a file as a folder", (io, folder) => io.readDirectory(`${folder}/a.nix`), /^'.*\/a\.nix' is not a directory$/],
	[
		"a download",
		(io) => io.fetch({ url: "http://x/", name: "x", unpack: false }),
		/^cannot fetch 'http:\/\/x\/': downloads/,
	],
	[
		"a Git repository",
		(io) =>
			io.fetchTree(
				new Map([
					["type", "git"],
					["url", "/r"],
				]),
			),
		/^cannot fetch '\/r': git inputs/,
	],
	[
		"a path that is not valid",
		(io) => {
			io.ensurePath("/nix/store/00000000000000000000000000000000-x");
		},
		/is not valid and cannot be substituted/,
	],
	[
		"a derivation that is not there",
		(io) => io.readDerivation("/nix/store/00000000000000000000000000000000-x.drv"),
		/is not in the store$/,
	],
];
for (const [name, act, message] of failures) {
	test(`refuses ${name}`, (t) => {
		const error = t.throws(() => act(t.context.io(), t.context.folder), { instanceOf: EvalIoError });
		t.regex(error.message, message);
	});
}
