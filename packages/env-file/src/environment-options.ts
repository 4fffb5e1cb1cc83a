/**
 * The keys of env.yaml: the one declaration behind validation, the JSON Schema, the reference and completion. A new
 * option is a new entry here, a field of {@link EnvDeclaration} and its merging. Layer 1 (pure).
 */

import { isMap, isScalar } from "yaml";
import {
	DEFAULT_INPUT,
	DEFAULT_INPUT_URL,
	type Located,
	type PromptChoice,
	type ReloadChoice,
	type ShellChoice,
} from "./env-spec.ts";
import { type Fields, type RecordType, list, record, table } from "./option-collections.ts";
import { choice, environmentValue, flag, text } from "./option-scalars.ts";
import { processesType, servicesType, variableName } from "./process-options.ts";
import type { ProcessDeclaration } from "./process-spec.ts";
import type { ServicesDeclaration } from "./service-spec.ts";

/** What a profile may say. */
export interface ProfileDeclaration {
	readonly packages?: readonly PackageDeclaration[];
	readonly env?: readonly (readonly [string, Located<string>])[];
	readonly enter_shell?: Located<string>;
	readonly dotenv?: readonly Located<string>[];
	readonly aliases?: readonly (readonly [string, Located<string>])[];
	readonly shell?: ShellChoice;
	readonly prompt?: PromptChoice;
	readonly reload?: ReloadChoice;
	readonly clean?: CleanDeclaration;
	readonly scripts?: readonly (readonly [string, ScriptDeclaration])[];
	readonly processes?: readonly (readonly [string, ProcessDeclaration])[];
	readonly services?: ServicesDeclaration;
}

/** One file's declaration, before merging: what was not written, or was wrong, is absent. */
export interface EnvDeclaration extends ProfileDeclaration {
	readonly name?: Located<string>;
	readonly require_version?: Located<string>;
	readonly inputs?: readonly (readonly [string, InputDeclaration])[];
	readonly imports?: readonly Located<string>[];
	readonly overlays?: readonly Located<string>[];
	readonly overrides?: readonly (readonly [string, OverrideDeclaration])[];
	readonly profiles?: readonly (readonly [string, ProfileDeclaration])[];
}

/** An input's own address, or the input that it is another name of; the other of the two is absent. */
export interface InputDeclaration {
	readonly url?: Located<string>;
	readonly follows?: Located<string>;
	readonly overlays?: readonly Located<string>[];
}

export interface PackageDeclaration {
	readonly from: Located<string>;
	readonly outputs?: readonly Located<string>[];
}

export interface OverrideDeclaration {
	readonly version?: Located<string>;
	readonly src?: Located<string>;
	readonly url?: Located<string>;
	readonly sha256?: Located<string>;
	readonly pre_depends?: readonly Located<string>[];
	readonly depends?: readonly Located<string>[];
	readonly recommends?: readonly Located<string>[];
	readonly provides?: readonly Located<string>[];
	readonly conflicts?: readonly Located<string>[];
	readonly breaks?: readonly Located<string>[];
}

export interface ScriptDeclaration {
	readonly exec: Located<string>;
	readonly description?: Located<string>;
	readonly interpreter?: Located<string>;
}

export interface CleanDeclaration {
	readonly enabled?: boolean;
	readonly keep?: readonly Located<string>[];
}

/** Has no dot, which separates it from what else names files. */
const profileName = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;

const setByDevenv = "devenv sets it in every shell";

