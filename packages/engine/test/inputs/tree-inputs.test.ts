import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DiagnosticError } from "@devenv/diagnostics";
import { openStore, type Store } from "@devenv/store";
import { findProgram, removeFolder, skip } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import { createFetcher } from "../../src/fetch/http-fetcher.ts";
import { TreeInputs } from "../../src/inputs/tree-inputs.ts";
import { parseTreeUrl } from "../../src/inputs/tree-url.ts";

interface Fixture {
	readonly folder: string;
	readonly store: Store;
	readonly trees: TreeInputs;
	/** Inputs on an empty store and cache. */
	readonly elsewhere: () => { readonly store: Store; readonly trees: TreeInputs };
}

function setUp(t: ExecutionContext): Fixture {
	const folder = mkdtempSync(join(tmpdir(), "devenv-trees-"));
	t.teardown(() => {
		removeFolder(folder);
	});
	const fetcher = createFetcher({ mirrors: { user: new Map(), apt: new Map() }, env: {}, rounds: 1 });
	t.teardown(() => {
		fetcher.close();
	});
	let count = 0;
	const elsewhere = (): { readonly store: Store; readonly trees: TreeInputs } => {
		const store = openStore({ root: join(folder, `store-${count++}`) });
		t.teardown(() => {
			store.close();
		});
		return { store, trees: new TreeInputs({ store, cache: join(store.root, "cache"), fetcher }) };
	};
	return { folder, elsewhere, ...elsewhere() };
}

async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
	try {
		await promise;
		return undefined;
	} catch (error) {
		if (error instanceof DiagnosticError) return error.diagnostics[0]?.code;
		throw error;
	}
}

test("a folder is pinned by its content, without what git keeps", async (t) => {
	const { folder, store, trees, elsewhere } = setUp(t);
	const project = join(folder, "project");
	mkdirSync(join(folder, "tools/.git"), { recursive: true });
	writeFileSync(join(folder, "tools/overlay.nix"), "final: prev: { }\n");
	const request = { project, offline: true };
	const locked = await trees.lock({ name: "tools", url: "path:../tools" }, request);
	const path = await trees.ensure(locked, request);
	t.deepEqual(readdirSync(store.physical(path)), ["overlay.nix"]);
	writeFileSync(join(folder, "tools/.git/HEAD"), "x");
	t.deepEqual(await trees.lock({ name: "tools", url: "path:../tools" }, request), locked);
	writeFileSync(join(folder, "tools/overlay.nix"), "final: prev: { a = 1; }\n");
	t.is(await trees.ensure(locked, request), path, "what is pinned is used as long as the store has it");
	t.is(await codeOf(elsewhere().trees.ensure(locked, request)), "INPUT_CHANGED");
	rmSync(join(folder, "tools"), { recursive: true });
	t.is(await codeOf(elsewhere().trees.ensure(locked, request)), "STORE_FILE_MISSING");
	t.is(await codeOf(trees.lock({ name: "tools", url: "path:../tools" }, { ...request, to: "main" })), "UPDATE_TO");
});

