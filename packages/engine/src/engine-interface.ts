/** What an engine can do. Layer 3: types only. */

import type { Diagnostic } from "@devenv/diagnostics";
import type { EnvModule, EnvSpec, LockFile } from "@devenv/env-file";
import type { Derivation, DrvPath, StorePath } from "@devenv/nix-formats";
import type { GarbageOptions, GarbageReport, StorePlace } from "@devenv/store";
import type { EnvironmentFile } from "./builtin-builders/environment.ts";
import type { EngineListener } from "./engine-event.ts";
import type { AnswerValue, Question } from "./evaluation/messages.ts";
import type { RunningGoal } from "./queue/build-queue.ts";
import type { BuildWishes } from "./realise/build-policy.ts";
import type { PlacedEnvironment } from "./realise/early-use.ts";
import type { Settings } from "./settings.ts";

export interface EngineOptions {
	/** Root of the chroot-store layout. */
	readonly storeRoot: string;
	/** Where the store's folders lie elsewhere than in that layout. */
	readonly place?: StorePlace;
	/** Folder for logs and records; made when missing. */
	readonly state: string;
	/** Folder for what can be fetched again; made when missing. */
	readonly cache: string;
	readonly settings: Settings;
	/** Where the compiled native helper is, if there is one; bwrap is looked for beside it too. */
	readonly helper: string;
	/** Nix's name of this machine: `x86_64-linux`, `aarch64-linux`; by default of the machine it runs on. */
	readonly system?: string;
	/** Whether what is queued is written down in the state folder, for {@link Engine.resume}; default false. */
	readonly journal?: boolean;
	/** Whether an evaluator is started at once, for who is about to ask for one; default false. */
	readonly warm?: boolean;
	/** Told of what has no request to be told to. */
	readonly onWarning?: (message: string) => void;
}

/** Options of everything that can take long. */
export interface WorkOptions {
	readonly onEvent?: EngineListener;
	/** Aborting rejects with the signal's reason, and ends work that nobody else waits for. */
	readonly signal?: AbortSignal;
	/** Fail with `FETCH_OFFLINE` where something would have to be fetched; default false. */
	readonly offline?: boolean;
}

export interface LockOptions extends WorkOptions {
	/** What to pin instead of the newest state: a date, or a revision; for all inputs that are locked. */
	readonly to?: string;
	/** Inputs to lock anew although they are locked; `all` or names of the spec. */
	readonly update?: "all" | readonly string[];
	/** Folder of env.yaml, to which inputs on this machine are relative. */
	readonly project: string;
}

export interface InputChange {
	readonly input: string;
	/** For people: a date or revision; null where the input was not locked before, or is not any more. */
	readonly from: string | null;
	readonly to: string | null;
}

export interface LockOutcome {
	readonly lock: LockFile;
	/** Empty when the lock given is good as it is. */
	readonly changes: readonly InputChange[];
}

export interface EnvironmentRequest {
	/** Folder of env.yaml; relative paths of the spec are relative to it. */
	readonly project: string;
	readonly spec: EnvSpec;
	/** Must lock every input of the spec (see {@link Engine.lockInputs}). */
	readonly lock: LockFile;
	/** The caller's environment variables; only those of CALLER_VARIABLES are read. */
	readonly variables: Readonly<Record<string, string>>;
	/** The project's env.nix, when there is one; `spec` is without it. */
	readonly module?: ModuleSource;
}

/** An env.nix that is to be evaluated. */
export interface ModuleSource {
	/** Absolute. */
	readonly file: string;
	readonly profile?: string | undefined;
	/** The whole environment, from what the module says; throws what is wrong with it as a DiagnosticError. */
	readonly complete: (module: EnvModule) => EnvSpec;
}

/** How evaluation read a path outside the store. */
export interface TrackedRead {
	/** Absolute. */
	readonly path: string;
	readonly kind: "file" | "directory" | "absent" | "link";
}

export interface EvaluatedEnvironment {
	/** With what env.nix says. */
	readonly spec: EnvSpec;
	readonly name: string;
	readonly drvPath: DrvPath;
	readonly outPath: StorePath;
	/** The package set's index object, from which it was evaluated. */
	readonly index: StorePath;
	/** Other inputs that it was evaluated from. */
	readonly sources: readonly StorePath[];
	/** The FHS root; null for an environment without packages of such a set. */
	readonly root: { readonly drvPath: DrvPath; readonly outPath: StorePath } | null;
	readonly packages: readonly { readonly attr: string; readonly name: string; readonly version: string }[];
	/** Everything outside the store that the result depends on, but for env.yaml and env.lock themselves. */
	readonly tracked: readonly TrackedRead[];
	readonly diagnostics: readonly Diagnostic[];
}

