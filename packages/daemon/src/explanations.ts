/** The requests that say why a package is there, who set a variable, and what of the host was used. Layer 4. */

import { closeSync, constants, openSync, readFileSync } from "node:fs";
import { relative } from "node:path";
import type { Engine } from "@devenv/engine";
import type { EnvSpec, LockFile } from "@devenv/env-file";
import type {
	ExplainHostResult,
	ExplainNamedParams,
	ExplainPackageResult,
	ExplainVariableResult,
	ProfileParams,
	VariableSource,
} from "@devenv/protocol";
import { readDotenvFile, toolVariables } from "@devenv/shell";
import { dotenvFiles } from "./dotenv-files.ts";
import type { RequestContext } from "./handler.ts";
import type { EvaluatedNow } from "./history/history-service.ts";
import { environmentRequest, type Project } from "./project.ts";
import { readStamps } from "./project-records.ts";

/** Programs that are looked for in the index. */
const MOST_SEARCHED = 50;

export interface ExplanationOptions {
	readonly engine: Pick<Engine, "explainPackage" | "describeEnvironment" | "search">;
	/** The installation's state folder. */
	readonly state: string;
	/** Neither writes env.lock nor builds. */
	readonly evaluate: (params: ProfileParams, request: RequestContext) => Promise<EvaluatedNow>;
	readonly read: (params: ProfileParams, request: RequestContext) => Promise<{ project: Project; lock: LockFile }>;
}

export class Explanations {
	readonly #options: ExplanationOptions;

	constructor(options: ExplanationOptions) {
		this.#options = options;
	}

	async package(params: ExplainNamedParams, request: RequestContext): Promise<ExplainPackageResult> {
		const { project, lock } = await this.#options.read(params, request);
		const asked = environmentRequest(project, { lock, variables: params.variables });
		const reasons = await this.#options.engine.explainPackage(asked, params.name, {
			signal: request.signal,
			onEvent: request.progress,
			offline: params.offline ?? false,
		});
		return { ...reasons, diagnostics: project.diagnostics };
	}

	async variable(params: ExplainNamedParams, request: RequestContext): Promise<ExplainVariableResult> {
		const { environment, diagnostics } = await this.#options.evaluate(params, request);
		const { variables } = this.#options.engine.describeEnvironment(environment.drvPath);
		const { name, project } = params;
		const sources = variableSources(name, { spec: environment.spec, variables, project });
		const clean = environment.spec.clean;
		return { name, sources, inherited: !clean.enabled || clean.keep.includes(name), diagnostics };
	}

	async host(params: ProfileParams, request: RequestContext): Promise<ExplainHostResult> {
		const names = [...new Set(hostLogs(this.#options.state, params.project).flatMap(linesOf))].sort();
		if (names.length === 0) return { programs: [] };
		const { lock } = await this.#options.read(params, request);
		const programs = names.map(async (name, index) => {
			const { hits } =
				index < MOST_SEARCHED ? await this.#options.engine.search({ lock, query: name, limit: 1 }) : { hits: [] };
			return { name, package: hits[0]?.attr === name ? name : null };
		});
		return { programs: await Promise.all(programs) };
	}
}

/** Set by every activation; see `ownChanges` of @devenv/shell. */
const ownVariables: ReadonlyMap<string, string> = new Map([
	["DEVENV_ROOT", "the folder of env.yaml"],
	["DEVENV_STATE", "where the project's services and tools keep data: .devenv/state"],
	["DEVENV_RUNTIME", "a folder for the project's sockets"],
	["DEVENV_PROFILE", "the chosen profile, or `default`"],
	["SHELL", "the interactive shell of the environment"],
	["PATH", "the project's scripts and tools, its packages, what was there before, programs of the host"],
]);

/** Who gives a variable a value, the one that counts first. `variables`: those of the environment's store object. */
export function variableSources(
	name: string,
	{
		spec,
		variables,
		project,
	}: { readonly spec: EnvSpec; readonly variables: Readonly<Record<string, string>>; readonly project: string },
): VariableSource[] {
	const source = (kind: VariableSource["kind"], rest: Partial<VariableSource> = {}): VariableSource => ({
		kind,
		place: null,
		value: null,
		note: "",
		...rest,
	});
	const own = ownVariables.get(name);
	const written = spec.env.find((each) => each.name === name);
	const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
	const place = written?.location === undefined ? null : `${written.location.file}:${written.location.line}`;
	const files = dotenvFiles(project, spec.dotenv).files.filter((file) =>
		readDotenvFile(file)?.variables.some(([each]) => each === name),
	);
	return [
		...(own === undefined
			? []
			: [source("devenv", { note: own, ...(name === "DEVENV_ROOT" ? { value: project } : {}) })]),
		...spec.serviceVariables
			.filter((each) => each.name === name)
			.map((each) => source("service", { value: each.value, note: "for the clients of the project's services" })),
		...(written === undefined ? [] : [source("env", { place, value: value ?? null })]),
		...(written !== undefined || value === undefined
			? []
			: [source("package", { value, note: "a package of the environment needs it" })]),
		...(toolVariables.has(name) && written === undefined
			? [source("tool", { note: `where ${toolVariables.get(name) ?? ""} installs things, unless you have set it` })]
			: []),
		...files
			.toReversed()
			.map((file) => source("file", { place: relative(project, file), note: "read when a program is started" })),
	];
}

/** The records of what the project's shells ran of the host. */
function hostLogs(state: string, project: string): string[] {
	const logs = new Set<string>();
	for (const { project: own, view } of readStamps(state)) {
		if (own === project && view?.hostLog !== undefined) logs.add(view.hostLog);
	}
	return [...logs];
}

function linesOf(file: string): string[] {
	let descriptor: number;
	try {
		descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
		throw error;
	}
	try {
		return readFileSync(descriptor, "utf8")
			.split("\n")
			.filter((each) => each !== "");
	} finally {
		closeSync(descriptor);
	}
}
