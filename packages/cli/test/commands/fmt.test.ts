import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import {
	chmodSync,
	lstatSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";

const main = join(import.meta.dirname, "../../src/main.ts");
const untidy = "{a=1;  b.c =2 ;}";
const tidy = "{\n  a = 1;\n  b.c = 2;\n}\n";

interface Folder {
	readonly path: string;
	readonly run: (
		args: readonly string[],
		input?: string,
	) => Pick<SpawnSyncReturns<string>, "status" | "stdout" | "stderr">;
	readonly read: (name: string) => string;
	readonly write: (name: string, text: string) => void;
}

/** A folder to run `devenv fmt` in, without a daemon. */
function setUp(t: ExecutionContext): Folder {
	const path = mkdtempSync(join(tmpdir(), "devenv-fmt-"));
	t.teardown(() => {
		rmSync(path, { recursive: true });
	});
	return {
		path,
		run: (args, input = "") => {
			const env = { PATH: process.env["PATH"], HOME: path, DEVENV_HOME: join(path, ".home") };
			return spawnSync(process.execPath, [main, "fmt", ...args], { cwd: path, env, encoding: "utf8", input });
		},
		read: (name) => readFileSync(join(path, name), "utf8"),
		write: (name, text) => {
			mkdirSync(join(path, name, ".."), { recursive: true });
			writeFileSync(join(path, name), text);
		},
	};
}

test("files that change are named and keep their mode; then nothing is said", (t) => {
	const folder = setUp(t);
	folder.write("a.nix", untidy);
	folder.write("b/c.nix", untidy);
	folder.write("b/tidy.nix", tidy);
	folder.write("b/text.txt", untidy);
	folder.write(".git/d.nix", untidy);
	folder.write("b/node_modules/e.nix", untidy);
	folder.write("outside/f.nix", untidy);
	symlinkSync("../outside/f.nix", join(folder.path, "b/link.nix"));
	symlinkSync("../outside", join(folder.path, "b/links"));
	chmodSync(join(folder.path, "a.nix"), 0o750);
	const first = folder.run(["a.nix", "b"]);
	t.is(first.stderr, "");
	t.is(first.stdout, "a.nix\nb/c.nix\n");
	t.is(first.status, 0);
	t.is(folder.read("a.nix"), tidy);
	t.is(folder.read("b/c.nix"), tidy);
	t.is(statSync(join(folder.path, "a.nix")).mode & 0o777, 0o750);
	for (const name of ["b/text.txt", ".git/d.nix", "b/node_modules/e.nix", "outside/f.nix"])
		t.is(folder.read(name), untidy);
	t.deepEqual(readdirSync(join(folder.path, "b")).sort(), [
		"c.nix",
		"link.nix",
		"links",
		"node_modules",
		"text.txt",
		"tidy.nix",
	]);
	const second = folder.run(["a.nix", "b"]);
	t.deepEqual([second.status, second.stdout, second.stderr], [0, "", ""]);
});

test("without arguments it is the current folder", (t) => {
	const folder = setUp(t);
	folder.write("a/b.nix", untidy);
	t.is(folder.run([]).stdout, "a/b.nix\n");
	t.is(folder.read("a/b.nix"), tidy);
});

test("--check names files, writes nothing and fails", (t) => {
	const folder = setUp(t);
	folder.write("a.nix", untidy);
	folder.write("b.nix", tidy);
	const found = folder.run(["--check"]);
	t.deepEqual([found.status, found.stdout, found.stderr], [1, "a.nix\n", ""]);
	t.is(folder.read("a.nix"), untidy);
	t.is(folder.run(["--check", "b.nix"]).status, 0);
});

test("- is standard input", (t) => {
	const folder = setUp(t);
	const { status, stdout } = folder.run(["-"], '[ "ä"] # ö');
	t.deepEqual([status, stdout], [0, '[ "ä" ] # ö\n']);
	t.is(folder.run(["-", "--check"], untidy).status, 1);
	t.is(folder.run(["-", "--check"], tidy).status, 0);
});

test("a syntax error is told with its place, and the other files are formatted", (t) => {
	const folder = setUp(t);
	const wrong = "{\n  a = 1\n}\n";
	folder.write("a.nix", wrong);
	folder.write("b.nix", untidy);
	const { status, stdout, stderr } = folder.run(["."]);
	t.is(
		stderr,
		`error[EVAL_SYNTAX]: syntax error, unexpected '}', expecting ';'
  --> a.nix:3:1
 3 | }
   | ^
`,
	);
	t.deepEqual([status, stdout], [1, "b.nix\n"]);
	t.is(folder.read("a.nix"), wrong);
});

test("what a link leads to is formatted when the link is named", (t) => {
	const folder = setUp(t);
	folder.write("a.nix", untidy);
	symlinkSync("a.nix", join(folder.path, "link.nix"));
	t.is(folder.run(["link.nix"]).stdout, "link.nix\n");
	t.true(lstatSync(join(folder.path, "link.nix")).isSymbolicLink());
	t.is(folder.read("a.nix"), tidy);
});

test("bytes that are no text stay as they are", (t) => {
	const folder = setUp(t);
	writeFileSync(join(folder.path, "a.nix"), Buffer.from('{a="\xff\x80";}', "latin1"));
	t.is(folder.run(["a.nix"]).status, 0);
	t.is(readFileSync(join(folder.path, "a.nix"), "latin1"), '{ a = "\xff\x80"; }\n');
});

test("a file that is not there is told before anything is written", (t) => {
	const folder = setUp(t);
	folder.write("a.nix", untidy);
	const { status, stdout, stderr } = folder.run(["a.nix", "missing.nix"]);
	t.is(stderr, "error[FMT_FILE]: missing.nix cannot be read: there is no such file or folder\n");
	t.deepEqual([status, stdout], [1, ""]);
	t.is(folder.read("a.nix"), untidy);
});
