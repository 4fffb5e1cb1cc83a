import { DiagnosticError, renderDiagnostic } from "@devenv/diagnostics";
import test from "ava";
import { type ParsedEnvFile, expectEnvSpec, isVersion, parseEnvFile, versionedNames } from "../src/index.ts";
import { readDiagnosticCases } from "./diagnostic-cases.ts";

function render(parsed: ParsedEnvFile): string {
	return parsed.diagnostics
		.map((each) => renderDiagnostic(each))
		.join("")
		.trimEnd();
}

function parse(content: string | Uint8Array, local?: string): ParsedEnvFile {
	return parseEnvFile(
		{ file: "env.yaml", content },
		{
			programVersion: "0.1.0",
			...(local === undefined ? {} : { local: { file: "env.local.yaml", content: local } }),
		},
	);
}

for (const { name, text, expected } of readDiagnosticCases(new URL("env-diagnostics.txt", import.meta.url))) {
	test(`refuses ${name}`, (t) => {
		const parsed = parse(text);
		t.is(render(parsed), expected);
		t.is(parsed.spec, undefined);
	});
}

test("refuses what is not UTF-8, with the line", (t) => {
	const parsed = parse(Buffer.from('name: x\nenv: { A: "\xe9" }\n', "latin1"));
	t.is(
		render(parsed),
		[
			"error[ENV_NOT_UTF8]: env.yaml is not UTF-8 text",
			"  --> env.yaml:2:12",
			' 2 | env: { A: "\ufffd" }',
			"   |            ^",
			"  help: save the file in the encoding UTF-8",
		].join("\n"),
	);
});

test("refuses UTF-16 without showing it", (t) => {
	const parsed = parse(Buffer.from("\ufeffname: x\n", "utf16le"));
	t.is(render(parsed), "error[ENV_NOT_UTF8]: env.yaml is UTF-16 text\n  help: save the file in the encoding UTF-8");
});

/* Were one of these taken literally, the file would run into its time limit. */
test("refuses huge files and alias bombs with one message", (t) => {
	const doubling = Array.from({ length: 30 }, (_, i) => `x${i}: &a${i} [*a${i - 1}, *a${i - 1}]`).join("\n");
	const hostile: readonly (readonly [string, string])[] = [
		["#".repeat(300_000), "ENV_TOO_LARGE"],
		[`packages:\n- &a jq\n${"- *a\n".repeat(40_000)}`, "ENV_YAML_ALIASES"],
		[`x-1: &a-1 [a]\n${doubling.replaceAll("a-1", "a_")}`.replace("&a-1", "&a_"), "ENV_UNKNOWN_KEY"],
		[`a: ${"[".repeat(100_000)}`, "ENV_TOO_DEEP"],
		["- ".repeat(100_000), "ENV_TOO_DEEP"],
	];
	for (const [text, code] of hostile) {
		const parsed = parse(text);
		t.is(parsed.diagnostics[0]?.code, code);
		t.true(parsed.diagnostics.length <= 20);
	}
});

test("reports at most twenty diagnostics", (t) => {
	const parsed = parse(Array.from({ length: 500 }, (_, index) => `unknown${index}: 1`).join("\n"));
	t.is(parsed.diagnostics.length, 20);
});

test("fills in defaults", (t) => {
	for (const text of ["", "# nothing but a comment\n", "{}\n", "---\n"]) {
		t.deepEqual(parse(text).spec, {
			inputs: [{ name: "debian", url: { value: "debian:trixie" }, overlays: [] }],
			overlays: [],
			overrides: [],
			packages: [],
			env: [],
			dotenv: [],
			enterShell: "",
			aliases: [],
			shell: "auto",
			prompt: "auto",
			reload: "auto",
			clean: { enabled: false, keep: [] },
			scripts: [],
			processes: [],
			serviceVariables: [],
		});
	}
});