export interface ClosurePackage {
	/** The package's own name. */
	readonly name: string;
	readonly version: string;
}

export interface EvaluateRequest {
	/** Package set in scope; null for none. */
	readonly environment: EnvironmentRequest | null;
	readonly expression: string;
	/** Shown in messages. */
	readonly name: string;
	readonly baseDir: string;
	/** Dotted; empty for the value itself. */
	readonly attrPath: string;
	readonly format: "nix" | "json" | "raw";
	readonly strict: boolean;
	/** The caller's variables, for `builtins.getEnv`. */
	readonly variables: Readonly<Record<string, string>>;
}

export interface EvaluateResult {
	readonly text: string;
	readonly traces: readonly string[];
}

export interface SearchRequest {
	/** Whose inputs to search. */
	readonly lock: LockFile;
	/** Words, all of which must occur in a name or description. */
	readonly query: string;
	readonly limit: number;
}

export interface SearchHit {
	readonly attr: string;
	readonly version: string;
	readonly description: string;
	readonly input: string;
}

export interface SearchOutcome {
	readonly hits: readonly SearchHit[];
	readonly total: number;
}

export interface RealiseOptions extends WorkOptions {
	/** Go on with what does not depend on a failure; default false. */
	readonly keepGoing?: boolean;
	/** What is wanted of the builds otherwise than the user's settings say. */
	readonly wishes?: BuildWishes;
}

/** What a binary cache has. */
export interface SubstitutablePath {
	readonly path: StorePath;
	readonly deriver: DrvPath | undefined;
	readonly references: readonly StorePath[];
	/** In bytes, compressed; undefined where the cache does not say it. */
	readonly downloadSize: number | undefined;
	readonly narSize: number;
}

/** What a request would do. */
export interface RealisePlan {
	/** Derivations, inputs before what needs them. */
	readonly builds: readonly DrvPath[];
	/** What is taken from binary caches, by path. */
	readonly substitutes: readonly SubstitutablePath[];
	/** Those of the other paths that cannot be made valid. */
	readonly unknown: readonly StorePath[];
}

export interface GarbageRequest extends Pick<GarbageOptions, "keepDerivations" | "keepOutputs"> {
	/** Bytes after which it stops; absent: everything. */
	readonly maxFreed?: number;
	readonly dryRun: boolean;
	/** Links of roots that do not count any more: in a dry run they are still there. */
	readonly dropped: readonly string[];
	/** Links whose sizes are wanted, in groups. */
	readonly groups: readonly (readonly string[])[];
}

export interface GarbageOutcome extends GarbageReport {
	/** For each group, before anything was deleted: bytes (as NARs) of what its links keep, and of what no other group keeps. */
	readonly sizes: readonly { readonly size: number; readonly own: number }[];
}

/** What was copied to or from a binary cache. */
export interface CopyOutcome {
	/** Store objects that were copied, and those that were there already. */
	readonly copied: number;
	readonly present: number;
	/** Of the copied ones, compressed. */
	readonly bytes: number;
}

/** A package that is in a root: by name, or since another one needs it. */
export interface RootMember {
	/** Debian's name and version. */
	readonly name: string;
	readonly version: string;
}

/** One step of a way through a closure: to this package. */
export interface PackageStep {
	readonly name: string;
	readonly version: string;
	readonly kind: "pre-depends" | "depends" | "recommends";
	/** As the package before says it: `libc6 (>= 2.38)`; null for what it recommends. */
	readonly relation: string | null;
}

/** A way to a package, from something that is there for its own sake. */
export interface PackageChain {
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
	readonly steps: readonly PackageStep[];
}

export interface PackageReasons {
	/** The package's own name. */
	readonly name: string;
	readonly version: string;
	/** The shortest ways first, those from what the project asks for before others. */
	readonly chains: readonly PackageChain[];
	/** How many more there are. */
	readonly more: number;
}

