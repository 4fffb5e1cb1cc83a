import { posix } from "node:path";
import { renderDiagnostic } from "@devenv/diagnostics";
import test from "ava";
import { addPackages, expectEnvSpec, type ImportReader, type ParsedEnvFile, parseEnvFile } from "../src/index.ts";

/** A repository of folders whose top is the project's folder. */
function reader(files: Readonly<Record<string, string>>, looked: string[] = []): ImportReader {
	return (written, from) => {
		const folder = posix.join(written.startsWith("/") ? "." : from, written).replace(/^\.$|\/$/g, "");
		looked.push(folder);
		const content = files[folder];
		if (folder.startsWith("..")) return { reason: "OUTSIDE", message: `${written} leads out`, hint: "stay" };
		if (content === undefined) return { reason: "MISSING", message: `no env.yaml in ${folder}`, hint: "name another" };
		return { folder, text: { file: `${folder}/env.yaml`, content } };
	};
}

function parse(content: string, files: Readonly<Record<string, string>>, local?: string): ParsedEnvFile {
	return parseEnvFile(
		{ file: "env.yaml", content },
		{
			readImport: reader(files),
			...(local === undefined ? {} : { local: { file: "env.local.yaml", content: local } }),
		},
	);
}

const faults = (parsed: ParsedEnvFile): string[] =>
	parsed.diagnostics.map((each) => renderDiagnostic(each).split("\n")[0] ?? "");
const names = (parsed: ParsedEnvFile): string[] => expectEnvSpec(parsed).packages.map(({ attr }) => attr);

test("what imports is merged over what it imports, in the order written", (t) => {
	t.is(expectEnvSpec(parse("imports: [./a]\n", { a: "name: a\n" })).name, undefined);
	t.deepEqual(faults(parse("packages: [jq]\n", {}, "imports: [./c]\n")), [
		"error[ENV_IMPORT_MISSING]: no env.yaml in c",
	]);
	const good = parse(
		"imports: [./a, /b]\nname: top\npackages: [jq]\nenv: { WHO: top }\nenter_shell: echo top\n",
		{
			a: "name: a\npackages: [ripgrep]\nenv: { WHO: a, A: '1' }\nenter_shell: echo a\n",
			b: "name: b\npackages: [fd-find, jq]\nenv: { WHO: b, A: '2', B: '${WHO}' }\nenter_shell: echo b\nshell: zsh\n",
		},
		"env: { WHO: local }\n",
	);
	const spec = expectEnvSpec(good);
	t.is(spec.name?.value, "top");
	t.deepEqual(names(good), ["ripgrep", "fd-find", "jq"]);
	t.deepEqual(
		spec.env.map(({ name, value, location }) => `${name}=${value} ${location?.file ?? ""}`),
		["A=2 b/env.yaml", "B=local b/env.yaml", "WHO=local env.local.yaml"],
	);
	t.is(spec.enterShell, "echo a\necho b\necho top");
	t.is(spec.shell, "zsh");
});

test("a folder that is imported twice counts once, and paths are relative to the file that says them", (t) => {
	const looked: string[] = [];
	const files = {
		a: "imports: [../shared]\noverlays: [./a.nix]\n",
		"b/deep": "imports: [/shared]\ninputs: { tools: { url: 'path:../lib', overlays: [x.nix] } }\n",
		shared:
			"overlays: [../top.nix, tools#y.nix, /abs/z.nix]\ninputs: { other: { url: 'path:../../elsewhere' } }\npackages: [jq]\n",
	};
	const parsed = parseEnvFile(
		{ file: "env.yaml", content: "imports: [./a, ./b/deep]\n" },
		{ readImport: reader(files, looked) },
	);
	const spec = expectEnvSpec(parsed);
	t.deepEqual(looked, ["a", "shared", "b/deep", "shared"]);
	t.deepEqual(
		spec.overlays.map(({ value }) => value),
		["./top.nix", "tools#y.nix", "/abs/z.nix", "./a/a.nix"],
	);
	t.deepEqual(
		spec.inputs.map(({ name, url, overlays }) => [name, url.value, ...overlays.map(({ value }) => value)]),
		[
			["debian", "debian:trixie"],
			["other", "path:../elsewhere"],
			["tools", "path:./b/lib", "./b/deep/x.nix"],
		],
	);
});

