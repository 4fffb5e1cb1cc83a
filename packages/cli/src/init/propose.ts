/** From a project's own file to a proposed env.yaml. Layer 5 (pure but for the lookup). */

import { basename } from "node:path";
import { fail, printable } from "@devenv/diagnostics";
import { parseEnvFile } from "@devenv/env-file";
import { TomlError } from "@devenv/evaluator";
import { readCargoToml, readGoMod } from "./read-compiled.ts";
import { readNix } from "./read-nix.ts";
import { readPackageJson } from "./read-node.ts";
import { readPyproject, readRequirements } from "./read-python.ts";
import { readComposerJson, readGemfile } from "./read-scripted.ts";
import { readDevbox, readDockerfile, readToolVersions } from "./read-tools.ts";
import type { Reader, Reading } from "./reading.ts";

/** A package by its name, with its version (null: it cannot be asked); undefined: there is none. */
export type Lookup = (name: string) => Promise<{ readonly version: string | null } | undefined>;

const readers: readonly (readonly [name: RegExp, reader: Reader, shown: string])[] = [
	[/^package\.json$/, readPackageJson, "package.json"],
	[/^pyproject\.toml$/, readPyproject, "pyproject.toml"],
	[/^requirements[\w.-]*\.txt$/, readRequirements, "requirements.txt"],
	[/^go\.mod$/, readGoMod, "go.mod"],
	[/^Cargo\.toml$/, readCargoToml, "Cargo.toml"],
	[/^Gemfile$/, readGemfile, "Gemfile"],
	[/^composer\.json$/, readComposerJson, "composer.json"],
	[/^\.tool-versions$/, readToolVersions, ".tool-versions"],
	[/^devbox\.json$/, readDevbox, "devbox.json"],
	[/^(Docker|Container)file[\w.-]*$|\.[Dd]ockerfile$/, readDockerfile, "Dockerfile"],
	[/\.nix$/, readNix, "flake.nix, shell.nix"],
];

/** What a file of that name says. Throws `USAGE_SOURCE` for a name that none of the readers knows, `INIT_SOURCE` for its text. */
export function readSource(file: string, text: string): Reading {
	const name = basename(file);
	const reader = readers.find(([pattern]) => pattern.test(name))?.[1];
	if (reader === undefined) {
		return fail("USAGE_SOURCE", `there is no proposal to be made from '${name}'`, {
			hint: `files that can be read: ${readers.map(([, , shown]) => shown).join(", ")}`,
		});
	}
	try {
		return reader(text);
	} catch (error) {
		if (!(error instanceof SyntaxError || error instanceof TomlError)) throw error;
		return fail("INIT_SOURCE", `${file} cannot be read: ${error.message}`, {
			hint: "mend it, or write env.yaml by hand",
		});
	}
}

interface Chosen {
	readonly attr: string;
	readonly version: string | null;
	readonly wanted: string[];
}

/** The text of an env.yaml for what was read; what has no package here stands in comments. */
export async function proposal(name: string, reading: Reading, lookup: Lookup): Promise<string> {
	const chosen = new Map<string, Chosen>();
	const missing: string[] = [];
	for (const { wanted, candidates } of reading.wishes) {
		const found = await firstKnown(candidates, lookup);
		if (found === undefined) missing.push(wanted);
		else {
			const known = chosen.get(found.attr);
			if (known === undefined) chosen.set(found.attr, { ...found, wanted: [wanted] });
			else if (!known.wanted.includes(wanted)) known.wanted.push(wanted);
		}
	}
	const remarks = [...reading.remarks];
	const variables = reading.env.filter(([variable, value]) => {
		const good =
			/^[A-Za-z_]\w*$/.test(variable) &&
			variable !== "PATH" &&
			!variable.startsWith("DEVENV_") &&
			!/[$\u0000-\u001f\u007f-\u009f]/.test(value);
		if (!good) remarks.push(`the variable ${variable} is not taken over`);
		return good;
	});
	const lines = [
		"# yaml-language-server: $schema=.devenv/env.schema.json",
		"",
		`# Proposed from ${comment(name)}; look it over.`,
		...[...new Set(remarks)].map((remark) => `# - ${comment(remark)}`),
		...(chosen.size === 0 ? ["packages: []"] : ["packages:", ...[...chosen.values()].map(packageLine)]),
		...(missing.length === 0
			? []
			: [
					"  # Not found here; `devenv search WORD` may know them by another name:",
					...[...new Set(missing)].map((each) => `  #   ${comment(each)}`),
				]),
		...(variables.length === 0
			? []
			: ["", "env:", ...[...new Map(variables)].map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`)]),
	];
	const text = lines.map((line) => `${line}\n`).join("");
	const { diagnostics } = parseEnvFile({ file: "env.yaml", content: text });
	if (diagnostics.some(({ severity }) => severity === "error")) {
		throw new Error(`a proposal is no env.yaml: ${JSON.stringify(diagnostics)}\n${text}`);
	}
	return text;
}

async function firstKnown(
	candidates: readonly string[],
	lookup: Lookup,
): Promise<{ readonly attr: string; readonly version: string | null } | undefined> {
	for (const attr of candidates) {
		const found = await lookup(attr);
		if (found !== undefined) return { attr, ...found };
	}
	return undefined;
}

function packageLine({ attr, version, wanted }: Chosen): string {
	const others = wanted.filter((each) => each !== attr && each !== `${attr} (apt)`);
	const said = [
		...(others.length === 0 ? [] : [others.map(comment).join("; ")]),
		...(version === null || !others.some((each) => /\d/.test(each)) ? [] : [`here ${comment(version)}`]),
	];
	return `  - ${attr}${said.length === 0 ? "" : ` # ${said.join(": ")}`}`;
}

/** A text from elsewhere within a comment of one line. */
function comment(text: string): string {
	return printable(text).replace(/\s+/g, " ").slice(0, 120);
}