test("keeps numbers and switches of env as they are written", (t) => {
	const { spec } = parse("env: { V: 1.10, H: 0x1F, T: true, Y: yes, S: '007', E: '', __proto__: x }\n");
	t.deepEqual(
		spec?.env.map(({ name, value }) => [name, value]),
		[
			["E", ""],
			["H", "0x1F"],
			["S", "007"],
			["T", "true"],
			["V", "1.10"],
			["Y", "yes"],
			["__proto__", "x"],
		],
	);
});

test("splits packages into input and attribute, and drops repetitions", (t) => {
	const { spec } = parse(
		"inputs: { sid: { url: debian:sid } }\npackages: [jq, 'g++', sid#jq, debian#jq, python3.13]\n",
	);
	t.deepEqual(
		spec?.packages.map(({ text, input, attr, location }) => [text, input, attr, location?.column]),
		[
			["jq", "debian", "jq", 12],
			["g++", "debian", "g++", 16],
			["sid#jq", "sid", "jq", 23],
			["python3.13", "debian", "python3.13", 42],
		],
	);
});

test("follows aliases", (t) => {
	const { spec } = parse("packages: [&tool jq]\nenv: { TOOL: *tool }\n");
	t.is(spec?.env[0]?.value, "jq");
});

test("reads a file with byte order mark and carriage returns", (t) => {
	const { spec } = parse(Buffer.from("\ufeffname: shop\r\npackages:\r\n  - jq\r\n"));
	t.is(spec?.name?.value, "shop");
	t.is(spec?.packages[0]?.location?.lineText, "  - jq");
});

test("merges env.local.yaml: values win, tables merge, lists are appended", (t) => {
	const { spec } = parseEnvFile(
		{
			file: "env.yaml",
			content: [
				"name: shop",
				"inputs: { debian: { url: debian:trixie, overlays: [./a.nix] } }",
				"packages: [jq]",
				"env: { A: one, B: two }",
				"enter_shell: |",
				"  echo project",
				"overlays: [./o.nix]",
				"clean: true",
			].join("\n"),
		},
		{
			local: {
				file: "env.local.yaml",
				content: [
					"name: mine",
					"inputs: { debian: { url: debian:sid, overlays: [./b.nix] } }",
					"packages: [ripgrep, jq]",
					"env: { B: three, C: four }",
					"enter_shell: echo local",
					"overlays: [./p.nix]",
					"clean: { keep: [EDITOR] }",
				].join("\n"),
			},
		},
	);
	t.is(spec?.name?.value, "mine");
	t.is(spec?.name?.location?.file, "env.local.yaml");
	t.deepEqual(
		spec?.inputs.map(({ name, url, overlays }) => [name, url.value, overlays.map((each) => each.value)]),
		[["debian", "debian:sid", ["./a.nix", "./b.nix"]]],
	);
	t.deepEqual(
		spec?.packages.map((each) => each.text),
		["jq", "ripgrep"],
	);
	t.deepEqual(
		spec?.env.map(({ name, value }) => [name, value]),
		[
			["A", "one"],
			["B", "three"],
			["C", "four"],
		],
	);
	t.is(spec?.enterShell, "echo project\necho local");
	t.deepEqual(
		spec?.overlays.map((each) => each.value),
		["./o.nix", "./p.nix"],
	);
	t.deepEqual(spec?.clean, { enabled: true, keep: ["EDITOR"] });
});

test("reports both files' errors, each with its own place", (t) => {
	const { diagnostics, spec } = parseEnvFile(
		{ file: "env.yaml", content: "pakages: []\n" },
		{ local: { file: "env.local.yaml", content: "name: [x]\n" } },
	);
	t.is(spec, undefined);
	t.deepEqual(
		diagnostics.map((each) => [each.code, each.location?.file]),
		[
			["ENV_UNKNOWN_KEY", "env.yaml"],
			["ENV_TYPE", "env.local.yaml"],
		],
	);
});

test("expectEnvSpec throws the diagnostics", (t) => {
	const error = t.throws(() => expectEnvSpec(parse("nme: x\n")), { instanceOf: DiagnosticError });
	t.is(error.diagnostics[0]?.code, "ENV_UNKNOWN_KEY");
});

