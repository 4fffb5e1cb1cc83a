/** What an evaluation depended on, in a form that is kept and compared. Layer 4. */

import { createHash } from "node:crypto";
import type { Location } from "@devenv/diagnostics";
import type { EvaluatedEnvironment, TrackedRead } from "@devenv/engine";
import type { EnvSpec } from "@devenv/env-file";
import { contentOf } from "@devenv/shell";
import { ownReads } from "../consent.ts";
import type { Project } from "../project.ts";
import type { Evidence, RecordedOption, RecordedRead, ShellSettings } from "./generation-record.ts";
import { digestFiles, type NewGeneration } from "./generations.ts";

/** What is recorded of a prepared environment; `digest`: see `digestOf`. */
export function newGeneration(
	{
		project,
		environment,
		digest,
	}: { readonly project: Project; readonly environment: EvaluatedEnvironment; readonly digest: string },
	around: Pick<Evidence, "version" | "inputs" | "variables">,
): NewGeneration {
	const { outPath, drvPath, index, sources, root, tracked } = environment;
	return {
		environment: outPath,
		drvPath,
		index,
		sources,
		root,
		lock: digestFiles(project.folder, ["env.lock"]),
		spec: digestFiles(project.folder, ["env.yaml", "env.nix", "env.local.yaml"]),
		content: digest,
		settings: recordSettings(environment.spec),
		evidence: {
			...around,
			options: recordOptions(environment.spec),
			reads: recordReads(ownReads(tracked), project.tracked),
		},
	};
}

/** All that env.yaml and env.local.yaml say that an environment may depend on, each with its place; sorted by name. */
export function recordOptions(spec: EnvSpec): RecordedOption[] {
	const one = (option: string, value: unknown, location?: Location): RecordedOption => ({
		option,
		digest: createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 32),
		place: location === undefined ? null : `${location.file}:${location.line}`,
	});
	const options = [
		...(spec.name === undefined ? [] : [one("name", spec.name.value, spec.name.location)]),
		...spec.inputs.flatMap(({ name, url, overlays }) => [
			one(`inputs ${name}`, url.value, url.location),
			...overlays.map(({ value, location }, index) => one(`inputs ${name} overlays ${value}`, index, location)),
		]),
		...spec.overlays.map(({ value, location }, index) => one(`overlays ${value}`, index, location)),
		...spec.overrides.map(({ attr, changes, location }) => one(`overrides ${attr}`, changes, location)),
		...spec.packages.map(({ text, outputs, location }) => one(`packages ${text}`, [text, outputs], location)),
		...spec.env.map(({ name, value, location }) => one(`env ${name}`, value, location)),
		...(spec.enterShell === "" ? [] : [one("enter_shell", spec.enterShell)]),
		...(spec.shell === "auto" ? [] : [one("shell", spec.shell)]),
		...spec.serviceVariables.map(({ name, value }) => one(`services' ${name}`, value)),
	];
	return options.sort((a, b) => (a.option < b.option ? -1 : a.option > b.option ? 1 : 0));
}

/** Paths outside of `own` (the project's own files, whose options are recorded) with what they say now; sorted. */
export function recordReads(reads: readonly TrackedRead[], own: readonly TrackedRead[]): RecordedRead[] {
	const known = new Set(own.map(({ path }) => path));
	const found = new Map(
		reads
			.filter(({ path }) => !known.has(path))
			.map(({ path, kind }) => [`${path} ${kind}`, { path, kind, content: contentOf({ path, kind }) }]),
	);
	return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

/** The caller's variables that are set, of those named. */
export function recordVariables(
	names: readonly string[],
	variables: Readonly<Record<string, string>>,
): Evidence["variables"] {
	return names.flatMap((name) => {
		const value = variables[name];
		return value === undefined ? [] : [{ name, value }];
	});
}

export function recordSettings(spec: EnvSpec): ShellSettings {
	return {
		shell: spec.shell,
		prompt: spec.prompt,
		reload: spec.reload,
		clean: spec.clean.enabled,
		keep: spec.clean.keep,
		folderVariables: spec.serviceVariables.map(({ name, value }) => ({ name, value })),
		aliases: spec.aliases,
		dotenv: spec.dotenv.map(({ value }) => value),
		scripts: spec.scripts.map(({ name, exec, interpreter }) => ({ name, exec, interpreter })),
	};
}
