/** The daemon's requests, answered with an engine. Layer 4. */

import { createHash } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
	CALLER_VARIABLES,
	type Engine,
	EvaluationRefused,
	type LockOutcome,
	type TrackedRead,
	traced,
} from "@devenv/engine";
import { type EnvSpec, type LockFile, parseEnvFile } from "@devenv/env-file";
import { parseStorePath } from "@devenv/nix-formats";
import {
	type CollectParams,
	type CollectResult,
	type CopyParams,
	type CopyResult,
	type EditParams,
	type EditResult,
	type EvalParams,
	type EvalResult,
	type InfoResult,
	type PrepareParams,
	type PrepareProcessesResult,
	type PrepareResult,
	type PrintParams,
	type PrintResult,
	type ProfileParams,
	type ProjectParams,
	type ReloadResult,
	type SearchParams,
	type SearchResult,
	type TrustParams,
	type TrustResult,
} from "@devenv/protocol";
import {
	type ActivationOutcome,
	type ActivationRequest,
	activate,
	formatRegistration,
	observePath,
	type OutsideEnvironment,
	outsideEnvironment,
	placeOutside,
	stampPath,
	swapRoot,
	Trust,
} from "@devenv/shell";
import { cleanliness } from "./cleanliness.ts";
import { collectUnused } from "./collect-unused.ts";
import { digestOf, requireConsent } from "./consent.ts";
import { copyStorePaths } from "./copy-paths.ts";
import { editEnvironment, type EditWorld } from "./edit-environment.ts";
import { dotenvOf } from "./dotenv-files.ts";
import { Explanations } from "./explanations.ts";
import type { RequestContext } from "./handler.ts";
import type { BuiltEnvironment } from "./history/built-environment.ts";
import { newGeneration, recordSettings, recordVariables } from "./history/evidence.ts";
import type { NamedText } from "./history/generation-record.ts";
import { Generations } from "./history/generations.ts";
import { type EvaluatedNow, HistoryService } from "./history/history-service.ts";
import { LiveReload } from "./live/live-reload.ts";
import { NewestTurn } from "./newest-turn.ts";
import { LockRequests } from "./lock-requests.ts";
import { NotPrepared, type Prepared } from "./live/project-follower.ts";
import {
	environmentRequest,
	type Project,
	type ReadOptions,
	projectFiles,
	readCachedLock,
	readProject,
	requireLock,
	sayLocking,
	trackedBy,
	writeLock,
} from "./project.ts";
import { prunesLater } from "./prune-later.ts";
import { rootName } from "./project-records.ts";
import { ProjectMutex } from "./project-mutex.ts";
import type { ServiceContext } from "./run-daemon.ts";

/** Milliseconds for which searches where nothing is locked use the same lock. */
const SEARCH_LOCK_AGE: number = 24 * 60 * 60 * 1000;

type Reading = Pick<ReadOptions, "onRead">;

interface BuildOptions {
	/** Told what was read, also before a failure. */
	readonly onRead?: (reads: readonly TrackedRead[]) => void;
	/** Whether the environment is given before it is registered. */
	readonly early?: boolean;
}

interface LockedProject {
	readonly project: Project;
	readonly lock: LockFile;
	/** The lock was written by this request. */
	readonly written: boolean;
}

interface SettledProject extends LockedProject {
	readonly readSince: bigint;
}

/** A {@link BuiltEnvironment} that can be entered. */
interface PreparedShell extends BuiltEnvironment {
	readonly activation: ActivationRequest;
	readonly outcome: ActivationOutcome;
}

/** Milliseconds after which a file's times are sure to differ from now. */
const CLOCK_GRAIN = 20;

function nanoseconds(): bigint {
	return BigInt(Date.now()) * 1_000_000n;
}

/** Node counts the own group among the supplementary ones, the helper does not: views are named after them. */
function allGroups({ groups, gid }: Pick<PrepareParams, "groups" | "gid">): number[] {
	return [...new Set([...groups, gid])].sort((a, b) => a - b);
}

