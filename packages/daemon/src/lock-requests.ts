/** The requests that write env.lock, or judge it. Layer 4. */

import { type Diagnostic, DiagnosticError, fail } from "@devenv/diagnostics";
import type { Engine, EvaluatedEnvironment } from "@devenv/engine";
import { type LockFile, mergeLocks, parseEnvFile, parseLock } from "@devenv/env-file";
import type {
	LockParams,
	LockResult,
	PackageChange,
	ProjectParams,
	ResolveParams,
	ResolveResult,
	UpdateParams,
	UpdateResult,
} from "@devenv/protocol";
import type { RequestContext } from "./handler.ts";
import {
	environmentRequest,
	lockFaults,
	type Project,
	readBeside,
	readProject,
	readProjectFile,
	sayLocking,
	writeLock,
} from "./project.ts";
import type { ProjectMutex } from "./project-mutex.ts";

export interface LockWorld {
	readonly engine: Engine;
	/** This program's version. */
	readonly version: string;
	/** Keeps two requests from writing one project's files at once. */
	readonly locking: ProjectMutex;
}

export class LockRequests {
	readonly #world: LockWorld;

	constructor(world: LockWorld) {
		this.#world = world;
	}

	update(params: UpdateParams, request: RequestContext): Promise<UpdateResult> {
		const { engine, version, locking } = this.#world;
		return locking.run(params.project, async () => {
			const project = readProject(params.project, version);
			if (project.lockFolder !== undefined) refuseInherited(project.lockFolder);
			sayLocking(project, request);
			const { lock, changes } = await engine.lockInputs(project.spec, project.lock, {
				project: project.folder,
				update: params.inputs.length === 0 ? "all" : params.inputs,
				...(params.to === undefined ? {} : { to: params.to }),
				signal: request.signal,
				onEvent: request.progress,
			});
			if (changes.length === 0) return { changes, packages: [], diagnostics: project.diagnostics };
			const compared = await this.#compare({ project, params, lock }, request);
			if (!params.dryRun) writeLock(params.project, lock);
			return { changes, ...compared, diagnostics: [...project.diagnostics, ...compared.diagnostics] };
		});
	}

	lock(params: LockParams, request: RequestContext): Promise<LockResult> {
		const { engine, version, locking } = this.#world;
		return locking.run(params.project, async () => {
			const project = readProject(params.project, version);
			const { diagnostics } = project;
			const differences = lockFaults(project, { extra: true });
			if (params.mode === "check") return { changes: [], differences, written: false, diagnostics };
			if (differences.length === 0) return { changes: [], differences, written: false, diagnostics };
			sayLocking(project, request);
			const { lock, changes } = await engine.lockInputs(project.spec, project.lock, {
				project: project.folder,
				signal: request.signal,
				onEvent: request.progress,
				offline: params.offline ?? false,
			});
			writeLock(params.project, lock);
			return { changes, differences: [], written: true, diagnostics };
		});
	}

	resolve(params: ResolveParams): Promise<ResolveResult> {
		const { project: folder, mixed } = params;
		const lockOf = (content: string): LockFile => {
			const { lock } = parseLock({ file: "env.lock", content });
			if (!mixed) return lock;
			return { inputs: lock.inputs.map((input) => (input.kind === "debian" ? { ...input, indexes: [] } : input)) };
		};
		return this.#world.locking.run(folder, () => {
			const base = params.base === null ? {} : { base: lockOf(params.base) };
			const urls = declaredUrls(folder);
			const merged = mergeLocks(lockOf(params.ours), lockOf(params.theirs), { ...base, urls });
			writeLock(folder, merged.lock);
			return Promise.resolve({ choices: merged.choices });
		});
	}

	/** What the environment has otherwise with another lock. Throws where that lock is what breaks it. */
	async #compare(
		{ project, params, lock }: { readonly project: Project; readonly params: ProjectParams; readonly lock: LockFile },
		request: RequestContext,
	): Promise<Pick<UpdateResult, "packages" | "diagnostics">> {
		const evaluate = (with_: LockFile): Promise<EvaluatedEnvironment> =>
			this.#world.engine.evaluateEnvironment(
				environmentRequest(project, { lock: with_, variables: params.variables }),
				{ signal: request.signal, onEvent: request.progress },
			);
		const old = lockFaults(project).length === 0 ? project.lock : undefined;
		const before = old === undefined ? undefined : await outcomeOf(evaluate(old));
		const after = await outcomeOf(evaluate(lock));
		if (after.environment === undefined) {
			if (before?.environment !== undefined) throw new DiagnosticError(after.diagnostics);
			// It was broken already: the lock is not what has to be mended.
			const warnings = after.diagnostics.map((each): Diagnostic => ({ ...each, severity: "warning" }));
			return { packages: null, diagnostics: warnings };
		}
		if (before?.environment === undefined) return { packages: null, diagnostics: after.diagnostics };
		const { engine } = this.#world;
		const packages = packageChanges(
			{ requested: before.environment.packages, closure: engine.closure(before.environment) },
			{ requested: after.environment.packages, closure: engine.closure(after.environment) },
		);
		return { packages, diagnostics: after.diagnostics };
	}
}

function refuseInherited(folder: string): never {
	return fail("LOCK_INHERITED", `this project takes its pins from ${folder}/env.lock`, {
		hint: `run \`devenv update\` in ${folder}; a copy of that file here parts the two`,
	});
}

interface EvaluationOutcome {
	readonly environment?: EvaluatedEnvironment;
	readonly diagnostics: readonly Diagnostic[];
}

async function outcomeOf(evaluation: Promise<EvaluatedEnvironment>): Promise<EvaluationOutcome> {
	try {
		const environment = await evaluation;
		return { environment, diagnostics: environment.diagnostics };
	} catch (error) {
		if (error instanceof DiagnosticError) return { diagnostics: error.diagnostics };
		throw error;
	}
}

/** The packages of an environment. */
export interface PackageList {
	readonly requested: readonly { readonly attr: string; readonly name: string; readonly version: string }[];
	/** With dependencies, the requested ones too. */
	readonly closure: readonly { readonly name: string; readonly version: string }[];
}

/** What differs, requested packages first, each group by name. */
export function packageChanges(before: PackageList, after: PackageList): PackageChange[] {
	const requested = differences(
		new Map(before.requested.map(({ attr, version }) => [attr, version])),
		new Map(after.requested.map(({ attr, version }) => [attr, version])),
	);
	const named = new Set([...before.requested, ...after.requested].map(({ name }) => name));
	const others = ({ closure }: PackageList): Map<string, string> =>
		new Map(closure.filter(({ name }) => !named.has(name)).map(({ name, version }) => [name, version]));
	return [
		...requested.map((change) => ({ ...change, requested: true })),
		...differences(others(before), others(after)).map((change) => ({ ...change, requested: false })),
	];
}

function differences(
	before: ReadonlyMap<string, string>,
	after: ReadonlyMap<string, string>,
): Omit<PackageChange, "requested">[] {
	return [...new Set([...before.keys(), ...after.keys()])]
		.sort()
		.map((name) => ({ name, from: before.get(name) ?? null, to: after.get(name) ?? null }))
		.filter(({ from, to }) => from !== to);
}

/** The URLs of the inputs; none where env.yaml cannot be read at present, as in the midst of a merge. */
function declaredUrls(folder: string): ReadonlyMap<string, string> {
	const text = readProjectFile(folder, "env.yaml");
	if (text === undefined) return new Map();
	const { spec } = parseEnvFile(text, readBeside(folder));
	return new Map(spec?.inputs.map(({ name, url }) => [name, url.value]) ?? []);
}
