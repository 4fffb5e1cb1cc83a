import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Diagnostic, DiagnosticError } from "@devenv/diagnostics";
import { type EnvModule, type EnvSpec, expectEnvSpec, type LockFile, parseEnvFile } from "@devenv/env-file";
import { formatHash, hashBytes } from "@devenv/nix-formats";
import { openStore } from "@devenv/store";
import { removeFolder } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import { hashIndex, layOutIndex } from "../src/debian/index-object.ts";
import { buildPackageTable } from "../src/debian/package-table.ts";
import type { Engine, EvaluatedEnvironment } from "../src/engine-interface.ts";
import { createEngine, defaultSettings } from "../src/index.ts";
import { recordsOf, type TestPackage } from "./debian/stanzas.ts";

const system = "x86_64-linux";

const packages: readonly TestPackage[] = [
	{ Package: "bash", Essential: "yes" },
	{ Package: "jq", Depends: "libjq1" },
	{ Package: "libjq1" },
	{ Package: "zsh" },
	{ Package: "locales" },
];

interface Fixture {
	readonly engine: Engine;
	readonly project: string;
	readonly lock: LockFile;
	/** Evaluates the environment of an env.yaml. */
	readonly environment: (text: string, variables?: Readonly<Record<string, string>>) => Promise<EvaluatedEnvironment>;
	/** The same with an env.nix. */
	readonly withModule: (text: string, module: string, profile?: string) => Promise<EvaluatedEnvironment>;
	readonly evaluate: (
		expression: string,
		more?: { format?: "nix" | "json" | "raw"; strict?: boolean; attrPath?: string },
	) => Promise<string>;
	readonly write: (name: string, text: string) => string;
}

/** An engine whose store holds the index that its lock names: it needs no network. */
function makeEngine(t: ExecutionContext): Fixture {
	const folder = newFolder(t);
	const storeRoot = join(folder, "root");
	const project = join(folder, "project");
	mkdirSync(project, { recursive: true });
	const narHash = addIndex(storeRoot);
	const engine = createEngine({
		storeRoot,
		state: join(folder, "state"),
		cache: join(folder, "cache"),
		settings: { ...defaultSettings(), maxJobs: 2 },
		helper: "/nonexistent/devenv-helper",
		system,
	});
	t.teardown(() => engine.close());
	const lock: LockFile = {
		inputs: [{ kind: "debian", name: "debian", url: "debian:trixie", indexes: [{ system, narHash }], suites: [] }],
	};
	return {
		engine,
		project,
		lock,
		environment: (text, variables = {}) =>
			engine.evaluateEnvironment({ project, spec: specOf(text), lock, variables }, {}),
		withModule: (text, module, profile) => {
			const file = join(project, "env.nix");
			writeFileSync(file, module);
			const env = { file: "env.yaml", content: text };
			const options = profile === undefined ? {} : { profile };
			const spec = expectEnvSpec(parseEnvFile(env, { ...options, incomplete: true }));
			const complete = (read: EnvModule): EnvSpec => expectEnvSpec(parseEnvFile(env, { ...options, module: read }));
			return engine.evaluateEnvironment(
				{ project, spec, lock, variables: {}, module: { file, profile, complete } },
				{},
			);
		},
		evaluate: async (expression, more = {}) => {
			const environment = { project, spec: specOf(""), lock, variables: {} };
			const { text } = await engine.evaluate({
				environment,
				expression,
				name: "<test>",
				baseDir: project,
				attrPath: more.attrPath ?? "",
				format: more.format ?? "nix",
				strict: more.strict ?? false,
				variables: { GIVEN: "yes" },
			});
			return text;
		},
		write: (name, text) => {
			const file = join(project, name);
			writeFileSync(file, text);
			return file;
		},
	};
}

function newFolder(t: ExecutionContext): string {
	const folder = mkdtempSync(join(tmpdir(), "devenv-engine-"));
	t.teardown(() => {
		removeFolder(folder);
	});
	return folder;
}

