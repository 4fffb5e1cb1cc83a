/** The engine: inputs, evaluation, the build queue, builders and fetchers around one store. Layer 3. */

export { CALLER_VARIABLES } from "./caller-needs.ts";
export { packageSetFolder } from "@devenv/package-set";
export { type CacheServer, type CacheServerOptions, startCacheServer } from "./caches/cache-server.ts";
export { readSecretKey } from "./caches/read-secret-key.ts";
export { createEngine } from "./engine.ts";
export { BuildCancelled } from "./queue/build-failure.ts";
export { processStart } from "./process-start.ts";
export type {
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
	InputChange,
	LockOptions,
	LockOutcome,
	ModuleSource,
	PackageChain,
	PackageReasons,
	PackageStep,
	RealiseOptions,
	RealisePlan,
	RootMember,
	SearchHit,
	SearchOutcome,
	SearchRequest,
	SubstitutablePath,
	TrackedRead,
	WorkOptions,
} from "./engine-interface.ts";
export {
	type BuildResult,
	buildResultOf,
	buildStatus,
	type Realisation,
	realisationsOf,
} from "./realise/build-result.ts";
export type { PlacedEnvironment } from "./realise/early-use.ts";
export type { BuildWishes } from "./realise/build-policy.ts";
export { keepingOfSettings, wishesOfSettings } from "./realise/wishes-of-settings.ts";
export type { EnvironmentFile } from "./builtin-builders/environment.ts";
export { type MirrorProbe, probeMirrors } from "./fetch/probe-mirrors.ts";
export { reply } from "./evaluation/evaluator-thread.ts";
export { EvaluationRefused } from "./evaluation/evaluation-refused.ts";
export { FileRefused, NodeEvalIO, ReadLog, readRegularFile, type EvalIOOptions } from "./eval-io/index.ts";
export { NarThread } from "./caches/nar-thread.ts";
export { traced } from "./engine-event.ts";
export type { EngineEvent, EngineListener, EnginePhase, StepIdentity } from "./engine-event.ts";
export { defaultSettings, parseSettings, readSettings, type Settings } from "./settings.ts";
