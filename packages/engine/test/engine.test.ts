import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Diagnostic, DiagnosticError } from "@devenv/diagnostics";
import { formatHash, hashBytes } from "@devenv/nix-formats";
import { openStore } from "@devenv/store";
import test from "ava";
import type { EvaluatedEnvironment } from "../src/engine-interface.ts";
import { failure, makeEngine, specOf } from "./engine-fixture.ts";

test("a changed variable changes the environment, not its root", async (t) => {
	const { environment } = makeEngine(t);
	const first = await environment("packages: [jq]\nenv: { A: x }\n");
	const second = await environment("packages: [jq]\nenv: { A: y }\n");
	const third = await environment("packages: [jq, zsh]\nenv: { A: x }\n");
	t.deepEqual(
		first.packages.map(({ attr }) => attr),
		["jq"],
	);
	t.not(first.outPath, second.outPath);
	t.deepEqual(first.root, second.root);
	t.notDeepEqual(first.root, third.root);
});

test("equal specs give equal paths in stores of their own, wherever the project lies", async (t) => {
	const text = "packages: [jq]\nenv: { A: x }\nenter_shell: echo hi\n";
	const one = await makeEngine(t).environment(text, { SHELL: "/bin/bash" });
	const two = await makeEngine(t).environment(text, { SHELL: "/usr/bin/bash", LANG: "C.UTF-8" });
	t.is(one.drvPath, two.drvPath);
	t.deepEqual(one.root, two.root);
});

test("the caller's shell and locale are in the root", async (t) => {
	const { environment } = makeEngine(t);
	const plain = await environment("packages: [jq]\n");
	const zsh = await environment("packages: [jq]\n", { SHELL: "/bin/zsh" });
	const german = await environment("packages: [jq]\n", { LANG: "de_DE.UTF-8" });
	const roots = [plain, zsh, german].map(({ root }) => root?.outPath);
	t.is(new Set(roots).size, 3);
});

test("without packages there is no root, and the environment is built in place", async (t) => {
	const { engine, environment } = makeEngine(t);
	const { root, drvPath, outPath } = await environment("env: { A: x, B: 'ä' }\nenter_shell: echo hi\n");
	t.is(root, null);
	t.false(engine.isValid(outPath));
	await engine.realise([drvPath]);
	t.true(engine.isValid(outPath));
	const file = JSON.parse(readFileSync(join(engine.physical(outPath), "environment.json"), "utf8")) as object;
	t.like(file, { version: 1, root: null, variables: { A: "x", B: "ä" }, enterShell: "echo hi", packages: [] });
});

test("what is kept for a project are its environment and its index", async (t) => {
	const { engine, environment, project } = makeEngine(t);
	const made = await environment("name: kept\n");
	await engine.realise([made.drvPath]);
	const link = join(project, "../state/roots/project");
	engine.keepEnvironment(link, made);
	using store = openStore({ root: join(project, "../root") });
	t.true(store.isValid(made.index));
	const kept = (): string[] =>
		store
			.roots()
			.filter((root) => root.link.startsWith(join(project, "../state")))
			.map(({ path }) => path)
			.sort();
	t.deepEqual(kept(), [made.outPath, made.index].sort());
	const other = await environment("name: other\n");
	await engine.realise([other.drvPath]);
	engine.keepEnvironment(link, other);
	t.deepEqual(kept(), [other.outPath, other.index].sort());
});

test("unknown packages are all named, at their places, with what they may mean", async (t) => {
	const { environment } = makeEngine(t);
	const promise = environment("packages:\n  - jqq\n  - jq\n  - zhs\n");
	const error = await t.throwsAsync(promise, { instanceOf: DiagnosticError });
	t.deepEqual(
		error.diagnostics.map(({ code, message, hint, location }) => [code, message, hint, location?.line]),
		[
			["ENV_UNKNOWN_PACKAGE", "there is no package 'jqq'", "did you mean: jq?", 2],
			["ENV_UNKNOWN_PACKAGE", "there is no package 'zhs'", "did you mean: zsh?", 4],
		],
	);
});

test("a name of the set that is no package is refused at its place", async (t) => {
	const { environment } = makeEngine(t);
	const { code, location } = await failure(t, environment("packages: [jq, mkRoot]\n"));
	t.is(code, "ENV_UNKNOWN_PACKAGE");
	t.is(location?.column, 16);
});

