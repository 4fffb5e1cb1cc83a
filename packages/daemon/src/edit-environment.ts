/** Adding packages to a project's env.yaml, and taking them out. Layer 4. */

import { type Diagnostic, DiagnosticError, diagnose, nearestNames } from "@devenv/diagnostics";
import type { EvaluatedEnvironment } from "@devenv/engine";
import { addPackages, type EnvSpec, packageKey, removePackages, versionedNames } from "@devenv/env-file";
import type { EditParams, EditResult } from "@devenv/protocol";
import { EnvFileEdit } from "./env-file-edit.ts";
import { type Project, readBeside, readProject } from "./project.ts";

/** What an edit needs of the daemon. */
export interface EditWorld {
	/** This program's version. */
	readonly version: string;
	/**
	 * Evaluates a project, locked first where it has no lock; `keep` writes that lock and says whether there was one to
	 * write.
	 */
	evaluate(project: Project): Promise<{ readonly environment: EvaluatedEnvironment; readonly keep: () => boolean }>;
}

/** Edits env.yaml; see `packages.edit` of @devenv/protocol. The caller keeps others from editing the project meanwhile. */
export function editEnvironment(params: EditParams, world: EditWorld): Promise<EditResult> {
	return params.edit === "add" ? add(params, world) : remove(params, world);
}

async function add({ project: folder, packages }: EditParams, world: EditWorld): Promise<EditResult> {
	const file = new EnvFileEdit(folder);
	const edit = addPackages(file.text, packages, readBeside(folder));
	if (edit.done.length === 0) return { edited: [], present: edit.idle, lockWritten: false, diagnostics: [] };
	const project = readProject(folder, world.version, {
		edited: { file: file.text.file, content: edit.text },
	});
	// The new entries stand on the command line; a place in a text that was not written would mislead.
	const { module } = project;
	const { environment, keep } = await world.evaluate({
		...project,
		spec: withoutPlaces(project.spec, edit.done),
		...(module === undefined
			? {}
			: { module: { ...module, complete: (read) => withoutPlaces(module.complete(read), edit.done) } }),
	});
	file.replace(edit.text);
	const lockWritten = keep();
	const versionOf = (request: string): string | null => {
		const [attr = "", asked] = request.replace(/^.*#/, "").split("@");
		const names = asked === undefined ? [attr] : versionedNames(attr, asked);
		return environment.packages.find((each) => names.includes(each.attr))?.version ?? null;
	};
	return {
		edited: edit.done.map((name) => ({ package: name, version: versionOf(name) })),
		present: edit.idle,
		lockWritten,
		diagnostics: [...project.diagnostics, ...environment.diagnostics],
	};
}

function withoutPlaces(spec: EnvSpec, requests: readonly string[]): EnvSpec {
	return {
		...spec,
		packages: spec.packages.map((each) => {
			if (!requests.includes(each.text)) return each;
			const { location: _, ...rest } = each;
			return rest;
		}),
	};
}

async function remove({ project: folder, packages }: EditParams, world: EditWorld): Promise<EditResult> {
	const file = new EnvFileEdit(folder);
	const edit = removePackages(file.text, packages, readBeside(folder));
	if (edit.idle.length > 0) {
		const { spec } = readProject(folder, world.version);
		throw new DiagnosticError(edit.idle.map((name) => notListed(name, spec)));
	}
	file.replace(edit.text);
	const edited = edit.done.map((name) => ({ package: name, version: null }));
	const diagnostics = await faultsOf(async () => {
		const project = readProject(folder, world.version);
		if (project.lock === undefined) return project.diagnostics;
		const { environment } = await world.evaluate(project);
		return [...project.diagnostics, ...environment.diagnostics];
	});
	return { edited, present: [], lockWritten: false, diagnostics };
}

/** The diagnostics of a work, whether it failed by them or not. */
async function faultsOf(work: () => Promise<readonly Diagnostic[]>): Promise<readonly Diagnostic[]> {
	try {
		return await work();
	} catch (error) {
		if (error instanceof DiagnosticError) return error.diagnostics;
		throw error;
	}
}

function notListed(name: string, spec: EnvSpec): Diagnostic {
	const key = packageKey(name);
	const elsewhere = spec.packages.find(({ text }) => packageKey(text) === key);
	if (elsewhere !== undefined) {
		return diagnose("EDIT_ELSEWHERE", `the package '${name}' is not listed in env.yaml itself`, {
			...(elsewhere.location === undefined ? {} : { location: elsewhere.location }),
			hint: "take it out there by hand",
		});
	}
	const names = spec.packages.map(({ text }) => text);
	const near = nearestNames(name, names);
	return diagnose("EDIT_NOT_LISTED", `env.yaml lists no package '${name}'`, {
		hint:
			near.length > 0
				? `did you mean: ${near.join(", ")}?`
				: names.length === 0
					? "it lists no packages at all"
					: `it lists: ${names.join(", ")}`,
	});
}