function addIndex(root: string): string {
	const object = layOutIndex(buildPackageTable(recordsOf(packages)), {
		suite: "trixie",
		system,
		architecture: "amd64",
		suites: [{ suite: "trixie", archive: "debian", date: "2026-02-01T00:00:00Z" }],
	});
	using store = openStore({ root });
	using scratch = store.scratch();
	for (const [path, contents] of object.files) {
		mkdirSync(dirname(join(scratch.path, path)), { recursive: true });
		writeFileSync(join(scratch.path, path), contents);
	}
	store.addPath({ name: object.name, source: scratch.path });
	return hashIndex(object);
}

function specOf(text: string): EnvSpec {
	return expectEnvSpec(parseEnvFile({ file: "env.yaml", content: text }));
}

async function failure(t: ExecutionContext, promise: Promise<unknown>): Promise<Diagnostic> {
	const error = await t.throwsAsync(promise, { instanceOf: DiagnosticError });
	const [diagnostic] = error.diagnostics;
	if (diagnostic === undefined) throw new Error("no diagnostic");
	return diagnostic;
}

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

test("attr@version is the attribute, or the one that is named after the version", async (t) => {
	const { environment, write } = makeEngine(t);
	write(
		"overlay.nix",
		`final: prev: {
			jq = prev.jq.override { version = "1:3.13.5-1+b1"; };
			libjq1 = prev.libjq1.override { version = "18+2"; };
			libjq-17 = prev.zsh.override { version = "17.4-0+deb13u1"; };
		}`,
	);
	const chosen = async (request: string): Promise<string | undefined> => {
		const { packages } = await environment(`overlays: [./overlay.nix]\npackages: ["${request}"]\n`);
		return packages[0]?.attr;
	};
	for (const version of ["1:3.13.5-1+b1", "3.13.5-1+b1", "3.13.5", "3.13", "3"])
		t.is(await chosen(`jq@${version}`), "jq");
	t.is(await chosen("libjq1@18"), "libjq1");
	t.is(await chosen("libjq1@17.4"), "libjq-17");
	const text = "overlays: [./overlay.nix]\npackages: [zsh, libjq1@17.5, jq@3.1]\n";
	const { code, location, hint } = await failure(t, environment(text));
	t.is(code, "ENV_VERSION_UNAVAILABLE");
	t.is(location?.column, 17);
	t.regex(hint ?? "", /it has libjq1 18\+2, libjq-17 17\.4-0\+deb13u1;/);
	t.is((await failure(t, environment("packages: [jqq@3]\n"))).code, "ENV_UNKNOWN_PACKAGE");
});

test("overrides change packages after all overlays, and must name ones that there are", async (t) => {
	const { environment, engine, write } = makeEngine(t);
	write("overlay.nix", 'final: prev: { jq = prev.jq.override { version = "2"; }; }');
	write("jq.deb", "not looked into here");
	const text = `overlays: [./overlay.nix]
packages: [jq]
overrides:
  jq: { version: "3", depends: [zsh], src: ./jq.deb }
`;
	const changed = await environment(text);
	t.is(changed.packages[0]?.version, "3");
	t.deepEqual(
		engine.closure(changed).map(({ name }) => name),
		["bash", "jq", "zsh"],
	);
	t.true(changed.tracked.some(({ path }) => path.endsWith("/project/jq.deb")));
	const { code, location, hint } = await failure(
		t,
		environment("packages: [jq]\noverrides: { jqq: { version: x } }\n"),
	);
	t.deepEqual([code, location?.line, location?.column], ["ENV_UNKNOWN_PACKAGE", 2, 30]);
	t.regex(hint ?? "", /jq/);
});

