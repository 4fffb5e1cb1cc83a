/** The requests about generations: list, compare, roll back. Layer 4. */

import { existsSync } from "node:fs";
import { type Diagnostic, fail } from "@devenv/diagnostics";
import type { Engine, EvaluatedEnvironment, TrackedRead } from "@devenv/engine";
import { parseDrvPath, parseStorePath } from "@devenv/nix-formats";
import type {
	CountedChange,
	DiffParams,
	DiffResult,
	ExplainRebuildParams,
	ExplainRebuildResult,
	GenerationLabel,
	HistoryParams,
	HistoryResult,
	PrepareParams,
	ReloadResult,
	RollbackParams,
	RollbackResult,
} from "@devenv/protocol";
import {
	compareEnvironments,
	differences,
	type EnvironmentDescription,
	summarizeChange,
	type Trust,
} from "@devenv/shell";
import { requireConsent } from "../consent.ts";
import { dotenvOf } from "../dotenv-files.ts";
import type { RequestContext } from "../handler.ts";
import { projectFiles } from "../project.ts";
import type { BuiltEnvironment } from "./built-environment.ts";
import type { Generation, NamedText, ProjectRecord } from "./generation-record.ts";
import { type Generations, type NewGeneration, requireGeneration } from "./generations.ts";
import { rebuildCauses } from "./rebuild-causes.ts";

/** What the project's files say now, evaluated. */
export interface EvaluatedNow {
	readonly environment: Pick<EvaluatedEnvironment, "drvPath" | "outPath" | "root" | "spec">;
	readonly inputs: readonly NamedText[];
	readonly diagnostics: readonly Diagnostic[];
}

export interface HistoryOptions {
	readonly engine: Pick<Engine, "isValid" | "describeEnvironment" | "rootMembers">;
	readonly generations: Generations;
	readonly trust: Trust;
	/** Never writes env.lock. */
	readonly evaluate: (params: DiffParams, request: RequestContext) => Promise<EvaluatedNow>;
	/** Makes stamps void that other environments were entered by, and the one of what is pinned now. */
	readonly renew: (params: RollbackParams, request: RequestContext) => Promise<readonly Diagnostic[]>;
	/** Brings open shells to what new ones get. */
	readonly bringShells: (project: string) => Promise<ReloadResult>;
}

/** One side of a comparison. */
interface Side {
	readonly label: GenerationLabel;
	readonly description: EnvironmentDescription;
	/** `name` → version of all in the root. */
	readonly members: readonly (readonly [name: string, version: string])[];
	readonly inputs: readonly NamedText[];
	readonly diagnostics: readonly Diagnostic[];
}

export class HistoryService {
	readonly #options: HistoryOptions;

	constructor(options: HistoryOptions) {
		this.#options = options;
	}

	list({ project }: HistoryParams): HistoryResult {
		const { engine, generations } = this.#options;
		const pinned = generations.pinned(project);
		const record = generations.read(project);
		const current = pinned ?? record.generations.at(-1);
		return {
			project,
			generations: record.generations.map(({ number, time, environment, lock, spec, summary }) => ({
				number,
				time,
				environment,
				ready: engine.isValid(parseStorePath(environment)),
				lock,
				spec,
				summary,
				current: number === current?.number,
			})),
			rolledBackTo: pinned?.number ?? null,
		};
	}

	async diff(params: DiffParams, request: RequestContext): Promise<DiffResult> {
		const { generations } = this.#options;
		const pinned = generations.pinned(params.project);
		const record = generations.read(params.project);
		const from = params.from === null ? (pinned ?? record.generations.at(-1)) : requireGeneration(record, params.from);
		if (from === undefined) return noGeneration(params.project);
		const before = this.#generation(from);
		const after =
			params.to === null ? await this.#now(params, request) : this.#generation(requireGeneration(record, params.to));
		return compare(before, after);
	}

	explainRebuild({ project, generation }: ExplainRebuildParams): ExplainRebuildResult {
		const record = this.#options.generations.read(project);
		const after = generation === null ? record.generations.at(-1) : requireGeneration(record, generation);
		if (after === undefined) return noGeneration(project);
		const before = record.generations.filter(({ number }) => number < after.number).at(-1);
		return {
			generation: after.number,
			time: after.time,
			previous: before?.number ?? null,
			summary: after.summary,
			causes: before === undefined ? [] : rebuildCauses(project, before, after),
		};
	}

