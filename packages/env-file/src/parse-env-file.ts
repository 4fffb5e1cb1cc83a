/** env.yaml and env.local.yaml to one EnvSpec. Layer 1 (pure). */

import { type Diagnostic, DiagnosticError, diagnose, type Location, nearestNames } from "@devenv/diagnostics";
import { DEFAULT_INPUT, type EnvSpec, type Located, overlayInput } from "./env-spec.ts";
import type { PackageOverride, PackageRequest } from "./env-spec.ts";
import { mergeInputs, renamed } from "./merge-inputs.ts";
import type { EnvDeclaration, OverrideDeclaration } from "./environment-options.ts";
import type { EnvFileText } from "./file-text.ts";
import { type EnvModule, writtenPackage } from "./module-value.ts";
import { checkProcesses, processOf } from "./process-checks.ts";
import type { ProcessDeclaration } from "./process-spec.ts";
import { type ImportReader, readDeclarations } from "./read-declarations.ts";
import { expandServices, type ServicesDeclaration } from "./service-spec.ts";
import { meetsCondition } from "./version-condition.ts";
import { resolveReferences, valueParts } from "./variable-references.ts";

export interface ParsedEnvFile {
	/** Absent when one of the diagnostics is an error. */
	readonly spec: EnvSpec | undefined;
	/** In the order of the text, env.yaml before env.local.yaml, and each after what it imports. */
	readonly diagnostics: readonly Diagnostic[];
}

export interface ParseEnvOptions {
	/** env.local.yaml, when there is one: its values win, its lists are appended. */
	readonly local?: EnvFileText;
	/** Finds what `imports` names; absent: imports are not followed. */
	readonly readImport?: ImportReader;
	/** This program's version, for `require_version`; not checked when absent. */
	readonly programVersion?: string;
	/** env.nix, evaluated, when there is one: its values win over env.yaml's, and env.local.yaml's over its. */
	readonly module?: EnvModule;
	/** There is an env.nix that is not known yet: what may depend on it is not checked. */
	readonly incomplete?: boolean;
	/** The profile that is merged over the rest; absent: none. */
	readonly profile?: string;
}

/** Parses and checks an environment; user errors come as diagnostics, never as exceptions. */
export function parseEnvFile(project: EnvFileText, options: ParseEnvOptions = {}): ParsedEnvFile {
	const diagnostics: Diagnostic[] = [];
	const { module, local, incomplete = false } = options;
	const files = [project, ...(module === undefined ? [] : [module]), ...(local === undefined ? [] : [local])];
	const declarations = readDeclarations(files, options.readImport, diagnostics);
	const names = profileNames(declarations);
	if (diagnostics.length === 0 && !incomplete) requireProfile(options.profile, names, diagnostics);
	const chosen = withProfile(declarations, options.profile);
	if (incomplete) {
		checkVersion(declarations, options.programVersion, diagnostics);
		const spec = merge(chosen, diagnostics);
		return { spec: diagnostics.some((each) => each.severity === "error") ? undefined : spec, diagnostics };
	}
	const spec = settle(chosen, options.programVersion, diagnostics);
	// A mistake in a profile is said now, not on the day that somebody chooses it.
	for (const name of names) {
		if (diagnostics.length > 0) break;
		if (name !== options.profile) settle(withProfile(declarations, name), undefined, diagnostics);
	}
	return { spec: diagnostics.some((each) => each.severity === "error") ? undefined : spec, diagnostics };
}

/** One environment of merged declarations, with its references resolved and checked. */
function settle(
	declarations: readonly EnvDeclaration[],
	version: string | undefined,
	diagnostics: Diagnostic[],
): EnvSpec {
	const merged = merge(declarations, diagnostics);
	const declared = new Map(declarations.flatMap((each) => each.processes ?? []));
	const spec = diagnostics.length === 0 ? withReferences(merged, declared, diagnostics) : merged;
	checkVersion(declarations, version, diagnostics);
	if (diagnostics.length === 0) {
		checkInputs(spec, diagnostics);
		checkProcesses(spec.processes, declared, diagnostics);
	}
	return spec;
}

function withReferences(
	spec: EnvSpec,
	declared: ReadonlyMap<string, ProcessDeclaration>,
	diagnostics: Diagnostic[],
): EnvSpec {
	const env = resolveReferences(spec.env, diagnostics);
	const processes = spec.processes.map((process) => {
		const own = (declared.get(process.name)?.env ?? []).map(([name, each]) => ({ name, ...each }));
		if (own.length === 0) return process;
		const resolved = resolveReferences(own, diagnostics, { path: `processes.${process.name}.env`, outer: env });
		const placed = resolved.find(({ value }) => valueParts(value).some((part) => "attr" in part));
		if (placed !== undefined) {
			const message = `'processes.${process.name}.env.${placed.name}' names the place of a package, which only 'env' can`;
			diagnostics.push(
				diagnose("ENV_REFERENCE", message, {
					...(placed.location === undefined ? {} : { location: placed.location }),
					hint: "set a variable of `env` to it; processes have those too",
				}),
			);
		}
		return { ...process, env: resolved.map(({ name, value }) => ({ name, value })) };
	});
	return { ...spec, env, processes };
}

