/** The engine: inputs, evaluators, queue and builders around one store. Layer 3. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { detectSandbox, type Sandbox } from "@devenv/builder";
import { DiagnosticError, diagnose, fail, nearestNames } from "@devenv/diagnostics";
import type { EnvSpec, LockFile } from "@devenv/env-file";
import { type Derivation, type DrvPath, parseDrvPath, parseStorePath, type StorePath } from "@devenv/nix-formats";
import { openStore, type Store } from "@devenv/store";
import { decodeEnvironment, type EnvironmentFile } from "./builtin-builders/environment.ts";
import type { FirstStage } from "./builtin-builders/root/first-stage.ts";
import { ReadyStage } from "./builtin-builders/root/ready-stage.ts";
import { membersOf } from "./builtin-builders/root-members.ts";
import { Caches, requireAll } from "./caches/caches.ts";
import { substitutablePaths } from "./caches/substitutable-paths.ts";
import { builtinBuilders } from "./realise/builtin-table.ts";
import type {
	ClosurePackage,
	CopyOutcome,
	Engine,
	EngineOptions,
	EnvironmentRequest,
	EvaluatedEnvironment,
	EvaluateRequest,
	EvaluateResult,
	GarbageOutcome,
	GarbageRequest,
	LockOptions,
	LockOutcome,
	ModuleSource,
	PackageReasons,
	RealiseOptions,
	RealisePlan,
	RootMember,
	SearchOutcome,
	SearchRequest,
	SubstitutablePath,
	WorkOptions,
} from "./engine-interface.ts";
import { type EngineListener, traced } from "./engine-event.ts";
import { EvaluatorPool } from "./evaluation/evaluator-pool.ts";
import { PackageSets } from "./evaluation/package-sets.ts";
import { type LocatedPackageSet, plainSet } from "./evaluation/located-package-set.ts";
import type { Answering } from "./evaluation/evaluator-thread.ts";
import { answerQuestion } from "./fetch-tree/answer-question.ts";
import { moduleRequest } from "./evaluation/module-request.ts";
import { EvaluationRefused } from "./evaluation/evaluation-refused.ts";
import type {
	AnswerValue,
	EnvironmentReply,
	EvaluationTask,
	ModuleRequest,
	ModuleTask,
	PackageSetRequest,
	Question,
	ReplyTo,
	TreeSetRequest,
} from "./evaluation/messages.ts";
import { readApt } from "./fetch/mirrors.ts";
import { createFetcher } from "./fetch/http-fetcher.ts";
import type { Fetcher } from "./fetch/fetcher.ts";
import { collectInThread } from "./garbage/collect-garbage.ts";
import { hostSystem } from "./host-system.ts";
import { cancelIdleCollection, scheduleIdleCollection } from "./idle-collection.ts";
import { Inputs } from "./inputs/inputs.ts";
import { BuildQueue, type RunningGoal, type Wanted } from "./queue/build-queue.ts";
import { QueueJournal } from "./queue/journal.ts";
import { inputsFirst, neededFor, requireNoDownloads } from "./offline.ts";
import { usualPolicy } from "./realise/build-policy.ts";
import { failuresAsError } from "./realise/build-error.ts";
import { type PlacedEnvironment, placeEnvironment, unregisteredDerivations } from "./realise/early-use.ts";
import { sandboxBinds } from "./realise/sandbox-binds.ts";
import { StoreBackend } from "./realise/store-backend.ts";
import { systemFailure } from "./system-failure.ts";
import { callerLocales, callerShell } from "./caller-needs.ts";

/** Opens the store and makes an engine around it. Throws DiagnosticErrors `STORE_…`. */
export function createEngine(options: EngineOptions): Engine {
	mkdirSync(options.state, { recursive: true, mode: 0o700 });
	mkdirSync(options.cache, { recursive: true, mode: 0o700 });
	const { storeRoot, place = { root: storeRoot }, settings } = options;
	const store = openStore({ autoOptimise: settings.autoOptimiseStore, reserve: settings.gcReservedSpace, ...place });
	return new StoreEngine(store, options);
}