	async rollBack(params: RollbackParams, request: RequestContext): Promise<RollbackResult> {
		const { generations, renew, bringShells } = this.#options;
		const { project } = params;
		const from = generations.pinned(project) ?? generations.read(project).generations.at(-1);
		if (from === undefined) return noGeneration(project);
		const record = generations.read(project);
		const to = params.generation === null ? previous(record, from) : requireGeneration(record, params.generation);
		this.#requireValid(to.number, to.environment);
		generations.pin(project, to.number);
		const diagnostics = await renew(params, request);
		const { shells } = await bringShells(project);
		return { from: from.number, to: to.number, shells, summary: this.summarize(from, to), diagnostics };
	}

	/**
	 * The generation that the project was rolled back to, as long as that holds: the project's files are not evaluated.
	 * Environments with a profile are no generations.
	 */
	rolledBack({ project, consent, profile }: PrepareParams): BuiltEnvironment | undefined {
		if (profile !== undefined) return undefined;
		const readSince = BigInt(Date.now()) * 1_000_000n;
		const { engine, generations, trust } = this.#options;
		const generation = generations.pinned(project);
		if (generation === undefined || !engine.isValid(parseStorePath(generation.environment))) return undefined;
		if (consent === "needed") requireConsent(trust, project, generation.content);
		return {
			name: this.#describe(generation.drvPath).name,
			outPath: parseStorePath(generation.environment),
			index: parseStorePath(generation.index),
			sources: generation.sources.map((path) => parseStorePath(path)),
			root: generation.root?.outPath ?? null,
			settings: generation.settings,
			tracked: [
				...projectFiles(project).map(({ path }): TrackedRead => ({ path, kind: existsSync(path) ? "file" : "absent" })),
				...dotenvOf(project, generation.settings).tracked,
			],
			digest: generation.content,
			readSince,
			written: false,
			diagnostics: [],
			registered: Promise.resolve(),
		};
	}

	/** What differs, in one line; of a first generation, what it has. */
	summarize(before: Generation | undefined, after: NewGeneration): string {
		const description = this.#describe(after.drvPath);
		if (before === undefined || !this.#options.engine.isValid(parseDrvPath(before.drvPath))) {
			return description.packages.map(({ attr, version }) => `${attr} ${version}`).join(", ") || "no packages";
		}
		return summarizeChange(this.#describe(before.drvPath), description) || "files of the environment";
	}

	#generation(generation: Generation): Side {
		const { number, time, environment, drvPath, root, evidence } = generation;
		this.#requireValid(number, drvPath);
		return {
			label: { generation: number, time, environment },
			description: this.#describe(drvPath),
			members: this.#members(root?.drvPath),
			inputs: evidence.inputs,
			diagnostics: [],
		};
	}

	async #now(params: DiffParams, request: RequestContext): Promise<Side> {
		const { environment, inputs, diagnostics } = await this.#options.evaluate(params, request);
		return {
			label: { generation: null, time: null, environment: environment.outPath },
			description: this.#describe(environment.drvPath),
			members: this.#members(environment.root?.drvPath),
			inputs,
			diagnostics,
		};
	}

	#requireValid(number: number, path: string): void {
		if (this.#options.engine.isValid(parseStorePath(path))) return;
		fail("GENERATION_GONE", `the environment of generation ${number} is not in the store any more`, {
			hint: "take env.yaml and env.lock of that time from your version control; `devenv shell` makes it again",
		});
	}

	#describe(drvPath: string): EnvironmentDescription {
		return this.#options.engine.describeEnvironment(parseDrvPath(drvPath));
	}

	#members(drvPath: string | undefined): Side["members"] {
		if (drvPath === undefined) return [];
		return this.#options.engine.rootMembers(parseDrvPath(drvPath)).map(({ name, version }) => [name, version]);
	}
}

function previous(record: ProjectRecord, from: Generation): Generation {
	const before = record.generations.filter(({ number }) => number < from.number).at(-1);
	if (before !== undefined) return before;
	return fail("GENERATION_FIRST", `there is no generation before generation ${from.number}`, {
		hint: "`devenv history` lists those that there are",
	});
}

function noGeneration(project: string): never {
	return fail("GENERATION_NONE", `no environment of ${project} was made yet`, {
		hint: "`devenv shell` makes and enters it",
	});
}

function compare(before: Side, after: Side): DiffResult {
	const named = (list: readonly NamedText[]): [string, string][] => list.map(({ name, value }) => [name, value]);
	const closure: CountedChange = {
		before: before.members.length,
		after: after.members.length,
		changes: differences(before.members, after.members),
	};
	return {
		before: before.label,
		after: after.label,
		summary: summarizeChange(before.description, after.description),
		...compareEnvironments(before.description, after.description),
		closure,
		inputs: differences(named(before.inputs), named(after.inputs)),
		diagnostics: after.diagnostics,
	};
}