/** Failures that are the user's to mend are DiagnosticErrors. */
export interface Engine {
	/** A lock for the spec: entries of `existing` are kept unless asked otherwise, missing ones are made (network). */
	lockInputs(spec: EnvSpec, existing: LockFile | undefined, options: LockOptions): Promise<LockOutcome>;
	/** For people: the date or revision of a locked input; null where it is not locked. */
	describeInput(lock: LockFile, name: string): string | null;
	/** Instantiates the environment of a spec; brings its inputs into the store first. Nothing is built but imports. */
	evaluateEnvironment(request: EnvironmentRequest, options?: WorkOptions): Promise<EvaluatedEnvironment>;
	/** Why a package (its own name or an attribute) is in an environment's root; fails with `EXPLAIN_NOT_THERE`. */
	explainPackage(request: EnvironmentRequest, name: string, options?: WorkOptions): Promise<PackageReasons>;
	/** Evaluates an expression and prints its value. */
	evaluate(request: EvaluateRequest, options?: WorkOptions): Promise<EvaluateResult>;
	/** Does what an evaluator outside of the engine asks for (see NodeEvalIO); rejects with `BUILD_…`, `FETCH_…` and `INPUT_…`. */
	answer(question: Question, options?: WorkOptions): Promise<AnswerValue>;
	/** All packages of a root, dependencies included, by name. */
	closure(environment: Pick<EvaluatedEnvironment, "root">): readonly ClosurePackage[];
	/** Makes all outputs of the derivations valid. Rejects with `BUILD_FAILED` naming what failed. */
	realise(drvPaths: readonly DrvPath[], options?: RealiseOptions): Promise<void>;
	/** Makes an environment, and gives it as soon as it can be used: its root may still be hashed and registered then. */
	placeEnvironment(drvPath: DrvPath, options?: WorkOptions): Promise<PlacedEnvironment>;
	/** The same as {@link realise} for some outputs of derivations, by name. */
	realiseOutputs(wanted: ReadonlyMap<DrvPath, readonly string[]>, options?: RealiseOptions): Promise<void>;
	/**
	 * Makes all outputs of a derivation valid that need not lie in the store, and whose inputs are store paths. That its output paths
	 * follow from it cannot be known: who sends it is trusted. Rejects also with `STORE_PATH_NOT_VALID` and `WIRE_DERIVATION`.
	 */
	buildDerivation(drvPath: DrvPath, derivation: Derivation, options?: RealiseOptions): Promise<void>;
	/** What would be done to make these outputs, and these other paths, valid; nothing is. */
	plan(
		wanted: ReadonlyMap<DrvPath, readonly string[]>,
		paths?: readonly StorePath[],
		options?: WorkOptions,
	): Promise<RealisePlan>;
	/** Makes those of the paths valid that the user's binary caches have with all that they refer to. */
	substitute(paths: readonly StorePath[], options?: WorkOptions): Promise<void>;
	/** What the user's binary caches say of paths; what they do not have is left out. */
	substitutable(paths: readonly StorePath[], options?: WorkOptions): Promise<readonly SubstitutablePath[]>;
	/**
	 * Makes the contents of a path anew, valid or not: from the user's caches, else by building its deriver again. Rejects with
	 * `STORE_UNREPAIRABLE` where neither can be done, and with what goes wrong.
	 */
	repair(path: StorePath, options?: WorkOptions): Promise<void>;
	search(request: SearchRequest, options?: WorkOptions): Promise<SearchOutcome>;
	/** Whether a path is in the store, and where it lies. */
	isValid(path: StorePath): boolean;
	physical(path: StorePath): string;
	/**
	 * Keeps a realised environment, and the inputs that it was evaluated from, from garbage collection, in the place of what
	 * was kept under this name before. `link`: a path outside the store; roots are made at it and beside it.
	 */
	keepEnvironment(link: string, environment: Pick<EvaluatedEnvironment, "outPath" | "index" | "sources">): void;
	/**
	 * Until it is disposed, garbage collection keeps what requests work with or have made; without it, until the last of them is
	 * over. For whoever makes a request of several of these.
	 */
	hold(): Disposable;
	/** Deletes what nothing keeps: no root, no running process or build. Other requests are answered meanwhile. */
	collectGarbage(options: GarbageRequest): Promise<GarbageOutcome>;
	/**
	 * Copies paths, with all that they refer to, to a binary cache (an address as Nix writes them), or from it. Rejects with
	 * `CACHE_…`, `KEY_…` and `STORE_PATH_NOT_VALID`.
	 */
	copyTo(cache: string, paths: readonly StorePath[], options?: WorkOptions): Promise<CopyOutcome>;
	copyFrom(cache: string, paths: readonly StorePath[], options?: WorkOptions): Promise<CopyOutcome>;
	/** What an environment's derivation says of it, built or not; `BUILTIN_ATTRIBUTE` for another derivation. */
	describeEnvironment(drvPath: DrvPath): EnvironmentFile;
	/** The packages of a root, from its derivation: all of them, sorted by name. */
	rootMembers(drvPath: DrvPath): readonly RootMember[];
	/** Goes on with what a process queued or placed that was killed, as far as its derivations are still there; faults are warnings. */
	resume(): void;
	/** The builds at work, oldest first. */
	readonly running: readonly RunningGoal[];
	/** Resolves when no build is left. */
	whenIdle(): Promise<void>;
	/** Cancels everything and closes the store. */
	close(): Promise<void>;
}