function profileNames(declarations: readonly EnvDeclaration[]): string[] {
	return [...new Set(declarations.flatMap(({ profiles = [] }) => profiles.map(([name]) => name)))].sort();
}

/** The files' own keys, and over them what each file says in the profile. */
function withProfile(declarations: readonly EnvDeclaration[], profile: string | undefined): EnvDeclaration[] {
	const chosen = declarations.flatMap(({ profiles = [] }) =>
		profiles.filter(([name]) => name === profile).map(([, each]) => each),
	);
	return [...declarations, ...chosen];
}

function requireProfile(profile: string | undefined, names: readonly string[], diagnostics: Diagnostic[]): void {
	if (profile === undefined || names.includes(profile)) return;
	const near = nearestNames(profile, names, { most: 1 })[0];
	const known =
		names.length === 0
			? "env.yaml declares no profiles; for example `profiles: { ci: { packages: [jq] } }`"
			: `declared are: ${names.join(", ")}`;
	diagnostics.push(
		diagnose("ENV_PROFILE_UNKNOWN", `there is no profile ${JSON.stringify(profile)}`, {
			hint: near === undefined ? known : `did you mean '${near}'?`,
		}),
	);
}

/** The spec, or a {@link DiagnosticError} with what was wrong. */
export function expectEnvSpec(parsed: ParsedEnvFile): EnvSpec {
	if (parsed.spec !== undefined) return parsed.spec;
	throw new DiagnosticError(parsed.diagnostics);
}

function merge(declarations: readonly EnvDeclaration[], diagnostics: Diagnostic[]): EnvSpec {
	const last = <K extends keyof EnvDeclaration>(key: K): EnvDeclaration[K] | undefined =>
		declarations.findLast((each) => each[key] !== undefined)?.[key];
	const all = <T>(pick: (each: EnvDeclaration) => readonly T[] | undefined): T[] =>
		declarations.flatMap((each) => pick(each) ?? []);
	const name = last("name");
	const clean = declarations.flatMap((each) => (each.clean === undefined ? [] : [each.clean]));
	const variables = new Map(all((each) => each.env));
	const services = expandServices(mergeServices(declarations), packageRequest);
	const { inputs, nameOf, diagnostics: wrong } = mergeInputs(all((each) => each.inputs));
	// What was refused above is missing here.
	if (diagnostics.length === 0) diagnostics.push(...wrong);
	const processes = new Map(all((each) => each.processes).map(([key, each]) => [key, processOf(key, each)]));
	for (const { process } of services) if (!processes.has(process.name)) processes.set(process.name, process);
	return {
		...(name === undefined ? {} : { name }),
		inputs,
		overlays: all((each) => each.overlays).map(renamed(nameOf)),
		overrides: mergeOverrides(all((each) => each.overrides)),
		packages: mergePackages(
			[
				...all((each) => each.packages).map(({ from, outputs = [] }) => ({
					...packageRequest(from),
					...(outputs.length === 0 ? {} : { outputs: [...new Set(outputs.map(({ value }) => value))] }),
				})),
				...services.flatMap((each) => each.packages),
			].map((request) => ({ ...request, input: nameOf(request.input) })),
		),
		env: [...variables].sort(byName).map(([key, { value, location }]) => ({
			name: key,
			value,
			...(location === undefined ? {} : { location }),
		})),
		dotenv: mergeFiles(all((each) => each.dotenv)),
		enterShell: all((each) =>
			each.enter_shell === undefined ? [] : [each.enter_shell.value.replace(/\n+$/, "")],
		).join("\n"),
		aliases: [...new Map(all((each) => each.aliases))].sort(byName).map(([key, { value }]) => ({ name: key, value })),
		shell: last("shell") ?? "auto",
		prompt: last("prompt") ?? "auto",
		reload: last("reload") ?? "auto",
		clean: {
			enabled: clean.findLast((each) => each.enabled !== undefined)?.enabled ?? false,
			keep: [...new Set(clean.flatMap((each) => (each.keep ?? []).map((kept) => kept.value)))],
		},
		scripts: [...new Map(all((each) => each.scripts))]
			.sort(byName)
			.map(([key, { exec, description, interpreter }]) => ({
				name: key,
				exec: exec.value,
				description: description?.value ?? "",
				interpreter: interpreter?.value ?? "",
			})),
		processes: [...processes].sort(byName).map(([, each]) => each),
		serviceVariables: services.flatMap((each) => each.variables).filter((each) => !variables.has(each.name)),
	};
}

