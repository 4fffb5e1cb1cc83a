/** What env.yaml and env.nix may ask of the package set. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import type { Engine, EvaluatedEnvironment } from "../src/engine-interface.ts";
import { type Fixture, failure, makeEngine, specOf } from "./engine-fixture.ts";

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

test("variables may name the places of packages", async (t) => {
	const { environment, engine } = makeEngine(t);
	const { drvPath, root } = await environment("env: { A: '${pkgs.jq}/bin:${B}:$${pkgs.jq}', B: '${pkgs.libjq1}' }\n");
	// Only a view shows the store.
	t.truthy(root);
	t.is((await environment("env: { A: b }\n")).root, null);
	const { variables } = engine.describeEnvironment(drvPath);
	t.regex(variables["B"] ?? "", /^\/nix\/store\/[a-z0-9]{32}-libjq1-1\.0-1$/);
	t.regex(variables["A"] ?? "", /^\/nix\/store\/[a-z0-9]{32}-jq-1\.0-1\/bin:/);
	t.true(variables["A"]?.endsWith(`:${variables["B"] ?? ""}:\${pkgs.jq}`));
	const { code, location, hint } = await failure(t, environment("env:\n  A: ${pkgs.jqq}\n"));
	t.deepEqual([code, location?.line, location?.column], ["ENV_UNKNOWN_PACKAGE", 2, 6]);
	t.regex(hint ?? "", /jq/);
	t.is((await failure(t, environment("env: { A: '${pkgs.mkRoot}' }\n"))).code, "ENV_UNKNOWN_PACKAGE");
	const text = "env: { A: '${pkgs.jq}' }\nprocesses: { web: { exec: x, env: { B: '${A}' } } }\n";
	t.throws(() => specOf(text), { message: /ENV_REFERENCE: 'processes\.web\.env\.B' names the place of a package/ });
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

test("packages of an input with a default.nix stand beside those of the archive", async (t) => {
	const { engine, project, lock, write } = makeEngine(t);
	mkdirSync(join(project, "tools"));
	write(
		"tools/default.nix",
		`{ pkgs, system, overlays, config, ... }:
		let
			make = name: version: derivation { name = "\${name}-\${version}"; inherit system version; pname = name; builder = "\${pkgs.jq}/bin/jq"; outputs = [ "out" "dev" ]; };
			base = { tool = make "tool" "1.0"; tool_2 = make "tool" "2.5"; sets.inner = make "inner" "3"; number = 3; };
		in builtins.foldl' (prev: overlay: prev // overlay { } prev) base overlays`,
	);
	write("added.nix", '_: prev: { added = prev.tool // { pname = "added"; }; }');
	const inputs = "inputs: { tools: { url: path:tools, overlays: [./added.nix] } }\n";
	const locked = await engine.lockInputs(specOf(inputs), lock, { project });
	const evaluate = (packages: string): Promise<EvaluatedEnvironment> =>
		engine.evaluateEnvironment({
			project,
			spec: specOf(`${inputs}packages: ${packages}\n`),
			lock: locked.lock,
			variables: {},
		});
	const names = async (packages: string): Promise<string[]> =>
		(await evaluate(packages)).packages.map(({ name, version }) => `${name} ${version}`);
	t.deepEqual(await names("['tools#tool', jq, 'tools#sets.inner', 'tools#added']"), [
		"tool 1.0",
		"jq 1.0-1",
		"inner 3",
		"added 1.0",
	]);
	t.deepEqual(await names("['tools#tool@2']"), ["tool 2.5"]);
	const environment = await evaluate("[jq, 'tools#tool', { from: 'tools#sets.inner', outputs: [out, dev] }]");
	const { path, storePaths, root } = engine.describeEnvironment(environment.drvPath);
	t.deepEqual(
		storePaths.map((each) => each.slice(44)),
		["tool-1.0", "inner-3", "inner-3-dev"],
	);
	t.deepEqual(
		path.slice(0, 3),
		storePaths.map((each) => `${each}/bin`),
	);
	t.truthy(root);
	t.is(environment.sources.length, 1);
	// Alone, they have the archive's essential packages around them.
	t.deepEqual(
		engine.closure(await evaluate("['tools#tool']")).map(({ name }) => name),
		["bash"],
	);
	const refused = async (packages: string): Promise<string> => {
		const { code, hint, location } = await failure(t, evaluate(packages));
		return `${code} ${location?.line} ${hint ?? ""}`;
	};
	t.regex(await refused("['tools#tol']"), /^ENV_UNKNOWN_PACKAGE 2 did you mean: tool/);
	t.regex(await refused("['tools#number']"), /^ENV_UNKNOWN_PACKAGE 2 /);
	t.regex(await refused("['tools#tool@3']"), /^ENV_VERSION_UNAVAILABLE 2 it has tool 1\.0/);
	t.regex(await refused("[{ from: 'tools#tool', outputs: [doc] }]"), /^ENV_UNKNOWN_OUTPUT 2 it has: out, dev/);
});