test("aliases are of one line, and a later file's win", (t) => {
	const { spec } = parse("aliases: { ll: ls -l, gs: 'git status' }\n", "aliases: { ll: ls -la }\n");
	t.deepEqual(spec?.aliases, [
		{ name: "gs", value: "git status" },
		{ name: "ll", value: "ls -la" },
	]);
	t.regex(parse("aliases: { 'a b': x }\n").diagnostics[0]?.message ?? "", /"a b" in 'aliases' is not a name of/);
	t.regex(parse('aliases: { a: "x\\ny" }\n').diagnostics[0]?.message ?? "", /aliases\.a.*one line/);
});

test("dotenv is true, a file or several, each once where it wins", (t) => {
	const files = (text: string, local?: string): string[] | undefined =>
		parse(text, local).spec?.dotenv.map(({ value }) => value);
	t.deepEqual(files("dotenv: true\n"), [".env"]);
	t.deepEqual(files("dotenv: false\n"), []);
	t.deepEqual(files("dotenv: secrets/.env\n"), ["secrets/.env"]);
	t.deepEqual(files("dotenv: [.env, .env.local]\n", "dotenv: .env\n"), [".env.local", ".env"]);
	for (const text of [
		"dotenv: /etc/passwd\n",
		"dotenv: 1\n",
		"dotenv: { a: b }\n",
		"dotenv: [true]\n",
		"dotenv: a/\n",
	]) {
		t.regex(parse(text).diagnostics[0]?.message ?? "", /'dotenv/, text);
	}
});

test("packages may name a version and outputs, and say it once", (t) => {
	const requests = (text: string, local?: string): unknown =>
		parse(text, local).spec?.packages.map(({ location: _, ...each }) => each);
	const python = { text: "python3@3.13", input: "debian", attr: "python3", version: "3.13" };
	t.deepEqual(requests("packages: [python3@3.13]\n"), [python]);
	t.deepEqual(requests("packages: [python3]\n", "packages: [python3@3.13, python3]\n"), [python]);
	t.deepEqual(requests("packages: [{ from: zlib, outputs: [dev, dev] }]\n"), [
		{ text: "zlib", input: "debian", attr: "zlib", outputs: ["dev"] },
	]);
	for (const text of ["[a@]", "[a@b@c]", "['a@ b']", "[{ outputs: [dev] }]", "[{ from: a, outputs: dev }]"]) {
		t.is(parse(`packages: ${text}\n`).spec, undefined, text);
	}
});

test("versions are whole, or beginnings of the upstream version", (t) => {
	for (const asked of ["2:8.4.1+dfsg-3", "8.4.1+dfsg-3", "8.4.1+dfsg", "8.4.1", "8.4", "8"]) {
		t.true(isVersion("2:8.4.1+dfsg-3", asked), asked);
	}
	for (const asked of ["2", "8.4.1+d", "8.", "4.1", "8.4.1+dfsg-3.1", "84"]) {
		t.false(isVersion("2:8.4.1+dfsg-3", asked), asked);
	}
	t.deepEqual(versionedNames("gcc", "14.2"), [
		"gcc",
		"gcc-14.2",
		"gcc14.2",
		"gcc_14_2",
		"gcc142",
		"gcc-14",
		"gcc14",
		"gcc_14",
	]);
	t.true(versionedNames("python3", "3.12").includes("python3.12"));
	t.true(versionedNames("llvm-18", "19").includes("llvm-19"));
});

test("a package's overrides are merged field by field", (t) => {
	const { spec } = parse(
		"overrides: { jq: { version: '1', depends: [libc6 (>= 2)] }, a: { src: ./a.deb } }\n",
		"overrides: { jq: { version: '2', pre_depends: [] } }\n",
	);
	t.deepEqual(
		spec?.overrides.map(({ attr, changes }) => [attr, changes]),
		[
			["a", [["src", "./a.deb"]]],
			[
				"jq",
				[
					["depends", ["libc6 (>= 2)"]],
					["preDepends", []],
					["version", "2"],
				],
			],
		],
	);
	t.regex(parse("overrides: { jq: { src: /a.deb } }\n").diagnostics[0]?.message ?? "", /a \.deb file/);
});
