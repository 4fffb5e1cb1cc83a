import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type StorePath, storePathHashPart } from "@devenv/nix-formats";
import { openStore } from "@devenv/store";
import { findProgram, nodeEnvironment, skip, temporaryFolder } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import { drawTree, wayTo } from "../../src/store/draw-references.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** A home with a store of texts that refer to each other: top → left, right; left, right → base; base alone. */
class Home {
	readonly folder: string;
	readonly root: string;
	readonly paths: Readonly<Record<"base" | "left" | "right" | "top" | "tree", StorePath>>;

	constructor(t: ExecutionContext) {
		this.folder = temporaryFolder(t);
		this.root = join(this.folder, "root");
		const store = openStore({ root: this.root });
		const text = (name: string, references: readonly StorePath[]): StorePath =>
			store.addText({ name, contents: `${name}\n${references.join("\n")}\n`, references });
		const base = text("base-1.0", []);
		const left = text("left", [base]);
		const right = text("right", [base, left].sort());
		const top = text("top", [left, right].sort());
		mkdirSync(join(this.folder, "tree/sub"), { recursive: true });
		writeFileSync(join(this.folder, "tree/sub/file"), "content\n");
		chmodSync(join(this.folder, "tree/sub/file"), 0o755);
		symlinkSync("sub/file", join(this.folder, "tree/link"));
		const tree = store.addPath({ name: "tree", source: join(this.folder, "tree") });
		store.addRoot(join(this.folder, "result"), top);
		store.close();
		// Else they count as long as the process of the tests lives.
		rmSync(join(this.root, "nix/var/nix/temproots", String(process.pid)), { force: true });
		this.paths = { base, left, right, top, tree };
	}

	run(...args: readonly string[]): { readonly code: number | null; readonly stdout: string; readonly stderr: string } {
		const env = { ...nodeEnvironment(), DEVENV_HOME: this.folder };
		const { status, stdout, stderr } = spawnSync(process.execPath, [main, "store", ...args], {
			cwd: this.folder,
			encoding: "utf8",
			env,
		});
		return { code: status, stdout, stderr };
	}

	nix(...args: readonly string[]): string {
		const env = { PATH: process.env["PATH"], HOME: this.folder, NIX_REMOTE: this.root };
		const { stdout, stderr, status } = spawnSync("nix-store", args, { encoding: "utf8", env });
		if (status !== 0) throw new Error(stderr);
		return stdout;
	}
}

const sorted = (text: string): string[] => text.trim().split("\n").sort();

test("queries answer as real Nix's", (t) => {
	if (findProgram("nix-store") === undefined) {
		skip(t, "no Nix here");
		return;
	}
	const home = new Home(t);
	const { base, top } = home.paths;
	for (const [kind, path] of [
		["references", top],
		["referrers", base],
		["requisites", top],
		["referrers-closure", base],
		["deriver", top],
		["hash", top],
		["size", base],
	] as const) {
		t.deepEqual(sorted(home.run("query", kind, path).stdout), sorted(home.nix("-q", `--${kind}`, path)), kind);
	}
	t.is(home.run("query", "tree", top).stdout, home.nix("-q", "--tree", top));
	t.is(home.run("query", "graph", top).stdout, home.nix("-q", "--graph", top));
	const dump = spawnSync(process.execPath, [main, "store", "dump", home.paths.tree], {
		env: { ...nodeEnvironment(), DEVENV_HOME: home.folder },
	});
	t.deepEqual(
		dump.stdout,
		spawnSync("nix-store", ["--dump", join(home.root, home.paths.tree)], {
			env: { PATH: process.env["PATH"], HOME: home.folder },
		}).stdout,
	);
	const added = home.run("add", join(home.folder, "tree"), "--name", "again").stdout.trim();
	t.is(home.nix("--check-validity", added), "");
	t.regex(home.run("add", "--flat", "--hash", "sha1", join(home.folder, "tree/sub/file")).stdout, /-file\n$/);
});