/** What a trace shows of preparing an environment. */
const spans = {
	read: { name: "read the project", track: "request" },
	lock: { name: "lock the inputs", track: "request" },
	evaluate: { name: "evaluate", track: "request" },
	realise: { name: "realise", track: "request" },
	activate: { name: "write the activation", track: "request" },
} as const;

/** The requests themselves; `helper` is the native helper's path, null where there is none. */
export class EngineService {
	readonly #engine: Engine;
	readonly #context: ServiceContext;
	readonly #helper: string | null;
	/** Keeps two clients from locking one project at once. */
	readonly #locking = new ProjectMutex();
	readonly #trust: Trust;
	/** The requests that write env.lock. */
	readonly locks: LockRequests;
	readonly #generations: Generations;
	readonly #turns = new NewestTurn();
	readonly #pruneLater: () => void;
	readonly history: HistoryService;
	readonly explanations: Explanations;
	#live: LiveReload | undefined;

	constructor(engine: Engine, context: ServiceContext, helper: string | null) {
		this.#engine = engine;
		this.#context = context;
		this.#helper = helper;
		this.#trust = new Trust(context.layout.state);
		this.#pruneLater = prunesLater(context.layout.state, context.log);
		this.locks = new LockRequests({ engine, version: context.version, locking: this.#locking });
		this.#generations = new Generations({
			state: context.layout.state,
			log: context.log,
			keep: (link, { environment, index, sources }) => {
				engine.keepEnvironment(link, {
					outPath: parseStorePath(environment),
					index: parseStorePath(index),
					sources: sources.map((path) => parseStorePath(path)),
				});
			},
			summarize: (before, after) => this.history.summarize(before, after),
		});
		this.history = new HistoryService({
			engine,
			generations: this.#generations,
			trust: this.#trust,
			evaluate: (params, request) => this.#evaluateNow(params, request),
			renew: async (params, request) => {
				this.#voidStamps(params.project);
				return (await this.#prepareOutside(params, request)).diagnostics;
			},
			bringShells: (project) => this.#bringShells(project),
		});
		this.explanations = new Explanations({
			engine,
			state: context.layout.state,
			evaluate: (params, request) => this.#evaluateNow(params, request),
			read: (params, request) => this.#lockedProject(params, "frozen", request),
		});
	}

	readonly prepare = async (params: PrepareParams, request: RequestContext): Promise<PrepareResult> => {
		const { outPath, root, name, outcome, written, diagnostics } = await this.#prepareShell(params, request);
		const { stamp, lasting } = outcome;
		return { stamp, lasting, environment: outPath, root, name, lockWritten: written, diagnostics };
	};

	/** How many open shells of a project are followed. */
	readonly shellsOf = (project: string): number => this.#live?.shellsOf(project) ?? 0;

	copy(params: CopyParams, request: RequestContext): Promise<CopyResult> {
		const evaluate = this.#evaluateNow.bind(this);
		return copyStorePaths(params, { engine: this.#engine, evaluate }, request);
	}

	collect(params: CollectParams): Promise<CollectResult> {
		const [engine, generations, shellsOf] = [this.#engine, this.#generations, this.shellsOf];
		return collectUnused(params, { engine, generations, ...this.#context.layout, shellsOf });
	}

	/** The environment, and what is to run in it. */
	async prepareProcesses(params: PrepareParams, request: RequestContext): Promise<PrepareProcessesResult> {
		const { outcome, written, diagnostics, spec } = await this.#prepareShell(params, request);
		// A rollback is of the environment alone.
		const { processes: specs, scripts } = spec ?? (await this.#evaluateNow(params, request)).environment.spec;
		const variables = createHash("sha256").update(JSON.stringify(outcome.own)).digest("hex");
		const processes = specs.map((each) => ({ ...each, variables }));
		return { stamp: outcome.stamp, processes, scripts, lockWritten: written, diagnostics };
	}

	/** The environment for programs that are in no view; what is allowed is put in place for shims. */
	async print(params: PrintParams, request: RequestContext): Promise<PrintResult> {
		const { outside, diagnostics } = await this.#prepareOutside({ ...params, lock: "frozen" }, request);
		const registration = formatRegistration({ ...outside.registration, shell: "json" });
		return { report: outside.report, registration, diagnostics };
	}

	/** Prepares a shell, and what is allowed for those in no view. */
	async #prepareOutside(
		params: PrepareParams,
		request: RequestContext,
	): Promise<PreparedShell & { readonly outside: OutsideEnvironment }> {
		const prepared = await this.#prepareShell(params, request);
		const { activation, outcome, digest } = prepared;
		const outside = outsideEnvironment(activation, outcome);
		if (params.profile === undefined && this.#trust.hold(params.project, digest) === null)
			this.#placeOutside(prepared, outside);
		return { ...prepared, outside };
	}

	/** Begins to follow open shells. */
	async follow(onShells: () => void): Promise<void> {
		const [helper, { layout, log }] = [this.#helper, this.#context];
		this.#live = await LiveReload.start({
			runtime: layout.runtime,
			log,
			onShells,
			prepare: (params, signal) => this.#prepareToFollow(params, { signal, progress: () => undefined }),
			hold: ({ project, digest }) => this.#trust.hold(project, digest),
			swap: (process, target) => (helper === null ? Promise.resolve() : swapRoot(helper, process, target)),
		});
	}

	/** How many shells are followed. */
	get followed(): number {
		return this.#live?.shells ?? 0;
	}

	/** Also ends a rollback. */
	async reload({ project }: ProjectParams): Promise<ReloadResult> {
		if (this.#generations.unpin(project)) this.#voidStamps(project);
		return this.#bringShells(project);
	}

	async #bringShells(project: string): Promise<ReloadResult> {
		return (await this.#live?.reload(project)) ?? { shells: 0, summary: "" };
	}

	/** Has the next shells ask the daemon. */
	#voidStamps(project: string): void {
		for (const asUser of [false, true]) {
			rmSync(stampPath(this.#context.layout.state, project, { asUser }), { force: true });
		}
	}

	async #evaluateNow(params: ProjectParams, request: RequestContext): Promise<EvaluatedNow> {
		const { project, lock } = await this.#lockedProject(params, "frozen", request);
		const environment = await this.#engine.evaluateEnvironment(
			environmentRequest(project, { lock, variables: params.variables }),
			{ signal: request.signal, onEvent: request.progress, offline: params.offline ?? false },
		);
		const diagnostics = [...project.diagnostics, ...environment.diagnostics];
		return { environment, inputs: this.#revisions(project, lock), diagnostics };
	}

	/** The locked revisions, for people. */
	#revisions({ spec }: Project, lock: LockFile): NamedText[] {
		return spec.inputs.flatMap(({ name }) => {
			const value = this.#engine.describeInput(lock, name);
			return value === null ? [] : [{ name, value }];
		});
	}

	async decideTrust(params: TrustParams, request: RequestContext): Promise<TrustResult> {
		const { project: folder, decision } = params;
		if (decision === "revoke") {
			this.#trust.revoke(folder);
			return { shells: this.#live?.shellsOf(folder) ?? 0, summary: "", diagnostics: [] };
		}
		const { project, lock } = await this.#lockedProject(params, "frozen", request);
		const environment = await this.#engine.evaluateEnvironment(
			environmentRequest(project, { lock, variables: params.variables }),
			{ signal: request.signal, onEvent: request.progress },
		);
		this.#trust.allow(folder, digestOf(folder, trackedBy(project, environment)));
		if (decision === "always") this.#trust.decide(folder, "always");
		const diagnostics = [...project.diagnostics, ...environment.diagnostics];
		return { ...(await this.reload(params)), diagnostics };
	}

	/** Ends what follows shells. */
	async close(): Promise<void> {
		await this.#live?.close();
	}

	async #prepareToFollow(params: PrepareParams, request: RequestContext): Promise<Prepared> {
		const read = projectFiles(params.project);
		const following = { onRead: (reads: readonly TrackedRead[]) => read.push(...reads), early: true };
		const prepared = await this.#prepareShell(params, request, following).catch((error: unknown) => {
			throw new NotPrepared(error, read.map(observePath));
		});
		const { activation, outcome, digest, settings, registered } = prepared;
		const paths = new Set(activation.tracked.map(({ path }) => path));
		const outside = outsideEnvironment(activation, outcome);
		return {
			outcome,
			outside,
			placeOutside: () => {
				this.#placeOutside(prepared, outside);
			},
			project: params.project,
			environment: activation.environment,
			watched: outcome.conditions.filter(({ path }) => paths.has(path)),
			digest,
			reload: settings.reload,
			registered,
		};
	}

	async #prepareShell(
		params: PrepareParams,
		request: RequestContext,
		options: BuildOptions = {},
	): Promise<PreparedShell> {
		using _ = this.#engine.hold();
		const built = this.history.rolledBack(params) ?? (await this.#build(params, request, options));
		request.progress({ kind: "phase", phase: "activate", message: "preparing the shell" });
		const { layout } = this.#context;
		const { settings, digest, tracked, readSince } = built;
		const activation: ActivationRequest = {
			project: params.project,
			environment: this.#engine.physical(built.outPath),
			paths: {
				storeRoot: layout.storeRoot,
				state: layout.state,
				runtime: layout.runtime,
				helper: this.#helper,
			},
			caller: { uid: params.uid, gid: params.gid, groups: allGroups(params), env: params.variables },
			tracked,
			trackedVariables: new Map(CALLER_VARIABLES.map((name) => [name, params.variables[name] ?? null])),
			readSince,
			shell: settings.shell,
			...(params.profile === undefined ? {} : { profile: params.profile }),
			prompt: settings.prompt,
			...cleanliness(params, settings),
			asUser: params.asUser ?? false,
			live: settings.reload !== "off",
			folderVariables: settings.folderVariables,
			scripts: settings.scripts ?? [],
			aliases: settings.aliases ?? [],
			dotenv: dotenvOf(params.project, settings).files,
			allowedContent: this.#trust.contentFile(digest),
		};
		const outcome = await traced(request.progress, spans.activate, () => activate(activation));
		this.#pruneLater();
		return { ...built, activation, outcome, diagnostics: [...built.diagnostics, ...outcome.diagnostics] };
	}

	/** Evaluates what the project's files say, and realises it. */
	async #build(
		params: PrepareParams,
		request: RequestContext,
		{ onRead = () => undefined, early = false }: BuildOptions,
	): Promise<BuiltEnvironment> {
		const isNewest = this.#turns.begin(this.#rootLink(params.project, params.profile));
		const offline = params.offline ?? false;
		const work = { signal: request.signal, onEvent: request.progress, offline };
		const { project, lock, written, readSince } = await traced(request.progress, spans.read, () =>
			this.#settledProject({ ...params, onRead }, request),
		);
		const { variables } = params;
		const environment = await traced(request.progress, spans.evaluate, () =>
			this.#engine.evaluateEnvironment(environmentRequest(project, { lock, variables }), work),
		).catch((error: unknown) => {
			if (error instanceof EvaluationRefused) onRead(error.tracked);
			throw error;
		});
		const tracked = trackedBy(project, environment);
		onRead(tracked);
		const digest = digestOf(project.folder, tracked);
		if (params.consent === "needed") requireConsent(this.#trust, project.folder, digest);
		request.progress({ kind: "phase", phase: "realise", message: "building the environment" });
		const { registered } = await traced(request.progress, spans.realise, async () => {
			if (early) return this.#engine.placeEnvironment(environment.drvPath, work);
			await this.#engine.realise([environment.drvPath], work);
			return { registered: Promise.resolve() };
		});
		const hold = this.#engine.hold();
		const keep = (): void => {
			if (!isNewest()) return;
			this.#engine.keepEnvironment(this.#rootLink(params.project, params.profile), environment);
			this.#generations.recordLater(params, () => {
				const variables = recordVariables(CALLER_VARIABLES, params.variables);
				const circumstances = { version: this.#context.version, inputs: this.#revisions(project, lock), variables };
				return newGeneration({ project, environment, digest }, circumstances);
			});
		};
		const kept = registered.then(keep).finally(() => {
			hold[Symbol.dispose]();
		});
		// Who takes it early may fail before he looks.
		kept.catch(() => undefined);
		if (!early) await kept;
		return {
			name: environment.name,
			outPath: environment.outPath,
			index: environment.index,
			sources: environment.sources,
			root: environment.root?.outPath ?? null,
			settings: recordSettings(environment.spec),
			spec: environment.spec,
			tracked,
			digest,
			readSince,
			written,
			diagnostics: [...project.diagnostics, ...environment.diagnostics],
			registered: kept,
		};
	}

	/** Adds packages to env.yaml or takes them out, one edit of a project at a time. */
	async edit(params: EditParams, request: RequestContext): Promise<EditResult> {
		const { project: folder, variables, offline = false } = params;
		const evaluate = async (project: Project): ReturnType<EditWorld["evaluate"]> => {
			const made = project.lock === undefined ? await this.#lockInputs(project, request, offline) : undefined;
			const lock = made?.lock ?? requireLock(project);
			const environment = await this.#engine.evaluateEnvironment(environmentRequest(project, { lock, variables }), {
				signal: request.signal,
				onEvent: request.progress,
				offline,
			});
			const keep = (): boolean => {
				if (made !== undefined) writeLock(folder, lock);
				return made !== undefined;
			};
			return { environment, keep };
		};
		const world = { version: this.#context.version, evaluate };
		return this.#locking.run(folder, () => editEnvironment(params, world));
	}

	async info(params: ProfileParams, request: RequestContext): Promise<InfoResult> {
		const { project, lock } = await this.#lockedProject(params, "frozen", request);
		const environment = await this.#engine.evaluateEnvironment(
			environmentRequest(project, { lock, variables: params.variables }),
			{ signal: request.signal, onEvent: request.progress, offline: params.offline ?? false },
		);
		const { spec } = environment;
		return {
			name: environment.name,
			project: project.folder,
			storeRoot: this.#context.layout.storeRoot,
			environment: environment.outPath,
			ready: this.#engine.isValid(environment.outPath),
			root: environment.root?.outPath ?? null,
			packages: environment.packages,
			inputs: spec.inputs.map(({ name, url }) => ({
				name,
				url: url.value,
				revision: this.#engine.describeInput(lock, name),
			})),
			scripts: spec.scripts.map(({ name, description }) => ({ name, description })),
			variables: spec.env.map(({ name }) => name),
			diagnostics: [...project.diagnostics, ...environment.diagnostics],
		};
	}

