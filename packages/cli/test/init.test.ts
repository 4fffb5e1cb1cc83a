import { DiagnosticError } from "@devenv/diagnostics";
import { parseEnvFile } from "@devenv/env-file";
import fc from "fast-check";
import test from "ava";
import { type Lookup, proposal, readSource } from "../src/init/propose.ts";

/** Packages of these versions, and no others. */
function lookup(packages: Readonly<Record<string, string>>): Lookup {
	return (name) => Promise.resolve(Object.hasOwn(packages, name) ? { version: packages[name] ?? "" } : undefined);
}

const all: Lookup = () => Promise.resolve({ version: null });

async function propose(file: string, text: string, known: Lookup = all): Promise<string[]> {
	const lines = (await proposal(file, readSource(file, text), known)).split("\n");
	return lines.slice(2).filter((line) => line !== "");
}

const cases: readonly (readonly [file: string, text: string, expected: readonly string[]])[] = [
	[
		"package.json",
		'{ "engines": { "node": ">=20" }, "dependencies": { "bcrypt": "5", "left-pad": "1" } }',
		[
			"  - nodejs # node >=20",
			"  - npm",
			"  - python3 # bcrypt (compiled)",
			"  - make # bcrypt (compiled)",
			"  - g++ # bcrypt (compiled)",
		],
	],
	[
		"requirements-dev.txt",
		"# comment\n-r base.txt\nDjango>=5\nlxml==5.0 ; python_version > '3'\n\n",
		[
			"# - 2 Python packages are installed by pip, into the project",
			"  - python3 # python",
			"  - python3-pip # pip",
			"  - python3-venv # venv",
			"  - libxml2-dev # lxml",
			"  - libxslt1-dev # lxml",
			"  - python3-dev # lxml (compiled)",
			"  - gcc # a compiler",
		],
	],
	[
		"pyproject.toml",
		'[project]\nrequires-python = ">=3.11"\ndependencies = ["psycopg2 >= 2.9"]\n[build-system]\nbuild-backend = "poetry.core.masonry.api"\n',
		[
			"# - the build backend poetry.core.masonry.api is installed by pip",
			"# - 1 Python packages are installed by pip, into the project",
			"  - python3 # python >=3.11",
			"  - python3-pip # pip",
			"  - python3-venv # venv",
			"  - libpq-dev # psycopg2",
			"  - python3-dev # psycopg2 (compiled)",
			"  - gcc # a compiler",
			"  - python3-poetry # poetry",
		],
	],
	[
		"go.mod",
		"module example.org/a\n\ngo 1.22\n\nrequire (\n\tgithub.com/mattn/go-sqlite3 v1.14.0\n\texample.org/b v1.0.0 // indirect\n)\n",
		["# - 2 modules are fetched by go", "  - golang-go # go 1.22", "  - gcc # github.com/mattn/go-sqlite3 (cgo)"],
	],
	[
		"Cargo.toml",
		'[package]\nname = "a"\nrust-version = "1.80"\n[dependencies]\nopenssl = "0.10"\nserde = { version = "1" }\n[workspace.dependencies]\nrusqlite = "1"\n',
		[
			"# - 3 crates are fetched by cargo",
			"  - rustc # rustc 1.80",
			"  - cargo",
			"  - libssl-dev # openssl",
			"  - pkgconf # openssl; rusqlite",
			"  - libsqlite3-dev # rusqlite",
		],
	],
	[
		"Gemfile",
		"source 'https://rubygems.org'\nruby \"3.3.0\"\ngem 'pg', '~> 1'\n  gem \"rake\"\n",
		[
			"# - 2 gems are installed by bundler",
			"  - ruby # ruby 3.3.0",
			"  - bundler",
			"  - libpq-dev # pg",
			"  - ruby-dev # pg (compiled)",
			"  - gcc # pg (compiled)",
			"  - make # pg (compiled)",
		],
	],
	[
		"composer.json",
		'{ "require": { "php": "^8.2", "ext-json": "*", "ext-mbstring": "*", "ext-dom": "*", "a/b": "1" } }',
		[
			"# - 1 packages are installed by composer",
			"  - php-cli # php ^8.2",
			"  - composer",
			"  - php-mbstring # ext-mbstring",
			"  - php-xml # ext-dom",
		],
	],
	[
		".tool-versions",
		"# tools\nnodejs 20.1.0\npython 3.11.4 2.7\njava temurin-21.0.2+13\n",
		[
			"  - nodejs # nodejs 20.1.0",
			"  - python3.11 # python 3.11.4",
			"  - openjdk-21-jdk-headless # java temurin-21.0.2+13",
		],
	],
	[
		"devbox.json",
		'{ "packages": { "go": "latest", "postgresql": "16" }, "env": { "A": "it\'s", "PATH": "/x", "B": "$A" }, "shell": { "init_hook": "x" } }',
		[
			"# - shell.init_hook is not taken over: see enter_shell",
			"# - the variable PATH is not taken over",
			"# - the variable B is not taken over",
			"  - golang-go # go@latest",
			"  - postgresql-16 # postgresql@16",
			'  A: "it\'s"',
		],
	],
	[
		"Dockerfile",
		'FROM --platform=linux/amd64 docker.io/library/node:20 AS build\n# RUN apt-get install nothing\nENV A=1 B="two words"\nRUN apt-get update && \\\n apt-get install -y --no-install-recommends \\\n  git=1:2 \\\n libpq-dev; rm -rf /var\nRUN pip install flask\n',
		["  - nodejs # docker.io/library/node:20", "  - git", "  - libpq-dev", '  A: "1"', '  B: "two words"'],
	],
	[
		"shell.nix",
		`{ pkgs ? import <nixpkgs> { } }: with pkgs; mkShell rec {
			buildInputs = [ nodejs_22 (python3.withPackages (p: [ p.flask ])) llvmPackages_18.clang ] ++ lib.optionals true [ pkgs.gnumake ];
			nativeBuildInputs = let x = 1; in with pkgs; [ python312Packages.requests-mock ];
			GREETING = "hello"; COMPUTED = "\${x}"; shellHook = "rm -rf /";
		}`,
		[
			"# - a package that an expression makes is not taken over",
			"# - shellHook is not taken over: see enter_shell",
			"  - nodejs_22",
			"  - clang-18 # llvmPackages_18.clang",
			"  - make # gnumake",
			"  - python3-requests-mock # python312Packages.requests-mock",
			'  GREETING: "hello"',
		],
	],
];

