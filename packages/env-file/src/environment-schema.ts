/** What is generated from the declaration of env.yaml's keys: the JSON Schema and the reference. Layer 1 (pure). */

import { stringify } from "yaml";
import { environmentOptions } from "./environment-options.ts";
import type { JsonSchema, OptionEntry } from "./option-type.ts";

/** The JSON Schema (draft 7, which the YAML language server reads) of env.yaml. */
export function environmentSchema(): JsonSchema {
	return {
		$schema: "http://json-schema.org/draft-07/schema#",
		title: "env.yaml of devenv",
		...environmentOptions.schema(),
	};
}

/** The schema as the text of `schemas/env.schema.json`. */
export function formatEnvironmentSchema(): string {
	return `${JSON.stringify(environmentSchema(), null, 2)}\n`;
}

/** All keys of env.yaml with their inner keys, in the order of declaration; for the reference and completion. */
export function environmentOptionEntries(): readonly OptionEntry[] {
	return (environmentOptions.children ?? []).map(({ path, field }) => ({ path: path.slice(1), field }));
}

/** The option reference as Markdown: the text of `schemas/env.md`. */
export function formatEnvironmentReference(): string {
	const sections = environmentOptionEntries().map(({ path, field }) => {
		const required = field.required === true ? " Required." : "";
		const fallback = field.fallback === undefined ? "" : ` Default: \`${inline(field.fallback)}\`.`;
		const expects = `Expects ${field.type.expects}.${required}${fallback}`;
		const lines = [`## \`${path}\``, "", field.description, "", expects];
		if (field.example !== undefined) {
			const key = path.slice(path.lastIndexOf(".") + 1);
			lines.push("", "```yaml", stringify({ [key]: field.example }, { collectionStyle: "any" }).trimEnd(), "```");
		}
		return lines.join("\n");
	});
	const head = [
		"# Keys of env.yaml",
		"",
		"`env.local.yaml` beside it takes the same keys; its values win, its lists are appended. Unknown keys are refused.",
		"",
		"So does `env.nix`, a module of the Nix language, but for `require_version`, `inputs`, `imports`, `overlays` and `overrides`: a set, or a function of `{ pkgs, lib, config, profile, ... }` that gives one. `pkgs` is the package set with overlays and overrides, `config` the name, packages, env, aliases and scripts of env.yaml and the module together. In `packages` it may have packages themselves, and a package or path in a text becomes its place in the store. It comes between env.yaml and env.local.yaml.",
	].join("\n");
	return `${[head, ...sections].join("\n\n")}\n`;
}

function inline(value: unknown): string {
	return stringify(value, { collectionStyle: "flow" }).trimEnd();
}