test("what cannot be imported is said where it is written", (t) => {
	t.deepEqual(faults(parse("imports:\n  - ../up\n  - ./a\n", { a: "imports: [./none]\n" })), [
		"error[ENV_IMPORT_OUTSIDE]: ../up leads out",
		"error[ENV_IMPORT_MISSING]: no env.yaml in a/none",
	]);
	const circle = parse("imports: [./a]\n", { a: "imports: [/b]\n", b: "imports: [/a]\n" });
	t.deepEqual(faults(circle), ["error[ENV_IMPORT_CYCLE]: imports go in a circle: a → b → a"]);
	t.is(circle.diagnostics[0]?.location?.file, "b/env.yaml");
	const own = parse("imports: [./a]\n", { a: "imports: [..]\n", "": "" });
	t.deepEqual(faults(own), ["error[ENV_IMPORT_CYCLE]: imports go in a circle: . → a → ."]);
	t.deepEqual(faults(parse("imports: [./a]\n", { a: "pakages: [jq]\n" })), [
		"error[ENV_UNKNOWN_KEY]: unknown key 'pakages'",
	]);
	t.deepEqual(faults(parse("imports: ./a\n", {})), [
		"error[ENV_TYPE]: 'imports' must be a list of folders, not a string",
	]);
	const many = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`d${index}`, ""]));
	const list = Object.keys(many).map((name) => `./${name}`);
	t.regex(faults(parse(`imports: [${list.join(", ")}]\n`, many))[0] ?? "", /ENV_IMPORT_LIMIT/);
});

test("every imported file's required version counts", (t) => {
	const parsed = parseEnvFile(
		{ file: "env.yaml", content: "imports: [./a]\nrequire_version: '>=0.1'\n" },
		{ readImport: reader({ a: "require_version: '>=9'\n" }), programVersion: "0.1.0" },
	);
	t.deepEqual(faults(parsed), ["error[ENV_VERSION]: this environment requires devenv >=9, and this is 0.1.0"]);
});

test("a package that an import lists is not added again", (t) => {
	const file = { file: "env.yaml", content: "imports: [./a]\n" };
	const edit = addPackages(file, ["jq", "ripgrep"], { readImport: reader({ a: "packages: [jq]\n" }) });
	t.deepEqual([edit.done, edit.idle], [["ripgrep"], ["jq"]]);
});

test("inputs that follow another one are that one: packages, overlays, and one pin", (t) => {
	const spec = expectEnvSpec(
		parse(
			[
				"inputs:",
				"  tools: { url: 'path:./tools', overlays: ['./one.nix'] }",
				"  theirs: { follows: shared, overlays: ['./two.nix', 'theirs#three.nix'] }",
				"  shared: { follows: tools }",
				"imports: [./a]",
				"packages: ['shared#x', 'theirs#y', 'tools#x', jq]",
				"overlays: ['theirs#z.nix', './own.nix']",
				"",
			].join("\n"),
			{ a: "inputs: { theirs: { url: 'github:example/other', overlays: ['./a.nix'] } }\npackages: ['theirs#w']\n" },
		),
	);
	t.deepEqual(
		spec.inputs.map(({ name, url, overlays }) => [name, url.value, overlays.map(({ value }) => value)]),
		[
			["debian", "debian:trixie", []],
			["tools", "path:./tools", ["./a/a.nix", "./one.nix", "./two.nix", "tools#three.nix"]],
		],
	);
	t.deepEqual(
		spec.packages.map(({ input, attr, text }) => [input, attr, text]),
		[
			["tools", "w", "theirs#w"],
			["tools", "x", "shared#x"],
			["tools", "y", "theirs#y"],
			["debian", "jq", "jq"],
		],
	);
	t.deepEqual(
		spec.overlays.map(({ value }) => value),
		["tools#z.nix", "./own.nix"],
	);
	// Also the one that packages without an input come from.
	const other = expectEnvSpec(parse("inputs: { old: { url: 'debian:bookworm' }, debian: { follows: old } }\n", {}));
	t.deepEqual(
		other.inputs.map(({ name }) => name),
		["old"],
	);
	t.is(
		expectEnvSpec(parse("inputs: { old: { url: 'debian:bookworm' }, debian: { follows: old } }\npackages: [jq]\n", {}))
			.packages[0]?.input,
		"old",
	);
});