test("outputs are those of a derivation; Debian's packages have one", async (t) => {
	const { environment, write } = makeEngine(t);
	write(
		"overlay.nix",
		`final: prev: {
			several = derivation { name = "several-1.0"; inherit (final) system; builder = "/bin/sh"; outputs = [ "out" "dev" ]; };
		}`,
	);
	const made = (request: string): Promise<EvaluatedEnvironment> =>
		environment(`overlays: [./overlay.nix]\npackages: [${request}]\n`);
	const [whole, both, one] = [
		await made("several"),
		await made("{ from: several, outputs: [out, dev] }"),
		await made("{ from: jq, outputs: [out] }"),
	];
	t.is(whole.packages.length, 1);
	t.is(both.packages.length, 2);
	t.not(whole.drvPath, both.drvPath);
	t.is(one.packages[0]?.attr, "jq");
	const unknown = await failure(t, made("{ from: several, outputs: [doc] }"));
	t.is(unknown.code, "ENV_UNKNOWN_OUTPUT");
	t.regex(unknown.hint ?? "", /it has: out, dev/);
	t.regex((await failure(t, made("{ from: jq, outputs: [dev] }"))).hint ?? "", /a package of their own/);
});

test("env.nix adds to env.yaml what only the language can say", async (t) => {
	const { withModule, engine, write } = makeEngine(t);
	write("conf", "text");
	const { spec, packages, tracked, drvPath } = await withModule(
		"packages: [jq]\nenv: { PORT: 80, SEES: '${URL}', FIRST: yaml }\naliases: { a: one }\n",
		`{ pkgs, lib, config, ... }: {
			packages = [ "zsh" pkgs.jq (pkgs.libjq1.override { version = "9"; }) ];
			env = { URL = "http://localhost:\${config.env.PORT}/\${toString (builtins.length config.packages)}"; FIRST = "nix"; N = 3; B = true; };
			env.CONF = ./conf;
			env.JQ = "\${pkgs.jq}/bin";
			scripts.run.exec = "\${pkgs.locales}/run";
		}`,
	);
	const env = new Map(spec.env.map(({ name, value }) => [name, value]));
	t.is(env.get("SEES"), "http://localhost:80/4");
	t.deepEqual(
		["FIRST", "N", "B"].map((name) => env.get(name)),
		["nix", "3", "true"],
	);
	t.regex(env.get("CONF") ?? "", /^\/nix\/store\/[a-z0-9]{32}-conf$/);
	t.deepEqual(
		packages.map(({ name, version }) => `${name} ${version === "9" ? version : ""}`),
		["jq ", "zsh ", "libjq1 9"],
	);
	t.deepEqual(
		spec.packages.map(({ text, location }) => [text, location?.file]),
		[
			["jq", "env.yaml"],
			["zsh", "env.nix"],
			["libjq1", "env.nix"],
		],
	);
	for (const name of ["env.nix", "conf"])
		t.true(
			tracked.some(({ path }) => path.endsWith(`/project/${name}`)),
			name,
		);
	const { storePaths } = engine.describeEnvironment(drvPath);
	t.deepEqual(storePaths.map((path) => path.slice(44)).sort(), ["conf", "jq-1.0-1", "locales-1.0-1"]);
});

test("env.nix is a set or a function, sees the profile, and is read again when it changes", async (t) => {
	const { withModule } = makeEngine(t);
	const names = async (...args: Parameters<Fixture["withModule"]>): Promise<string[]> =>
		(await withModule(...args)).packages.map(({ name }) => name);
	t.deepEqual(await names("", '{ packages = [ "jq" ]; }'), ["jq"]);
	t.deepEqual(await names("", "{ pkgs }: { packages = [ pkgs.zsh ]; }"), ["zsh"]);
	t.deepEqual(await names("", "args: { packages = [ args.pkgs.jq ]; }"), ["jq"]);
	const byProfile =
		'{ pkgs, profile, ... }: { profiles.ci = { }; packages = if profile == "ci" then [ pkgs.zsh ] else [ ]; }';
	t.deepEqual(await names("", byProfile), []);
	t.deepEqual(await names("", byProfile, "ci"), ["zsh"]);
});