test("objects are named by path, digits, or link; what is not there is said", (t) => {
	const home = new Home(t);
	const { base, left, top, tree } = home.paths;
	for (const name of [top, storePathHashPart(top), "result", join(home.root, top)]) {
		t.is(home.run("path-info", name).stdout.split(" ")[0], top, name);
	}
	const missing = home.run("query", "references", "/nix/store/00000000000000000000000000000000-none");
	t.is(missing.code, 1);
	t.regex(missing.stderr, /STORE_PATH_NOT_VALID.*00000-none is not in the store/);
	t.regex(home.run("query", "sizes", top).stderr, /references/);
	t.regex(home.run("why-depends", top, base).stdout, /^\S*-top\n└───\S*-(?:left|right)\n {4}└───\S*-base-1\.0\n$/);
	t.regex(home.run("why-depends", base, top).stdout, /does not depend/);
	t.is(home.run("ls", "-R", tree).stdout, "link\nsub\nsub/file\n");
	t.regex(home.run("ls", "-l", `${tree}/sub`).stdout, /^executable {2}8 {2}file\n$/);
	t.is(home.run("cat", `${tree}/sub/file`).stdout, "content\n");
	t.is(home.run("cat", `${tree}/link`).code, 1);
	t.regex(home.run("roots").stdout, new RegExp(`result +${top}`));
	const info = JSON.parse(home.run("path-info", "-r", "-S", "--json", top).stdout) as {
		path: string;
		closureSize: number;
	}[];
	t.is(info.length, 4);
	t.is(info.at(-1)?.path, top);
	t.true((info.at(-1)?.closureSize ?? 0) > (info[0]?.closureSize ?? 0));
	t.regex(home.run("diff-closures", left, top).stdout, /right +∅ → ε[^]*top/);
});

test("verify says what was changed, and ends with 1", (t) => {
	const home = new Home(t);
	t.regex(home.run("verify", "--check-contents").stdout, /^\d+ objects are as the database says/);
	const file = join(home.root, home.paths.tree, "sub/file");
	chmodSync(file, 0o644);
	writeFileSync(file, "other!!\n");
	t.is(readFileSync(file, "utf8"), "other!!\n");
	t.is(home.run("verify").code, 0);
	const changed = home.run("verify", "--check-contents");
	t.is(changed.code, 1);
	t.regex(changed.stdout, /-tree was changed: its hash is sha256-/);
});

test("objects go out, away and in again; what is kept says by what", (t) => {
	const home = new Home(t);
	const { base, top, tree } = home.paths;
	const piped = (
		input: Uint8Array,
		...args: readonly string[]
	): { code: number | null; stdout: string; stderr: string } => {
		const env = { ...nodeEnvironment(), DEVENV_HOME: home.folder };
		const run = spawnSync(process.execPath, [main, "store", ...args], { cwd: home.folder, input, env });
		return { code: run.status, stdout: run.stdout.toString("latin1"), stderr: run.stderr.toString() };
	};
	const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
	const nothing = Buffer.alloc(0);
	const stream = bytes(piped(nothing, "export", tree).stdout);
	const nar = bytes(piped(nothing, "dump", tree).stdout);
	t.is(piped(nar, "restore", "restored").code, 0);
	t.is(readFileSync(join(home.folder, "restored/sub/file"), "utf8"), "content\n");
	const kept = home.run("delete", base);
	t.is(kept.code, 1);
	t.regex(kept.stderr, /STORE_PATH_ALIVE[^]*result keeps \S*-top/);
	t.regex(home.run("delete", tree).stdout, /in 1 store objects\.\n$/);
	t.is(home.run("path-info", tree).code, 1);
	t.is(piped(stream, "import").stdout, `${tree}\n`);
	t.regex(home.run("optimise").stdout, /^Freed .* by linking \d+ files\.\n$/);
	const registrations = bytes(home.run("dump-db").stdout);
	rmSync(join(home.root, "nix/var/nix/db"), { recursive: true });
	t.is(piped(registrations, "load-db").stdout, "5 objects are valid.\n");
	t.deepEqual(bytes(home.run("dump-db").stdout), registrations);
	t.is(home.run("query", "binding", top).code, 2);
});

test("trees draw what was drawn before as such, and a way may not be there", (t) => {
	const references: Record<string, string[]> = { "/a": ["/a", "/b", "/c"], "/b": ["/c"], "/c": [] };
	const of = (path: StorePath): StorePath[] => (references[path] ?? []) as StorePath[];
	t.is(drawTree("/a" as StorePath, of), "/a\n├───/c\n├───/b\n│   └───/c [...]\n└───/a [...]\n");
	t.deepEqual(wayTo("/a" as StorePath, "/c" as StorePath, of), ["/a", "/c"] as StorePath[]);
	t.is(wayTo("/c" as StorePath, "/a" as StorePath, of), undefined);
});