test("an overlay changes packages; it is tracked, and read again when it changes", async (t) => {
	const { environment, write } = makeEngine(t);
	const text = "overlays: [./overlay.nix]\npackages: [jq]\n";
	const overlay = write("overlay.nix", "final: prev: { }");
	const before = await environment(text);
	t.true(before.tracked.some(({ path, kind }) => path === overlay && kind === "file"));
	t.deepEqual((await environment(text)).root, before.root);
	const changed = `final: prev: {
		jq = prev.jq.override { version = "99" + (if builtins.pathExists ./more then "m" else ""); };
	}`;
	write("overlay.nix", changed);
	const after = await environment(text);
	t.notDeepEqual(after.root, before.root);
	t.is(after.packages[0]?.version, "99");
	t.true(after.tracked.some(({ path, kind }) => path.endsWith("/project/more") && kind === "absent"));
	write("more", "");
	t.is((await environment(text)).packages[0]?.version, "99m");
});

test("faults of an overlay are told at their place in it", async (t) => {
	const { environment, write } = makeEngine(t);
	write("overlay.nix", "final: prev: {\n  jq = ;\n}");
	const syntax = await failure(t, environment("overlays: [./overlay.nix]\npackages: [jq]\n"));
	t.is(syntax.code, "EVAL_SYNTAX");
	t.regex(syntax.location?.file ?? "", /\/project\/overlay\.nix$/);
	t.is(syntax.location?.line, 2);
	write("overlay.nix", 'final: prev: { jq = throw "not today"; }');
	const thrown = await failure(t, environment("overlays: [./overlay.nix]\npackages: [jq]\n"));
	t.is(thrown.code, "EVAL_THROWN");
	t.is(thrown.message, "not today");
	const missing = await failure(t, environment("overlays: [./absent.nix]\npackages: [jq]\n"));
	t.regex(missing.message, /absent\.nix/);
});

test("an environment depends neither on the time nor on downloads of unknown contents; an expression may", async (t) => {
	const { environment, evaluate, write } = makeEngine(t);
	const data = write("data", "99");
	const digest = formatHash(hashBytes("sha256", Buffer.from("99")), "sri");
	const withVersion = (version: string): Promise<EvaluatedEnvironment> => {
		write("overlay.nix", `final: prev: { jq = prev.jq.override { version = ${version}; }; }`);
		return environment("overlays: [./overlay.nix]\npackages: [jq]\n");
	};
	const refused: [version: string, message: string][] = [
		["toString builtins.currentTime", "the time is not known here: what an environment is must not depend on it"],
		...["fetchurl", "fetchTarball"].map((name): [string, string] => [
			`builtins.readFile (builtins.${name} "file://${data}")`,
			`cannot fetch 'file://${data}': an environment may only fetch what it names the hash of, as 'sha256'`,
		]),
	];
	for (const [version, message] of refused) {
		t.is((await failure(t, withVersion(version))).message, message);
	}
	const hashed = `builtins.readFile (builtins.fetchurl { url = "file://${data}"; sha256 = "${digest}"; })`;
	t.is((await withVersion(hashed)).packages[0]?.version, "99");
	write("overlay.nix", "final: prev: { }");
	t.regex(await evaluate("builtins.currentTime"), /^\d+$/);
	t.is(await evaluate(`builtins.readFile (builtins.fetchurl "file://${data}")`, { format: "raw" }), "99");
});

test("an endless recursion is an error of the overlay, and the next environment works", async (t) => {
	const { environment, write } = makeEngine(t);
	write("overlay.nix", "final: prev: { jq = let f = n: 1 + f (n + 1); in f 0; }");
	const { code } = await failure(t, environment("overlays: [./overlay.nix]\npackages: [jq]\n"));
	t.is(code, "EVAL_STACK_OVERFLOW");
	t.is((await environment("packages: [jq]\n")).packages.length, 1);
});

test("expressions see the set, print as asked, and their errors are diagnostics", async (t) => {
	const { evaluate } = makeEngine(t);
	t.is(await evaluate("jq.version"), '"1.0-1"');
	t.is(await evaluate("pkgs", { attrPath: "jq.pname", format: "raw" }), "jq");
	t.is(await evaluate("{ a = [ 1 (1 + 1) ]; }", { strict: true }), "{ a = [ 1 2 ]; }");
	t.is(await evaluate('{ a = [ 1 (1 + 1) ]; b = "ä"; }', { format: "json" }), '{"a":[1,2],"b":"ä"}');
	t.is(await evaluate('builtins.getEnv "GIVEN"', { format: "raw" }), "yes");
	const { code } = await failure(t, evaluate("absent + 1"));
	t.is(code, "EVAL_UNDEFINED_VARIABLE");
});

