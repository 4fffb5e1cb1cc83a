/**
 * Shells: the FHS view of an environment, the composed /etc, activation of bash, zsh and fish, the activation stamp, and
 * how a shell is entered. Layer 2. The native helper (native/view.c, native/launch.c) does at entry what has to be fast.
 */

export { activate } from "./activate.ts";
export type {
	ActivationOutcome,
	ActivationPaths,
	ActivationRequest,
	Caller,
	EnvironmentDescription,
	TrackedKind,
	TrackedPath,
	Variables,
} from "./activation-request.ts";
export { activationFor, type ActivationScript, type ScriptRequest } from "./activation-script.ts";
export { type ChangeScript, changeScript } from "./change-script.ts";
export { composeEtc, type EtcRequest } from "./compose-etc.ts";
export { pruneViews } from "./prune-views.ts";
export { detectViews, type ViewSupport } from "./detect-views.ts";
export { type EnterOptions, enterStamp, swapRoot } from "./enter-stamp.ts";
export { parseDotenv, type DotenvFile } from "./dotenv.ts";
export { readDotenvFile } from "./dotenv-file.ts";
export { applyChanges, type EnvironmentChange, environmentDifference } from "./environment-difference.ts";
export { type HookMode, hookText } from "./hook-text.ts";
export { quoteForFish, quoteForSh } from "./live-functions.ts";
export {
	formatRegistration,
	lastGeneration,
	listLiveShells,
	liveFolder,
	type LiveShellProcess,
	makeLiveFolder,
	parseRegistration,
	pushChange,
	type ShellRegistration,
} from "./live-shell.ts";
export {
	compareEnvironments,
	differences,
	type EnvironmentComparison,
	type TextDifference,
} from "./environment-comparison.ts";
export { type SummarizedEnvironment, summarizeAliases, summarizeChange } from "./environment-summary.ts";
export { type EnvironmentReport, type OutsideEnvironment, outsideEnvironment, placeOutside } from "./outside.ts";
export { readEnvironment } from "./read-environment.ts";
export { shimFolder, shimPrograms, writeShims } from "./shims.ts";
export { type ShellName, shellNames } from "./shell-name.ts";
export { contentDigest, contentOf, type FolderDecision, Trust } from "./trust.ts";
export { firstChanged, observePath, type PathCondition } from "./stamp-conditions.ts";
export {
	formatStamp,
	parseStamp,
	projectHash,
	projectRuntime,
	supervisorRuntime,
	type PathSignature,
	readStamp,
	type Stamp,
	type StampCondition,
	stampPath,
	type ViewSpec,
} from "./stamp-file.ts";
export { type ProjectScript, scriptFolder } from "./script-folder.ts";
export { toolVariables } from "./tool-prefixes.ts";
export { quoteForNu } from "./nu-functions.ts";
