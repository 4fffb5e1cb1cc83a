/** The requests that say why: an environment was made anew, a package is there, a variable has its value. Layer 1 (pure). */

import type { Diagnostic } from "@devenv/diagnostics";
import { absolutePath, arrayOf, boolean, count, nullable, number, object, oneOf, string } from "./decoder.ts";
import { diagnostic } from "./diagnostic-decoder.ts";
import { type Method, profileParams, type ProfileParams } from "./methods.ts";

export interface ExplainRebuildParams {
	/** Folder that holds env.yaml. */
	readonly project: string;
	/** The generation to explain; null: the newest. */
	readonly generation: number | null;
}

/** Something that an evaluation depends on, and that differed from the time before. */
export interface RebuildCause {
	/**
	 * `option`: what env.yaml or env.local.yaml says; `input`: a locked revision; `lock`: env.lock beside that; `file`: one that
	 * evaluation read; `variable`: of the caller; `installation`: devenv's own package set.
	 */
	readonly kind: "option" | "input" | "lock" | "file" | "variable" | "installation";
	/** `packages jq`, `debian`, a path (from the project's folder on, where it lies there), `LANG`. */
	readonly name: string;
	readonly change: "added" | "removed" | "changed";
	/** `env.yaml:4`; null where there is none. */
	readonly place: string | null;
	/** Both sides where they are short and no secret: revisions, versions, the caller's variables. */
	readonly before: string | null;
	readonly after: string | null;
}

export interface ExplainRebuildResult {
	readonly generation: number;
	readonly time: number;
	/** The generation that it is compared with; null: it is the first that is known. */
	readonly previous: number | null;
	/** What changed in the environment, in one line. */
	readonly summary: string;
	/** Empty where everything that is recorded is the same. */
	readonly causes: readonly RebuildCause[];
}

export const explainRebuild: Method<ExplainRebuildParams, ExplainRebuildResult> = {
	name: "generations.explain",
	params: object<ExplainRebuildParams>({ project: absolutePath, generation: nullable(count) }),
	result: object<ExplainRebuildResult>({
		generation: count,
		time: number,
		previous: nullable(count),
		summary: string,
		causes: arrayOf(
			object<RebuildCause>({
				kind: oneOf("option", "input", "lock", "file", "variable", "installation"),
				name: string,
				change: oneOf("added", "removed", "changed"),
				place: nullable(string),
				before: nullable(string),
				after: nullable(string),
			}),
		),
	}),
	progress: false,
};

export interface ExplainNamedParams extends ProfileParams {
	/** Of the package or the variable. */
	readonly name: string;
}

/** One step of a way through the closure: to this package. */
export interface ExplainedStep {
	readonly name: string;
	readonly version: string;
	readonly kind: "pre-depends" | "depends" | "recommends";
	/** As the package before says it; null for what it recommends. */
	readonly relation: string | null;
}

export interface ExplainedChain {
	readonly start: {
		/** Asked for by the project; in every root; the user's shell; for his locale. */
		readonly kind: "requested" | "essential" | "shell" | "locales";
		/** As it is written. */
		readonly text: string;
		/** `env.yaml:3`; null for what nobody wrote. */
		readonly place: string | null;
	};
	readonly version: string;
	/** Empty where the start is the package itself. */
	readonly steps: readonly ExplainedStep[];
}

export interface ExplainPackageResult {
	/** The package's own name. */
	readonly name: string;
	readonly version: string;
	/** The best first. */
	readonly chains: readonly ExplainedChain[];
	/** How many more there are. */
	readonly more: number;
	readonly diagnostics: readonly Diagnostic[];
}

export const explainPackage: Method<ExplainNamedParams, ExplainPackageResult> = {
	name: "environment.explainPackage",
	params: object<ExplainNamedParams>({ ...profileParams, name: string }),
	result: object<ExplainPackageResult>({
		name: string,
		version: string,
		chains: arrayOf(
			object<ExplainedChain>({
				start: object<ExplainedChain["start"]>({
					kind: oneOf("requested", "essential", "shell", "locales"),
					text: string,
					place: nullable(string),
				}),
				version: string,
				steps: arrayOf(
					object<ExplainedStep>({
						name: string,
						version: string,
						kind: oneOf("pre-depends", "depends", "recommends"),
						relation: nullable(string),
					}),
				),
			}),
		),
		more: count,
		diagnostics: arrayOf(diagnostic),
	}),
	progress: true,
};

/** Something that gives a variable a value. */
export interface VariableSource {
	/**
	 * `env`: the project's `env`; `package`: one of the environment's; `service`: one of `services`; `file`: one of `dotenv`; `devenv`: devenv
	 * itself; `tool`: devenv, where the environment has a tool that installs things and nobody says otherwise.
	 */
	readonly kind: "env" | "package" | "service" | "file" | "devenv" | "tool";
	/** `env.yaml:3`, `.env`; null where there is none. */
	readonly place: string | null;
	/** Null where it is not told: of files that may hold secrets, and where only entering knows it. */
	readonly value: string | null;
	readonly note: string;
}

export interface ExplainVariableResult {
	readonly name: string;
	/** The one that counts first; empty where the project sets no such variable. */
	readonly sources: readonly VariableSource[];
	/** Whether a variable of the caller's own comes in where nothing sets it. */
	readonly inherited: boolean;
	readonly diagnostics: readonly Diagnostic[];
}

export const explainVariable: Method<ExplainNamedParams, ExplainVariableResult> = {
	name: "environment.explainVariable",
	params: object<ExplainNamedParams>({ ...profileParams, name: string }),
	result: object<ExplainVariableResult>({
		name: string,
		sources: arrayOf(
			object<VariableSource>({
				kind: oneOf("env", "package", "service", "file", "devenv", "tool"),
				place: nullable(string),
				value: nullable(string),
				note: string,
			}),
		),
		inherited: boolean,
		diagnostics: arrayOf(diagnostic),
	}),
	progress: true,
};

export interface HostProgram {
	readonly name: string;
	/** A package of that name, which would bring it; null: there is none of that name. */
	readonly package: string | null;
}

export interface ExplainHostResult {
	/** What shells of the project's environments ran of the host, by name. */
	readonly programs: readonly HostProgram[];
}

export const explainHost: Method<ProfileParams, ExplainHostResult> = {
	name: "environment.explainHost",
	params: object<ProfileParams>(profileParams),
	result: object<ExplainHostResult>({
		programs: arrayOf(object<HostProgram>({ name: string, package: nullable(string) })),
	}),
	progress: true,
};