	async search(params: SearchParams, request: RequestContext): Promise<SearchResult> {
		const { query, limit } = params;
		const work = { signal: request.signal, onEvent: request.progress };
		return this.#engine.search({ lock: await this.#searchedLock(params.project, request), query, limit }, work);
	}

	async evaluate(params: EvalParams, request: RequestContext): Promise<EvalResult> {
		const { project: folder, ...rest } = params;
		const work = { signal: request.signal, onEvent: request.progress };
		if (folder === null) return this.#engine.evaluate({ ...rest, environment: null }, work);
		const { project, lock } = await this.#lockedProject({ project: folder, variables: {} }, "frozen", request);
		return this.#engine.evaluate(
			{ ...rest, environment: { project: folder, spec: project.spec, lock, variables: params.variables } },
			work,
		);
	}

	/**
	 * The project as it was read after `readSince` (nanoseconds since 1970). A lock that was written for it is old enough
	 * by then to be told from one that changes while we read.
	 */
	async #settledProject(params: PrepareParams & Reading, request: RequestContext): Promise<SettledProject> {
		const before = nanoseconds();
		const locked = await this.#lockedProject(params, params.lock ?? "create", request);
		if (!locked.written) return { ...locked, readSince: before };
		await new Promise((resolve) => setTimeout(resolve, CLOCK_GRAIN));
		const readSince = nanoseconds();
		const project = readProject(params.project, this.#context.version, params);
		return { project, lock: requireLock(project), written: true, readSince };
	}

	/** The project with a lock that fits; writes one where there is none and `mode` allows it. */
	async #lockedProject(
		{ project: folder, offline = false, profile, onRead }: ProfileParams & Reading,
		mode: "create" | "frozen",
		request: RequestContext,
	): Promise<LockedProject> {
		const project = readProject(folder, this.#context.version, { profile, onRead });
		if (project.lock !== undefined || mode === "frozen") {
			return { project, lock: requireLock(project), written: false };
		}
		// Another request may be locking the project: then this one waits for it.
		sayLocking(project, request);
		return this.#locking.run(folder, async () => {
			const current = readProject(folder, this.#context.version, { profile, onRead });
			if (current.lock !== undefined) return { project: current, lock: requireLock(current), written: false };
			const { lock } = await this.#lockInputs(current, request, offline);
			writeLock(folder, lock);
			return { project: current, lock, written: true };
		});
	}

	/** Locks a project that has no lock. */
	#lockInputs(project: Project, request: RequestContext, offline: boolean): Promise<LockOutcome> {
		sayLocking(project, request);
		return traced(request.progress, spans.lock, () =>
			this.#engine.lockInputs(project.spec, undefined, {
				project: project.folder,
				offline,
				signal: request.signal,
				onEvent: request.progress,
			}),
		);
	}

	/** What to search: what the project has locked, else the newest state of its inputs, or of the default ones. */
	async #searchedLock(folder: string | null, request: RequestContext): Promise<LockFile> {
		if (folder !== null) {
			const project = readProject(folder, this.#context.version);
			return project.lock === undefined ? this.#newestLock(project.spec, request) : requireLock(project);
		}
		const { spec } = parseEnvFile({ file: "<default>", content: "" });
		if (spec === undefined) throw new Error("an empty env.yaml is refused");
		return this.#newestLock(spec, request);
	}

	/** A lock of our own for searches, which no environment is made from: made when first asked for, and once a day. */
	async #newestLock({ inputs: all, ...rest }: EnvSpec, request: RequestContext): Promise<LockFile> {
		// What has no packages need not be fetched.
		const spec = { ...rest, inputs: all.filter(({ url }) => url.value.startsWith("debian:")) };
		const inputs = JSON.stringify(spec.inputs.map(({ name, url }) => [name, url.value]));
		const key = createHash("sha256").update(inputs).digest("hex").slice(0, 32);
		const folder = join(this.#context.layout.cache, "search", key);
		return this.#locking.run(folder, async () => {
			const known = readCachedLock(folder, SEARCH_LOCK_AGE);
			if (known !== undefined) return known;
			const { lock } = await this.#engine.lockInputs(spec, undefined, {
				project: folder,
				signal: request.signal,
				onEvent: request.progress,
			});
			mkdirSync(folder, { recursive: true });
			writeLock(folder, lock);
			return lock;
		});
	}

	/** For programs in no view, which keep this environment while shells may go on to others that are not allowed. */
	#placeOutside({ activation, outcome, outPath, index, sources }: PreparedShell, outside: OutsideEnvironment): void {
		this.#engine.keepEnvironment(`${this.#rootLink(activation.project)}-outside`, { outPath, index, sources });
		placeOutside(activation, outcome, outside);
	}

	/** What the garbage collector's roots of a project are named after. */
	#rootLink(folder: string, profile?: string): string {
		return join(this.#context.layout.state, "roots", rootName(folder, profile));
	}
}