/** An entry of `packages`: `attr` or `input#attr`, with a version or without one. */
export const packagePattern: RegExp =
	/^([A-Za-z][A-Za-z0-9_-]*#)?[A-Za-z0-9_][A-Za-z0-9_'.+-]*(@[A-Za-z0-9][A-Za-z0-9.+~:-]*)?$/;

/** URLs of inputs: a Debian suite, a folder, a git repository. */
const inputUrl = new RegExp(
	[
		String.raw`^(?:debian:[a-z][a-z0-9-]*(?:\?components=[a-z][a-z0-9,-]*)?`,
		String.raw`path:[^\s?#]+`,
		String.raw`git\+(?:https|file)://[^\s?#]+(?:\?(?:ref|rev)=[A-Za-z0-9][A-Za-z0-9._/-]*)?`,
		String.raw`https?://[^\s#]+\.(?:tar(?:\.(?:gz|xz|zst|bz2))?|tgz)`,
		String.raw`github:[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9_.-]+(?:/[A-Za-z0-9][A-Za-z0-9._/-]*)?)$`,
	].join("|"),
);

const overlayPath = text({
	expects: "the path of a .nix file",
	pattern: /^[^\0]*[^\0/]\.nix$/,
	hint: "name the file, relative to this one: ./overlays/tools.nix; or in an input: input#overlay.nix",
	examples: ["./overlay.nix"],
});

const inputName = /^[A-Za-z][A-Za-z0-9_-]{0,62}$/;

const inputDeclaration = record<InputDeclaration>(
	{
		url: {
			type: text({
				expects: "the URL of an input, such as debian:trixie",
				pattern: inputUrl,
				hint: explainUrl,
				examples: [DEFAULT_INPUT_URL],
			}),
			description:
				"Where the input comes from. A package set: `debian:<suite>`. A folder of files, whose overlays are named `input#file.nix` and whose packages `input#attr` are what its default.nix gives (a set, or a function of some of `pkgs`, `lib`, `system`, `config` and `overlays`, as nixpkgs is): `path:<folder>` (relative to this file), `git+https://…` and `git+file://…` with `?ref=<branch or tag>` or `?rev=<commit>`, `github:<owner>/<repository>[/<ref>]`, or a tarball by `https:` or `http:`. What it is exactly is pinned in env.lock.",
			example: DEFAULT_INPUT_URL,
		},
		follows: {
			type: text({ expects: "the name of an input", pattern: inputName }),
			description:
				"The input that this is another name of, in place of a `url`: both are one, with one pin. A project says so of an input that a folder it imports declares, where both shall use the same.",
			example: "debian",
		},
		overlays: {
			type: list(overlayPath, { expects: "a list of .nix files", example: "overlays: [./overlay.nix]" }),
			description:
				"Overlay files for this input alone: of a package set, applied before the environment's own; of a folder, given to its default.nix as `overlays`.",
			example: ["./overlay.nix"],
		},
	},
	{ expects: "a table with a url", example: "debian: { url: debian:trixie }", oneOf: ["url", "follows"] },
);

function explainUrl(url: string): string {
	if (/^[a-z][a-z0-9-]*$/.test(url)) return `did you mean 'debian:${url}'?`;
	return "known are debian:<suite>, path:<folder>, git+https://…, git+file://…, github:<owner>/<repository> and tarballs by https";
}

const shellText = text({ expects: "shell commands as one string", maxLength: 100_000 });

const scriptType = record<ScriptDeclaration>(
	{
		exec: {
			type: shellText,
			description: 'Shell text, whose arguments are "$@", or the text for `interpreter`.',
			required: true,
			example: "npm test",
		},
		interpreter: {
			type: text({ expects: "the name of a program", pattern: /^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/ }),
			description:
				"A program of the environment that reads the text, such as python3, node or ruby; absent: the shell.",
			example: "python3",
		},
		description: {
			type: text({ expects: "one line of text", pattern: /^[^\n]*$/ }),
			description: "For people: `devenv run` shows it.",
			example: "run the tests",
		},
	},
	{
		expects: "shell commands, or a table with exec",
		example: "test: { exec: npm test }",
		shorthand: {
			type: shellText,
			accepts: (node) => isScalar(node) && node.value !== null,
			expand: (exec) => ({ exec: exec as Located<string> }),
		},
	},
);

const packageName = text({
	expects: "a package, such as jq, python3@3.13 or debian#jq",
	pattern: packagePattern,
	maxLength: 256,
	hint: "a package is `attr`, `attr@version` or `input#attr`; `devenv search` finds names",
});

const packageType = record<PackageDeclaration>(
	{
		from: {
			type: packageName,
			description: "The package, as it is written without a table.",
			required: true,
			example: "tools#zlib",
		},
		outputs: {
			type: list(
				text({ expects: "the name of an output, such as dev", pattern: /^[A-Za-z_][A-Za-z0-9_'-]*$/, maxLength: 64 }),
				{ expects: "a list of outputs", example: "outputs: [out, dev]" },
			),
			description:
				"The outputs that are wanted of a derivation that has several. Packages of Debian have one: what is `dev` or `doc` elsewhere is a package of its own there.",
			example: ["out", "dev"],
		},
	},
	{
		expects: "a package, or a table with from",
		example: "{ from: tools#zlib, outputs: [dev] }",
		shorthand: {
			type: packageName,
			accepts: (node) => !isMap(node),
			expand: (from) => ({ from: from as Located<string> }),
		},
	},
);

const relations = (name: string): Fields<OverrideDeclaration>["depends"] => ({
	type: list(
		text({
			expects: "relations of a package, such as libc6 (>= 2.34)",
			pattern: /^[a-z0-9][^\n\0]*$/,
			maxLength: 4096,
			examples: ["libc6 (>= 2.34)"],
		}),
		{ expects: "a list of relations", example: `${name}: ["libc6 (>= 2.34)"]` },
	),
	description: `Takes the place of the package's ${name}: one relation an entry, with \`|\` between alternatives.`,
	example: ["libc6 (>= 2.34)"],
});

const overrideType = record<OverrideDeclaration>(
	{
		version: {
			type: text({ expects: "a version", pattern: /^[A-Za-z0-9][A-Za-z0-9.+~:-]*$/, maxLength: 128 }),
			description: "The version that it is to have.",
			example: "2.12-1",
		},
		src: {
			type: text({
				expects: "the path of a .deb file",
				pattern: /^\.{1,2}\/[^\0\n]+$/,
				hint: "name the file, relative to this one: ./vendor/tool_1.0_amd64.deb",
				examples: ["./tool.deb"],
			}),
			description: "A .deb file that takes the package's place, relative to this file.",
			example: "./vendor/hello_2.12-1_amd64.deb",
		},
		url: {
			type: text({ expects: "an address", pattern: /^https?:\/\/[^\s]+$/, examples: ["https://example.org/tool.deb"] }),
			description: "Where another .deb is fetched from; its `sha256` goes with it.",
			example: "https://example.org/hello_2.12-1_amd64.deb",
		},
		sha256: {
			type: text({
				expects: "a SHA-256 in 64 hex digits",
				pattern: /^[0-9a-f]{64}$/,
				hint: "`sha256sum FILE` prints it",
				examples: ["0".repeat(64)],
			}),
			description: "The hash of the .deb that `url` leads to.",
		},
		pre_depends: relations("pre_depends"),
		depends: relations("depends"),
		recommends: relations("recommends"),
		provides: relations("provides"),
		conflicts: relations("conflicts"),
		breaks: relations("breaks"),
	},
	{ expects: "a table of changes", example: "hello: { src: ./hello.deb }" },
);

/** The keys that profiles take too. */
const profileFields: Fields<ProfileDeclaration> = {
	packages: {
		type: list(packageType, { expects: "a list of packages", example: "packages: [jq, ripgrep]" }),
		description:
			"The programs and libraries of the environment: `attr`, or `input#attr` for another input's. Those of one archive share a root; those of folders with a default.nix, such as a nixpkgs tree, lie in the store beside it, first on PATH. `attr@version` is one whose version begins so: `nodejs@20`, `python3@3.13`, and also `postgresql@17` where the set has it as postgresql-17.",
		example: ["python3", "nodejs", "jq"],
	},
	env: {
		type: table(environmentValue(), {
			expects: "a table of environment variables",
			example: "env: { GREETING: hello }",
			key: "a variable name (letters, digits and '_', not beginning with a digit)",
			keyPattern: variableName,
			refusedKeys: {
				PATH: 'packages are on PATH already; extend it in enter_shell: export PATH="$PWD/bin:$PATH"',
				DEVENV_ROOT: setByDevenv,
				DEVENV_STATE: setByDevenv,
				DEVENV_PROFILE: setByDevenv,
				DEVENV_RUNTIME: setByDevenv,
			},
		}),
		description:
			"Environment variables. Numbers and true/false are taken as they are written; `${NAME}` is the value of another variable of `env`, in any order, `${pkgs.NAME}` the place of a package in the store, and `$${` a literal `${`.",
		example: { GREETING: "hello" },
	},
	dotenv: {
		type: list(
			text({
				expects: "the path of a file",
				pattern: /^(?!\/)[^\0\n]*[^\0\n/]$/,
				hint: "name a file of the project, relative to this one: .env",
				examples: [".env"],
			}),
			{ expects: "true, a file or a list of files", example: "dotenv: [.env, .env.local]", whenTrue: [".env"] },
		),
		description:
			"Files of variables (`NAME=value` lines), relative to this one and inside the project, for what is not to be written here: `true` is `.env`. They are read when a shell, a command or a process is started, at no other time, and their values are kept nowhere. Files that are not there say nothing; `env` wins over them, and a later file over an earlier one.",
		example: [".env", ".env.local"],
	},
	enter_shell: {
		type: text({ expects: "shell commands as one string", maxLength: 100_000 }),
		description: "Shell commands run on every entry, after the environment is set.",
		example: 'echo "$GREETING"',
	},
	aliases: {
		type: table(
			text({ expects: "a command as one line of text", pattern: /^[^\n]+$/, maxLength: 4096, examples: ["ls -l"] }),
			{
				expects: "a table of aliases",
				example: "aliases: { ll: ls -l }",
				key: "a name of letters, digits, '.', '_' and '-' that begins with a letter, a digit or '_'",
				keyPattern: /^[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$/,
			},
		),
		description:
			"Short names for commands, in interactive shells alone: what is typed after one follows its text. What scripts and `devenv shell -- CMD` are to find is a script (`scripts`). Open shells follow changes, but for nushell, which takes them when it starts.",
		example: { gs: "git status --short" },
	},
	shell: {
		type: choice<ShellChoice>({
			auto: "the shell that you use already",
			bash: "GNU bash",
			zsh: "the Z shell",
			fish: "the friendly interactive shell",
			nu: "nushell, which has to be on the host's PATH",
		}),
		description: "The interactive shell; `auto` is the shell that you use already.",
		fallback: "auto",
		example: "bash",
	},
	prompt: {
		type: choice<PromptChoice>({ auto: "show the environment's name", off: "leave the prompt alone" }),
		description: "Whether the prompt shows the environment's name.",
		fallback: "auto",
		example: "off",
	},
	reload: {
		type: choice<ReloadChoice>({
			auto: "at the next prompt, once the change is allowed",
			manual: "when `devenv reload` is called",
			off: "never",
		}),
		description: "Whether open shells follow changes of the environment.",
		fallback: "auto",
		example: "manual",
	},
	clean: {
		type: record<CleanDeclaration>(
			{
				enabled: {
					type: flag(),
					description:
						"Keep the host's variables and programs out, but for who you are (HOME, USER), the terminal and display, the language, the time zone and proxies. `devenv shell --pure` does so once.",
					fallback: false,
					example: true,
				},
				keep: {
					type: list(text({ expects: "a variable name", pattern: variableName }), {
						expects: "a list of variable names",
						example: "keep: [EDITOR]",
					}),
					description: "Host variables that come in nevertheless.",
					example: ["EDITOR"],
				},
			},
			{
				expects: "true, false or a table",
				example: "clean: { enabled: true, keep: [EDITOR] }",
				shorthand: {
					type: flag(),
					accepts: (node) => isScalar(node) && node.value !== null,
					expand: (enabled) => ({ enabled: enabled === true }),
				},
			},
		),
		description: "Keep the host's environment out: `true`, or a table with `enabled` and `keep`.",
		fallback: false,
		example: { enabled: true, keep: ["EDITOR"] },
	},
	scripts: {
		type: table(scriptType, {
			expects: "a table of scripts",
			example: "scripts: { test: npm test }",
			key: "a name of letters, digits, '.', '_', ':' and '-' that begins with a letter or digit",
			keyPattern: /^[A-Za-z0-9][A-Za-z0-9._:-]{0,62}$/,
		}),
		description:
			"Commands of the project, run in its folder: by `devenv run NAME`, and by their names in its shells, where they are on PATH.",
		example: { test: { exec: 'npm test -- "$@"', description: "run the tests" } },
	},
	processes: {
		type: processesType,
		description: "What `devenv up` runs, by name: shell text, or a table.",
		example: { web: { exec: "npm start", ports: { http: 8080 } } },
	},
	services: {
		type: servicesType,
		description: "Servers that devenv sets up for the project and `devenv up` runs.",
		example: { postgres: true },
	},
};

const profileType = record<ProfileDeclaration>(profileFields, {
	expects: "a table of options",
	example: "ci: { packages: [jq] }",
});

const profilesType = table<ProfileDeclaration>(
	// What the keys inside mean, the reference has said before.
	{ ...profileType, children: [] },
	{
		expects: "a table of profiles",
		example: "profiles: { ci: { packages: [jq] } }",
		key: "a name of letters, digits, '_' and '-' that begins with a letter or digit",
		keyPattern: profileName,
		refusedKeys: { default: "this is the environment without a profile; its keys stand at the top of the file" },
	},
);

const nameField: Fields<Pick<EnvDeclaration, "name">> = {
	name: {
		type: text({
			expects: "a name of letters, digits, '.', '_' and '-' that begins with a letter or digit",
			pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
		}),
		description: "The environment's name, shown in the prompt; the folder's name when absent.",
		example: "shop",
	},
};

const profilesField: Fields<Pick<EnvDeclaration, "profiles">> = {
	profiles: {
		type: profilesType,
		description:
			"Named sets of keys that are merged over the rest when `--profile NAME` chooses one: values win, lists are appended, `enter_shell` runs after. They take `packages`, `env`, `dotenv`, `enter_shell`, `aliases`, `shell`, `prompt`, `reload`, `clean`, `scripts`, `processes` and `services`.",
		example: { ci: { packages: ["jq"], env: { CI: true } } },
	},
};

export const environmentOptions: RecordType<EnvDeclaration> = record<EnvDeclaration>(
	{
		...nameField,
		require_version: {
			type: text({
				expects: 'a version condition, such as ">=0.1"',
				pattern: /^(>=|<=|>|<|=)?\s*\d+(\.\d+){0,2}(\s*,?\s*(>=|<=|>|<|=)\s*\d+(\.\d+){0,2})*$/,
				hint: 'for example ">=0.1" or ">=0.1, <2"',
			}),
			description: "Which versions of devenv may read this file; comparisons are joined by commas.",
			example: ">=0.1",
		},
		inputs: {
			type: table(inputDeclaration, {
				expects: "a table of inputs",
				example: "inputs: { debian: { url: debian:trixie } }",
				key: "a name of letters, digits, '_' and '-'",
				keyPattern: inputName,
			}),
			description:
				"The package sets that packages and overlays come from, by name. Where absent, `debian` is debian:trixie.",
			fallback: { [DEFAULT_INPUT]: { url: DEFAULT_INPUT_URL } },
			example: { [DEFAULT_INPUT]: { url: DEFAULT_INPUT_URL } },
		},
		imports: {
			type: list(
				text({
					expects: "a folder with an env.yaml",
					pattern: /^[^\0\n#?]+$/,
					hint: "name the folder, relative to this file (./backend), or from the repository's top (/shared)",
					examples: ["./backend"],
				}),
				{ expects: "a list of folders", example: "imports: [./backend, /shared]" },
			),
			description:
				"Folders of the same repository whose env.yaml is merged under this one: `./backend` is relative to this file, `/shared` counts from the repository's top. What this file says wins, its lists are appended; paths in an imported file are relative to that file, its commands run in this project's folder, and its `name` and env.local.yaml do not count.",
			example: ["./backend", "/shared"],
		},
		overlays: {
			type: list(overlayPath, { expects: "a list of .nix files", example: "overlays: [./overlay.nix]" }),
			description: "Files with Nix functions `final: prev: { … }` that add or change packages, applied in this order.",
			example: ["./overlay.nix"],
		},
		overrides: {
			type: table(overrideType, {
				expects: "a table of packages with their changes",
				example: "overrides: { hello: { src: ./hello.deb } }",
				key: "the name of a package",
				keyPattern: /^[A-Za-z0-9_][A-Za-z0-9_'.+-]*$/,
			}),
			description:
				"Changes of single packages, by name: another .deb, other dependencies. They come after all overlays, which can do more.",
			example: { hello: { depends: ["libc6 (>= 2.34)"] } },
		},
		...profileFields,
		...profilesField,
	},
	{ expects: "a table of options", example: "packages: [jq]" },
);

/** What env.nix may say: it is evaluated with the package sets, which env.yaml alone says. */
export const moduleOptions: RecordType<EnvDeclaration> = record<EnvDeclaration>(
	{ ...nameField, ...profileFields, ...profilesField } as Fields<EnvDeclaration>,
	{ expects: "a set of options, or a function that gives one", example: "{ pkgs, ... }: { packages = [ pkgs.jq ]; }" },
);