class StoreEngine implements Engine {
	readonly #store: Store;
	readonly #fetcher: Fetcher;
	readonly #inputs: Inputs;
	readonly #sets: PackageSets;
	readonly #backend: StoreBackend;
	readonly #queue: BuildQueue;
	readonly #evaluators: EvaluatorPool;
	readonly #system: string;
	readonly #closing = new AbortController();
	readonly #sandbox: Promise<Sandbox>;
	readonly #readyStage: ReadyStage<FirstStage>;
	readonly #caches: Caches;
	readonly #journal: QueueJournal | undefined;
	readonly #onWarning: (message: string) => void;
	/** Folder for the git repositories that expressions name. */
	readonly #repositories: string;
	/** What garbage collection keeps beside what roots need. */
	readonly #keeping: Pick<GarbageRequest, "keepDerivations" | "keepOutputs">;
	/** Requests under way. */
	#active = 0;

	constructor(store: Store, options: EngineOptions) {
		const { settings, cache } = options;
		this.#store = store;
		this.#keeping = { keepDerivations: settings.keepDerivations, keepOutputs: settings.keepOutputs };
		this.#system = options.system ?? hostSystem();
		this.#repositories = join(cache, "git");
		this.#fetcher = createFetcher({
			mirrors: { user: settings.mirrors, apt: readApt() },
			partialFolder: join(cache, "partial"),
		});
		this.#inputs = new Inputs({ store, fetcher: this.#fetcher, cache, system: this.#system });
		this.#sets = new PackageSets(this.#inputs, this.#system);
		const trial = store.scratch();
		this.#sandbox = detectSandbox({ helper: options.helper, temporary: trial.path }).finally(() => {
			trial.remove();
		});
		const onWarning = options.onWarning ?? (() => undefined);
		this.#readyStage = new ReadyStage({ newFolder: () => store.scratch(), onWarning });
		this.#backend = new StoreBackend({
			store,
			fetcher: this.#fetcher,
			sandbox: () => this.#sandbox,
			builtins: builtinBuilders,
			readyStage: this.#readyStage,
			logs: store.buildLogs,
			policy: usualPolicy(settings),
			system: this.#system,
			binds: sandboxBinds(settings.sandboxPaths),
			substitute: (drv, outputs, work) => this.#caches.substitute(drv, outputs, work),
			onWarning,
		});
		this.#onWarning = onWarning;
		this.#journal =
			options.journal === true ? new QueueJournal(join(options.state, "queue"), store.storeDir) : undefined;
		this.#caches = new Caches({ store, fetcher: this.#fetcher, cache, settings, onWarning });
		this.#queue = new BuildQueue(this.#backend, { builds: settings.maxJobs, fetches: settings.maxFetches });
		this.#evaluators = new EvaluatorPool({
			place: store.place,
			cache,
			system: this.#system,
			memory: settings.evaluatorMemory,
		});
		if (options.warm === true) this.#evaluators.warmUp();
	}

	lockInputs(spec: EnvSpec, existing: LockFile | undefined, options: LockOptions): Promise<LockOutcome> {
		return this.#working(() => this.#inputs.lock(spec, existing, options));
	}

	describeInput(lock: LockFile, name: string): string | null {
		return this.#inputs.describe(lock, name);
	}

	evaluateEnvironment(request: EnvironmentRequest, options: WorkOptions = {}): Promise<EvaluatedEnvironment> {
		return this.#working(() => this.#evaluateEnvironment(request, options));
	}

	explainPackage(request: EnvironmentRequest, name: string, options: WorkOptions = {}): Promise<PackageReasons> {
		return this.#working(async () => {
			const { reply } = await this.#evaluateTask(request, options, name);
			if (reply.reasons !== undefined && reply.reasons !== null) return reply.reasons;
			const names =
				reply.root === null ? [] : this.rootMembers(parseDrvPath(reply.root.drvPath)).map((each) => each.name);
			const near = nearestNames(name, names, { most: 3 });
			return fail("EXPLAIN_NOT_THERE", `the environment has no package '${name}'`, {
				hint: near.length > 0 ? `did you mean: ${near.join(", ")}?` : "`devenv info` lists what the project asks for",
			});
		});
	}

	evaluate(request: EvaluateRequest, options: WorkOptions = {}): Promise<EvaluateResult> {
		return this.#working(() => this.#evaluate(request, options));
	}

	answer(question: Question, options: WorkOptions = {}): Promise<AnswerValue> {
		return this.#working(() => this.#answering(options)(question));
	}

	closure({ root }: Pick<EvaluatedEnvironment, "root">): readonly ClosurePackage[] {
		if (root === null) return [];
		return membersOf(this.#store.readDerivation(root.drvPath));
	}

	async realise(drvPaths: readonly DrvPath[], options: RealiseOptions = {}): Promise<void> {
		const wanted = drvPaths.map((drvPath): [DrvPath, readonly string[]] => {
			return [drvPath, [...this.#store.readDerivation(drvPath).outputs.keys()]];
		});
		await this.realiseOutputs(new Map(wanted), options);
	}

	placeEnvironment(drvPath: DrvPath, options: WorkOptions = {}): Promise<PlacedEnvironment> {
		return placeEnvironment(drvPath, (early) => this.realise([drvPath], { ...options, ...early }), options.signal);
	}

	async realiseOutputs(wanted: ReadonlyMap<DrvPath, readonly string[]>, options: RealiseOptions = {}): Promise<void> {
		await this.#working(() => this.#realiseWrittenDown(wanted, options));
	}

	buildDerivation(drvPath: DrvPath, derivation: Derivation, options: RealiseOptions = {}): Promise<void> {
		const wanted = new Map([[drvPath, [...derivation.outputs.keys()]]]);
		return this.#working(() => this.#backend.withDerivation(drvPath, derivation, () => this.#build(wanted, options)));
	}

	plan(
		wanted: ReadonlyMap<DrvPath, readonly string[]>,
		paths: readonly StorePath[] = [],
		options: WorkOptions = {},
	): Promise<RealisePlan> {
		return this.#working(async () => {
			for (const path of paths) this.#store.addTempRoot(path);
			const missing = paths.filter((path) => !this.#store.isValid(path));
			const { signal } = this.#copying(options);
			const { covered, available, offers } = await this.#caches.plan(wanted, missing, signal);
			const needed = neededFor(this.#backend, wanted, covered);
			return {
				builds: inputsFirst(needed).map((path) => parseDrvPath(path, this.#store.storeDir)),
				substitutes: substitutablePaths(offers),
				unknown: missing.filter((path) => !available.has(path)),
			};
		});
	}

	substitute(paths: readonly StorePath[], options: WorkOptions = {}): Promise<void> {
		return this.#working(async () => {
			for (const path of paths) this.#store.addTempRoot(path);
			const missing = paths.filter((path) => !this.#store.isValid(path));
			if (missing.length > 0) await this.#caches.substitutePaths(missing, this.#copying(options));
		});
	}

	substitutable(paths: readonly StorePath[], options: WorkOptions = {}): Promise<readonly SubstitutablePath[]> {
		return this.#working(async () => {
			return substitutablePaths(await this.#caches.offersOf(paths, this.#copying(options).signal));
		});
	}

	repair(path: StorePath, options: WorkOptions = {}): Promise<void> {
		return this.#working(async () => {
			const store = this.#store;
			store.addTempRoot(path);
			const context = this.#copying(options);
			if (await this.#caches.repair(path, context)) return;
			const derivers = [store.queryPathInfo(path)?.deriver, ...store.queryDerivers(path)];
			const deriver = derivers.find((each) => each !== undefined && store.isValid(each));
			if (deriver === undefined) {
				fail("STORE_UNREPAIRABLE", `cannot repair path '${path}'`, {
					hint: "no binary cache has it, and what it was built from is not known or not there",
				});
			}
			store.addTempRoot(deriver);
			await this.#realise(new Map(store.readDerivation(deriver).inputDrvs), options);
			await this.#backend.rebuild(deriver, { wishes: {}, ...context });
		});
	}

	search(request: SearchRequest, options: WorkOptions = {}): Promise<SearchOutcome> {
		return this.#working(() => this.#inputs.search(request, options));
	}

	isValid(path: StorePath): boolean {
		return this.#store.isValid(path);
	}

	physical(path: StorePath): string {
		return this.#store.physical(path);
	}

	keepEnvironment(
		link: string,
		{ outPath, index, sources }: Pick<EvaluatedEnvironment, "outPath" | "index" | "sources">,
	): void {
		this.#store.addRoot(link, outPath);
		this.#store.addRoot(`${link}-index`, index);
		for (const [number, source] of sources.entries()) this.#store.addRoot(`${link}-source-${number}`, source);
	}

	collectGarbage(options: GarbageRequest): Promise<GarbageOutcome> {
		return this.#working(async () => {
			// Else all that they ever made would be kept. Somebody else's work keeps what it has.
			const isAlone = (): boolean => this.#active === 1 && this.#queue.running.length === 0;
			if (isAlone() && !options.dryRun) await this.#evaluators.endIdle();
			return collectInThread({ ...this.#keeping, ...options, place: this.#store.place });
		});
	}

	copyTo(cache: string, paths: readonly StorePath[], options: WorkOptions = {}): Promise<CopyOutcome> {
		return this.#working(async () => this.#caches.upload(cache, paths, this.#copying(options)));
	}

	copyFrom(cache: string, paths: readonly StorePath[], options: WorkOptions = {}): Promise<CopyOutcome> {
		return this.#working(async () => {
			const before = paths.filter((path) => this.#store.isValid(path)).length;
			const report = await this.#caches.download(cache, paths, this.#copying(options));
			requireAll(cache, report);
			return { copied: paths.length - before, present: before, bytes: report.bytes };
		});
	}

	#copying({ onEvent, signal }: WorkOptions): { readonly signal: AbortSignal; readonly emit: EngineListener } {
		const signals = [this.#closing.signal, ...(signal === undefined ? [] : [signal])];
		return { signal: AbortSignal.any(signals), emit: onEvent ?? (() => undefined) };
	}

	describeEnvironment(drvPath: DrvPath): EnvironmentFile {
		return decodeEnvironment(this.#store.readDerivation(drvPath));
	}

	rootMembers(drvPath: DrvPath): readonly RootMember[] {
		return membersOf(this.#store.readDerivation(drvPath));
	}

	resume(): void {
		const left = this.#warned("reading what was queued", () => this.#journal?.takeLeft(this.#onWarning)) ?? [];
		const placed = this.#warned("reading what was placed", () => unregisteredDerivations(this.#store));
		for (const { wanted, done } of [...left, { wanted: placed ?? new Map<DrvPath, never>(), done: () => undefined }]) {
			const there = new Map([...wanted].filter(([drvPath]) => this.#store.isValid(drvPath)));
			void this.#working(() => this.#realise(there, { keepGoing: true }))
				.catch((error: unknown) => {
					if (!this.#closing.signal.aborted) this.#onWarning(`resuming what was queued: ${String(error)}`);
				})
				.finally(done);
		}
	}

	get running(): readonly RunningGoal[] {
		return this.#queue.running;
	}

	whenIdle(): Promise<void> {
		return this.#queue.whenIdle();
	}

	async close(): Promise<void> {
		this.#closing.abort(new Error("the engine was closed"));
		await this.#evaluators.close();
		await this.#sandbox;
		await this.#queue.whenIdle();
		await this.#readyStage.close();
		await this.#caches.close();
		this.#fetcher.close();
		this.#store.close();
	}

	hold(): Disposable {
		this.#active++;
		cancelIdleCollection();
		let held = true;
		return {
			[Symbol.dispose]: () => {
				if (!held) return;
				held = false;
				this.#active--;
				if (this.#active === 0) this.#rest();
			},
		};
	}

	/** The last request is over: what was kept for it is let go, and this thread's heap collected. */
	#rest(): void {
		scheduleIdleCollection();
		void this.#queue.whenIdle().then(() => {
			if (this.#active > 0 || this.#closing.signal.aborted) return;
			this.#warned("letting go of temporary roots", () => {
				this.#store.forgetTempRoots();
			});
		});
	}

	/** Does what nothing depends on; that it fails is a warning. */
	#warned<T>(what: string, work: () => T): T | undefined {
		try {
			return work();
		} catch (error) {
			this.#onWarning(`${what}: ${error instanceof Error ? error.message : String(error)}`);
			return undefined;
		}
	}

	async #working<T>(work: () => Promise<T>): Promise<T> {
		using _ = this.hold();
		try {
			return await work();
		} catch (error) {
			const system = systemFailure(error);
			throw system === undefined ? error : new DiagnosticError(system, { cause: error });
		}
	}

	async #evaluateEnvironment(request: EnvironmentRequest, options: WorkOptions): Promise<EvaluatedEnvironment> {
		const { reply, spec, located } = await this.#evaluateTask(request, options);
		return {
			spec,
			name: spec.name?.value ?? "environment",
			drvPath: parseDrvPath(reply.drvPath),
			outPath: parseStorePath(reply.outPath),
			index: parseStorePath(located.index),
			sources: located.sources,
			root:
				reply.root === null
					? null
					: { drvPath: parseDrvPath(reply.root.drvPath), outPath: parseStorePath(reply.root.outPath) },
			packages: reply.packages,
			tracked: reply.tracked,
			diagnostics: reply.warnings.map((message) => ({ ...diagnose("EVAL_WARNING", message), severity: "warning" })),
		};
	}

	/** `explain`: a package whose reasons are wanted. */
	async #evaluateTask(
		request: EnvironmentRequest,
		options: WorkOptions,
		explain?: string,
	): Promise<{ readonly reply: EnvironmentReply; readonly spec: EnvSpec; readonly located: LocatedPackageSet }> {
		const located = await traced(options.onEvent, { name: "find the package set", track: "request" }, () =>
			this.#sets.packageSet(request, options),
		);
		const set = plainSet(located);
		options.onEvent?.({ kind: "phase", phase: "evaluate", message: "evaluating the environment" });
		const archive = this.#sets.archive(request.spec, request.lock);
		const { spec, trees, sources, ...asked } = await this.#complete(request, { set, archive }, options);
		const reply = await this.#evaluator(
			{
				kind: "environment",
				set: { ...set, trees },
				...asked,
				name: spec.name?.value ?? "environment",
				overridePlaces: spec.overrides.map(({ location }) => location),
				packages: spec.packages.map(({ input, attr, version, outputs, location }) => ({
					...(input === archive ? {} : { tree: input }),
					attr,
					...(version === undefined ? {} : { version }),
					...(outputs === undefined ? {} : { outputs }),
					...(location === undefined ? {} : { location }),
				})),
				variables: spec.env,
				enterShell: spec.enterShell,
				shell: callerShell(spec.shell, request.variables),
				locales: callerLocales(request.variables),
				...(explain === undefined ? {} : { explain }),
			},
			options,
		);
		return { reply, spec, located: { ...located, sources: [...new Set([...located.sources, ...sources])] } };
	}

	/** The whole of what a project says, env.nix included; `trees` are all that it asks packages of, `sources` where they lie. */
	async #complete(
		request: EnvironmentRequest,
		{ set, archive }: { readonly set: PackageSetRequest; readonly archive: string },
		options: WorkOptions,
	): Promise<{
		readonly spec: EnvSpec;
		readonly module?: ModuleRequest;
		readonly trees: readonly TreeSetRequest[];
		readonly sources: readonly StorePath[];
	}> {
		const { module: source } = request;
		if (source === undefined) return { spec: request.spec, trees: set.trees, sources: [] };
		const module = moduleRequest(source, request.spec);
		const spec = await this.#withModule(source, { kind: "module", set, module }, options);
		// The module was given the packages of that archive.
		this.#sets.archive(spec, request.lock, archive);
		const { sets, sources } = await this.#sets.trees({ ...request, spec }, options);
		return { spec, module, trees: sets, sources };
	}

	async #withModule(source: ModuleSource, task: ModuleTask, options: WorkOptions): Promise<EnvSpec> {
		const { value, tracked } = await this.#evaluator(task, options);
		try {
			return source.complete({ file: "env.nix", value });
		} catch (error) {
			// What the module read decides whether it is still wrong.
			if (error instanceof DiagnosticError) throw new EvaluationRefused(error.diagnostics, tracked);
			throw error;
		}
	}

	#evaluator<Task extends EvaluationTask>(task: Task, options: WorkOptions): Promise<ReplyTo<Task>> {
		return traced(options.onEvent, { name: `evaluate the ${task.kind}`, track: "evaluator" }, () =>
			this.#evaluators.run(task, this.#answering(options), options.signal),
		);
	}

	async #evaluate(request: EvaluateRequest, options: WorkOptions): Promise<EvaluateResult> {
		const { environment, expression, ...rest } = request;
		const set = environment === null ? null : plainSet(await this.#sets.packageSet(environment, options));
		const { text, traces } = await this.#evaluator({ kind: "expression", set, text: expression, ...rest }, options);
		return { text, traces };
	}

	/** A request of which there is something to build is in the journal until it ends. */
	async #realiseWrittenDown(wanted: ReadonlyMap<DrvPath, readonly string[]>, options: RealiseOptions): Promise<void> {
		const { onEvent } = options;
		let done: (() => void) | undefined;
		const listen: EngineListener = (event) => {
			if (event.kind === "planned")
				done ??= this.#warned("writing down what is queued", () => this.#journal?.begin(wanted));
			onEvent?.(event);
		};
		try {
			await this.#realise(wanted, { ...options, onEvent: listen });
		} finally {
			done?.();
		}
	}

	async #realise(wanted: Wanted, options: RealiseOptions): Promise<void> {
		const { onEvent, offline } = options;
		if (offline === true) {
			requireNoDownloads(this.#backend, wanted);
			return this.#build(wanted, options);
		}
		const { signal } = this.#copying(options);
		const asking = { name: "ask the binary caches", track: "request" } as const;
		const there = await traced(onEvent, asking, () => this.#caches.substitutable(wanted, signal));
		await this.#build(wanted, options, there);
	}

	async #build(wanted: Wanted, options: RealiseOptions, substitutable?: ReadonlySet<string>): Promise<void> {
		const { onEvent, keepGoing = false, wishes = {} } = options;
		const { signal } = this.#copying(options);
		const { failures } = await traced(onEvent, { name: "build", track: "request" }, () =>
			this.#queue.request(wanted, {
				...(onEvent && { onEvent }),
				signal,
				keepGoing,
				wishes,
				...(substitutable && { substitutable }),
			}),
		);
		if (failures.length > 0) throw failuresAsError(failures);
	}

	/** What an evaluator may ask of us while it works for this request. */
	#answering({ offline = false, signal, onEvent }: WorkOptions): Answering {
		const realise = (drvPath: string, outputs: readonly string[]): Promise<void> =>
			this.#realise(new Map([[drvPath, outputs]]), {
				offline,
				...(signal && { signal }),
				...(onEvent && { onEvent }),
			});
		const world = { fetcher: this.#fetcher, repositories: this.#repositories, realise, offline, signal };
		return (question) => answerQuestion(question, world);
	}
}