test("a commit is pinned, found again, and the same folder everywhere", async (t) => {
	if (findProgram("git") === undefined) {
		skip(t, "git is not installed");
		return;
	}
	const { folder, store, trees, elsewhere } = setUp(t);
	const remote = join(folder, "remote");
	const git = (...args: string[]): string => {
		const identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
		const { status, stdout, stderr } = spawnSync("git", [...identity, ...args], { cwd: remote, encoding: "utf8" });
		if (status !== 0) throw new Error(stderr);
		return stdout.trim();
	};
	mkdirSync(remote);
	git("init", "--quiet", "--initial-branch=main");
	// What would change files on their way out of the repository.
	writeFileSync(join(remote, ".gitattributes"), "hidden export-ignore\n*.nix filter=evil\n");
	writeFileSync(join(remote, "hidden"), "1\n");
	writeFileSync(join(remote, "overlay.nix"), "final: prev: { }\n");
	git("add", "--all");
	git("commit", "--quiet", "--message", "one");
	const first = git("rev-parse", "HEAD");
	writeFileSync(join(remote, "overlay.nix"), "final: prev: { two = 2; }\n");
	git("commit", "--quiet", "--all", "--message", "two");
	git("branch", "later");
	const second = git("rev-parse", "HEAD");
	const url = `git+file://${remote}`;
	const request = { project: folder, offline: false };
	const locked = await trees.lock({ name: "tools", url: `${url}?ref=later` }, request);
	t.is(locked.rev, second);
	t.regex(locked.date ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
	const path = await trees.ensure(locked, request);
	t.deepEqual(readdirSync(store.physical(path)).sort(), [".gitattributes", "hidden", "overlay.nix"]);
	const earlier = await trees.lock({ name: "tools", url }, { ...request, to: first });
	t.is(earlier.rev, first);
	t.not(earlier.narHash, locked.narHash);
	t.deepEqual(await trees.lock({ name: "tools", url: `${url}?rev=${first}` }, request), {
		...earlier,
		url: `${url}?rev=${first}`,
	});
	const other = elsewhere();
	const again = await other.trees.ensure(earlier, request);
	t.is(readFileSync(join(other.store.physical(again), "overlay.nix"), "utf8"), "final: prev: { }\n");
	t.is(await codeOf(other.trees.ensure({ ...earlier, narHash: locked.narHash }, request)), "INPUT_CHANGED");
	// Wanted at once, each gets its own.
	const wanted = Array.from({ length: 6 }, (_, index) => (index % 2 === 0 ? first : second));
	const together = await Promise.all(wanted.map((to) => other.trees.lock({ name: "tools", url }, { ...request, to })));
	t.deepEqual(
		together.map(({ rev }) => rev),
		wanted,
	);
	t.is(await codeOf(trees.lock({ name: "tools", url: `${url}?ref=nowhere` }, request)), "INPUT_GIT");
	t.is(await codeOf(trees.lock({ name: "tools", url: `${url}/nothing` }, request)), "INPUT_GIT");
});

test("a tarball is pinned by what its top folder holds", async (t) => {
	if (findProgram("tar") === undefined) {
		skip(t, "tar is not installed");
		return;
	}
	const { folder, store, trees, elsewhere } = setUp(t);
	const served = new Map<string, Buffer>();
	const server = createServer((request, response) => {
		const content = served.get(request.url ?? "");
		response.writeHead(content === undefined ? 404 : 200).end(content);
	});
	t.teardown(() => {
		server.close();
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	const pack = (name: string, ...entries: string[]): void => {
		const { status, stdout } = spawnSync("tar", ["-cz", ...entries], { cwd: folder });
		t.is(status, 0);
		served.set(`/${name}`, stdout);
	};
	mkdirSync(join(folder, "tools-1.0/lib"), { recursive: true });
	writeFileSync(join(folder, "tools-1.0/overlay.nix"), "final: prev: { }\n");
	writeFileSync(join(folder, "tools-1.0/lib/a.nix"), "1\n");
	mkdirSync(join(folder, "other"));
	pack("tools.tar.gz", "tools-1.0");
	const request = { project: folder, offline: false };
	const locked = await trees.lock({ name: "tools", url: `${base}/tools.tar.gz` }, request);
	const path = await trees.ensure(locked, { ...request, offline: true });
	t.deepEqual(readdirSync(store.physical(path)).sort(), ["lib", "overlay.nix"]);
	writeFileSync(join(folder, "tools-1.0/overlay.nix"), "final: prev: { a = 1; }\n");
	pack("tools.tar.gz", "tools-1.0");
	t.is(await codeOf(elsewhere().trees.ensure(locked, request)), "INPUT_CHANGED");
	t.is(await codeOf(elsewhere().trees.ensure(locked, { ...request, offline: true })), "FETCH_OFFLINE");
	pack("two.tar.gz", "tools-1.0", "other");
	const whole = served.get("/tools.tar.gz") ?? Buffer.alloc(0);
	served.set("/short.tar.gz", whole.subarray(0, whole.length >> 1));
	served.set("/text.tar.gz", Buffer.from("<html>"));
	for (const name of ["two", "short", "text"]) {
		t.is(await codeOf(trees.lock({ name, url: `${base}/${name}.tar.gz` }, request)), "INPUT_ARCHIVE", name);
	}
	t.is(await codeOf(trees.lock({ name: "gone", url: `${base}/gone.tar.gz` }, request)), "FETCH_NOT_FOUND");
});

test("nothing is fetched offline, and no transport but https and files is used", async (t) => {
	const { folder, trees } = setUp(t);
	const offline = { project: folder, offline: true };
	t.is(await codeOf(trees.lock({ name: "a", url: "git+https://example.invalid/a" }, offline)), "FETCH_OFFLINE");
	t.is(await codeOf(trees.lock({ name: "a", url: "github:a/b" }, offline)), "FETCH_OFFLINE");
	for (const url of [
		"git+ext::sh -c id",
		"git+file:///a?ref=--upload-pack=id",
		"git+file:///a?rev=abc",
		"path:",
		"git+ssh://a/b",
	]) {
		t.is(await codeOf(trees.lock({ name: "a", url }, { ...offline, offline: false })), "INPUT_URL", url);
	}
	t.false(existsSync(join(folder, "store-0/cache")));
});

test("URLs", (t) => {
	const rev = "0123456789abcdef0123456789abcdef01234567";
	t.deepEqual(parseTreeUrl("github:owner/repo.nix/release/1"), {
		kind: "git",
		remote: "https://github.com/owner/repo.nix",
		ref: "release/1",
	});
	t.deepEqual(parseTreeUrl(`github:owner/repo/${rev}`), { kind: "git", remote: "https://github.com/owner/repo", rev });
	t.deepEqual(parseTreeUrl("path:../a b".replace(" ", "_")), { kind: "path", path: "../a_b" });
});