for (const [file, text, expected] of cases) {
	test(`${file}: what it asks for, by names of packages here`, async (t) => {
		const lines = await propose(file, text);
		t.deepEqual(
			lines.filter((line) => !/^(# Proposed from|packages:$|env:$)/.test(line)),
			expected.map((line) => line.replace("nodejs_22", "nodejs-22 # nodejs_22")),
		);
	});
}

test("the first candidate that is there is taken, others' versions are told, and what is nowhere is a comment", async (t) => {
	const text = "{ packages = [ nodejs_22 jdk21 turbo libfoo openssl ]; }";
	const known = lookup({ nodejs: "20.19", "default-jdk-headless": "2:1.21", "libfoo-dev": "1", "libssl-dev": "3.5" });
	t.deepEqual(await propose("flake.nix", text, known), [
		"# Proposed from flake.nix; look it over.",
		"packages:",
		"  - nodejs # nodejs_22: here 20.19",
		"  - default-jdk-headless # jdk21: here 2:1.21",
		"  - libfoo-dev # libfoo",
		"  - libssl-dev # openssl",
		"  # Not found here; `devenv search WORD` may know them by another name:",
		"  #   turbo",
	]);
	t.deepEqual(await propose("package.json", "{}", lookup({})), [
		"# Proposed from package.json; look it over.",
		"packages: []",
		"  # Not found here; `devenv search WORD` may know them by another name:",
		"  #   node",
		"  #   npm",
	]);
});

test("a file that is not what its name says is one diagnostic", (t) => {
	const refusals: readonly (readonly [string, string, string])[] = [
		["package.json", "[]", "INIT_SOURCE"],
		["package.json", "{", "INIT_SOURCE"],
		["Cargo.toml", "[a", "INIT_SOURCE"],
		["go.mod", "go 1.2", "INIT_SOURCE"],
		["flake.nix", "{ a = ", "INIT_SOURCE"],
		["Makefile", "", "USAGE_SOURCE"],
	];
	for (const [file, text, code] of refusals) {
		const error = t.throws(() => readSource(file, text), { instanceOf: DiagnosticError }, `${file} ${text}`);
		t.deepEqual(
			error.diagnostics.map((each) => each.code),
			[code],
		);
	}
});

test("whatever a file holds, the proposal is an env.yaml that says only what was read", async (t) => {
	const hostile = fc.string({ unit: "binary", maxLength: 40 });
	await fc.assert(
		fc.asyncProperty(fc.array(hostile, { maxLength: 5 }), fc.dictionary(hostile, hostile), async (names, env) => {
			const text = JSON.stringify({ packages: names, env });
			const proposed = await proposal("devbox.json", readSource("devbox.json", text), all);
			const { spec, diagnostics } = parseEnvFile({ file: "env.yaml", content: proposed });
			return diagnostics.length === 0 && spec !== undefined && spec.enterShell === "";
		}),
		{ numRuns: 300 },
	);
	const injected = await propose(
		"devbox.json",
		JSON.stringify({ packages: ["a\nenter_shell: evil", "b@1\u2028x: y"] }),
		lookup({}),
	);
	t.false(injected.some((line) => line.startsWith("enter_shell") || line.startsWith("x:")));
});