test("import from derivation builds while the evaluation waits", async (t) => {
	const { evaluate, write } = makeEngine(t);
	const text = "{ answer = 42; }";
	const file = write("source.nix", text);
	const digest = formatHash(hashBytes("sha256", Buffer.from(text)), "sri");
	const fetched = (hash: string): string => `import (derivation {
		name = "source.nix"; system = "x86_64-linux"; builder = "builtin:fetchurl";
		url = "file://${file}"; outputHashMode = "flat"; outputHash = "${hash}"; outputHashAlgo = "sha256";
	})`;
	t.is(await evaluate(`(${fetched(digest)}).answer`), "42");
	const other = formatHash(hashBytes("sha256", Buffer.from("other")), "sri");
	const { code } = await failure(t, evaluate(fetched(other)));
	t.is(code, "FETCH_HASH_MISMATCH");
	t.is(await evaluate(`builtins.readFile (builtins.fetchurl "file://${file}")`, { format: "raw" }), text);
});

test("a lock without the input is refused", async (t) => {
	const { engine, project } = makeEngine(t);
	const promise = engine.evaluateEnvironment({ project, spec: specOf(""), lock: { inputs: [] }, variables: {} });
	t.is((await failure(t, promise)).code, "LOCK_INPUT_MISSING");
});

test("search finds by name and description", async (t) => {
	const { engine, lock } = makeEngine(t);
	const { hits, total } = await engine.search({ lock, query: "jq", limit: 1 });
	t.is(total, 2);
	t.deepEqual(
		hits.map(({ attr, input }) => [attr, input]),
		[["jq", "debian"]],
	);
});

test("overlays come from inputs that are folders, as the lock pins them", async (t) => {
	const { engine, project, lock, write } = makeEngine(t);
	mkdirSync(join(project, "tools/lib"), { recursive: true });
	write("tools/overlay.nix", "final: prev: { query = import ./lib/query.nix prev; }\n");
	write("tools/lib/query.nix", "prev: prev.jq\n");
	const spec = specOf("inputs: { tools: { url: path:tools } }\noverlays: ['tools#overlay.nix']\npackages: [query]\n");
	const locked = await engine.lockInputs(spec, lock, { project });
	t.deepEqual(
		locked.changes.map(({ input, from }) => [input, from]),
		[["tools", null]],
	);
	// What is pinned is used, whatever the folder says by then.
	write("tools/overlay.nix", 'throw "changed"\n');
	const request = { project, spec, lock: locked.lock, variables: {} };
	const environment = await engine.evaluateEnvironment(request, { offline: true });
	t.deepEqual(
		environment.packages.map(({ attr, name }) => [attr, name]),
		[["query", "jq"]],
	);
	t.is(environment.sources.length, 1);
	t.deepEqual(
		engine.closure(environment).map(({ name }) => name),
		["bash", "jq", "libjq1"],
	);
	const refused = (text: string): Promise<Diagnostic> =>
		failure(t, engine.evaluateEnvironment({ ...request, spec: specOf(text) }));
	const inputs = "inputs: { tools: { url: path:tools } }\n";
	t.like(await refused(`${inputs}overlays: ['tools#other.nix']\n`), { code: "INPUT_NO_FILE", location: { line: 2 } });
	t.is((await refused(`${inputs}overlays: ['tools#../overlay.nix']\n`)).code, "INPUT_NO_FILE");
	t.is((await refused("overlays: ['debian#overlay.nix']\n")).code, "INPUT_NO_FILES");
	t.is((await refused(`${inputs}packages: ['tools#jq']\n`)).code, "ENV_INPUT_NO_PACKAGES");
});

test("--to reaches the inputs that it can be meant for", async (t) => {
	const { engine, project, lock } = makeEngine(t);
	mkdirSync(join(project, "tools"));
	const spec = specOf("inputs: { tools: { url: path:tools } }\n");
	// A revision is no state of an archive or a folder: neither is updated, and what is not locked yet is locked as it is.
	const { lock: locked, changes } = await engine.lockInputs(spec, lock, { project, update: "all", to: "main" });
	t.deepEqual(
		changes.map(({ input }) => input),
		["tools"],
	);
	t.deepEqual(locked.inputs[0], lock.inputs[0]);
	const named = engine.lockInputs(spec, locked, { project, update: ["tools"], to: "main" });
	t.is((await failure(t, named)).code, "UPDATE_TO");
});

test("equal projects in two folders, as in two worktrees, are one environment", async (t) => {
	const { engine, project, lock, write } = makeEngine(t);
	const text = "packages: [query]\noverlays: [./overlay.nix]\nenv: { A: b }\n";
	const paths: string[] = [];
	for (const folder of [project, `${project}-worktree`]) {
		mkdirSync(folder, { recursive: true });
		write(join("..", folder.slice(folder.lastIndexOf("/")), "overlay.nix"), "final: prev: { query = prev.jq; }\n");
		const { outPath } = await engine.evaluateEnvironment({ project: folder, spec: specOf(text), lock, variables: {} });
		paths.push(outPath);
	}
	t.is(new Set(paths).size, 1);
});