test("what is wrong with env.nix is told at its place", async (t) => {
	const { withModule } = makeEngine(t);
	const fault = async (module: string, text = ""): Promise<string> => {
		const { code, location, message } = await failure(t, withModule(text, module));
		return `${code} ${location?.file.replace(/.*\//, "") ?? ""}:${location?.line}:${location?.column} ${message}`;
	};
	t.regex(await fault("{ packages = \n [ 3 ]; }"), /^ENV_TYPE env\.nix:1:3 'packages\[0\]' must be/);
	t.regex(await fault("{\n  pakages = [ ]; }"), /^ENV_UNKNOWN_KEY env\.nix:2:3 /);
	t.regex(await fault('{ inputs.x.url = "y"; }'), /^ENV_UNKNOWN_KEY env\.nix:1:3 /);
	t.regex(
		await fault("{ env.A = x: x; }"),
		/^ENV_MODULE env\.nix:1:3 'env\.A' of env\.nix cannot be read: it cannot be a function/,
	);
	t.regex(await fault("let a = { env = a; }; in a"), /^ENV_MODULE env\.nix:.*nests too deep/);
	t.regex(await fault('{ packages = builtins.genList (n: "p") 30000; }'), /^ENV_MODULE .*more than 20,000 values/);
	t.regex(await fault("{ pkgs }: { packages = [ pkgs.jqq ]; }"), /^EVAL_FAILED .*attribute 'jqq' missing/);
	t.regex(await fault("{ env = ; }"), /^EVAL_SYNTAX env\.nix:1:9/);
	t.regex(await fault('{ packages = [ "jqq" ]; }'), /^ENV_UNKNOWN_PACKAGE env\.nix:1:3/);
	t.regex(await fault("{ }", "env: { A: '${B}' }\n"), /^ENV_\w+ env\.yaml:1:11/);
	t.regex(await fault("3"), /^ENV_TYPE .*env\.nix must be a set of options/);
});

test("a package is explained by the shortest ways from what is asked for", async (t) => {
	const { engine, project, lock, write } = makeEngine(t);
	write(
		"overlay.nix",
		`final: prev: {
			zsh = prev.zsh.override { depends = [ "locales" "libjq1 (>= 1)" ]; };
			locales = prev.locales.override { preDepends = [ "libjq1" ]; };
		}`,
	);
	const why = (name: string, text: string): ReturnType<Engine["explainPackage"]> =>
		engine.explainPackage({ project, spec: specOf(`overlays: [./overlay.nix]\n${text}`), lock, variables: {} }, name);
	const reasons = await why("libjq1", "packages:\n  - locales\n  - zsh\n  - jq\n");
	t.deepEqual(
		reasons.chains.map(({ start, steps }) => [
			`${start.kind} ${start.text} ${start.place ?? ""}`,
			...steps.map((step) => `${step.kind} ${step.relation ?? ""} ${step.name}`),
		]),
		[
			["requested locales env.yaml:3", "pre-depends libjq1 libjq1"],
			["requested zsh env.yaml:4", "depends libjq1 (>= 1) libjq1"],
			["requested jq env.yaml:5", "depends libjq1 libjq1"],
		],
	);
	const own = await why("bash", "packages: [jq, bash]\n");
	t.deepEqual(own.chains[0]?.steps, []);
	t.is(own.chains[0]?.start.kind, "requested");
	t.is((await why("bash", "packages: [jq]\n")).chains[0]?.start.kind, "essential");
	const missing = await failure(t, why("libjq2", "packages: [jq]\n"));
	t.is(missing.code, "EXPLAIN_NOT_THERE");
	t.regex(missing.hint ?? "", /libjq1/);
	t.is((await failure(t, why("jq", "packages: []\n"))).code, "EXPLAIN_NOT_THERE");
});