function byName(a: readonly [string, unknown], b: readonly [string, unknown]): number {
	return a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0;
}

function packageRequest({ value, location }: Located<string>): PackageRequest {
	const hash = value.indexOf("#");
	const input = hash < 0 ? DEFAULT_INPUT : value.slice(0, hash);
	const [attr = "", version] = value.slice(hash + 1).split("@");
	return {
		text: writtenPackage(value),
		input,
		attr,
		...(version === undefined ? {} : { version }),
		...(location === undefined ? {} : { location }),
	};
}

/** A later file's changes of a package are added to those of an earlier one. */
function mergeOverrides(written: readonly (readonly [string, OverrideDeclaration])[]): PackageOverride[] {
	const merged = new Map<string, { changes: Map<string, string | readonly string[]>; location?: Location }>();
	for (const [attr, override] of written) {
		const entry = merged.get(attr) ?? { changes: new Map<string, string | readonly string[]>() };
		for (const [key, value] of Object.entries(override) as [string, Located<string> | readonly Located<string>[]][]) {
			const plain = "value" in value ? value.value : value.map((each) => each.value);
			entry.changes.set(key === "pre_depends" ? "preDepends" : key, plain);
			const place = "value" in value ? value.location : value[0]?.location;
			if (place !== undefined) entry.location = place;
		}
		merged.set(attr, entry);
	}
	return [...merged].sort(byName).map(([attr, { changes, location }]) => ({
		attr,
		changes: [...changes].sort(byName),
		...(location === undefined ? {} : { location }),
	}));
}

/** Each once, where it stands last: there it wins over those before it. */
function mergeFiles(written: readonly Located<string>[]): Located<string>[] {
	const last = new Map(written.toReversed().map((file) => [file.value, file]));
	return [...last.values()].toReversed();
}

/** Each once, where it stands first; where one of them names a version or outputs, that one. */
function mergePackages(written: readonly PackageRequest[]): PackageRequest[] {
	const requests = new Map<string, PackageRequest>();
	for (const request of written) {
		const key = `${request.input}#${request.attr}`;
		const known = requests.get(key);
		const says = ({ version, outputs }: PackageRequest): boolean => version !== undefined || outputs !== undefined;
		if (known === undefined || (says(request) && !says(known))) requests.set(key, request);
	}
	return [...requests.values()];
}

/** A later file says more of a service that an earlier one declares. */
function mergeServices(declarations: readonly EnvDeclaration[]): ServicesDeclaration {
	let merged: ServicesDeclaration = {};
	for (const { services } of declarations) {
		const { postgres, redis } = services ?? {};
		merged = {
			...merged,
			...(postgres === undefined ? {} : { postgres: { ...merged.postgres, ...postgres } }),
			...(redis === undefined ? {} : { redis: { ...merged.redis, ...redis } }),
		};
	}
	return merged;
}

/** Each file that says which versions may read it is heard. */
function checkVersion(
	declarations: readonly EnvDeclaration[],
	version: string | undefined,
	diagnostics: Diagnostic[],
): void {
	for (const { require_version: required } of declarations) {
		if (required === undefined || version === undefined || meetsCondition(version, required.value)) continue;
		diagnostics.push(
			diagnose("ENV_VERSION", `this environment requires devenv ${required.value}, and this is ${version}`, {
				...(required.location === undefined ? {} : { location: required.location }),
				hint: "install another version of devenv, or change require_version",
			}),
		);
	}
}

function checkInputs(spec: EnvSpec, diagnostics: Diagnostic[]): void {
	const names = spec.inputs.map((input) => input.name);
	for (const { value, location } of [...spec.inputs.flatMap((each) => each.overlays), ...spec.overlays]) {
		const named = overlayInput(value)?.input;
		if (named === undefined || names.includes(named)) continue;
		const message = `the overlay '${value}' names the input '${named}', which is not declared`;
		diagnostics.push(
			diagnose("ENV_UNKNOWN_INPUT", message, {
				...(location === undefined ? {} : { location }),
				hint: `add it under 'inputs', or write './${value}' for a file of that name`,
			}),
		);
	}
	for (const request of spec.packages) {
		if (names.includes(request.input)) continue;
		const near = nearestNames(request.input, names, { most: 1 })[0];
		diagnostics.push(
			diagnose(
				"ENV_UNKNOWN_INPUT",
				`package '${request.text}' names the input '${request.input}', which is not declared`,
				{
					...(request.location === undefined ? {} : { location: request.location }),
					hint:
						near === undefined
							? `add it under 'inputs'; declared are: ${names.join(", ")}`
							: `did you mean '${near}#${request.attr}'?`,
				},
			),
		);
	}
}
