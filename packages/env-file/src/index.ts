/**
 * env.yaml and env.lock: text in, checked data or diagnostics out, and back. Layer 1 (pure): no I/O; callers read and
 * write the files.
 */

export {
	DEFAULT_INPUT,
	DEFAULT_INPUT_URL,
	overlayInput,
	type CleanSpec,
	type EnvSpec,
	type EnvVariable,
	type InputSpec,
	type Located,
	type PackageOverride,
	type PackageRequest,
	type PromptChoice,
	type ScriptSpec,
	type ShellChoice,
} from "./env-spec.ts";
export {
	environmentOptionEntries,
	environmentSchema,
	formatEnvironmentReference,
	formatEnvironmentSchema,
} from "./environment-schema.ts";
export type {
	DependencyCondition,
	PortSpec,
	ProcessDependency,
	ProcessSpec,
	ReadyProbe,
	RestartRule,
	StopRule,
} from "./process-spec.ts";
export type { ServiceVariable } from "./service-spec.ts";
export { addPackages, packageKey, type PackagesEdit, removePackages, requirePackageNames } from "./edit-packages.ts";
export type { EnvFileText } from "./file-text.ts";
export {
	type FileEntry,
	type FilePath,
	type FilePlace,
	outlineOfFile,
	placeInFile,
	schemasAt,
	valuesInFile,
	type WrittenPlace,
	writtenPlaces,
} from "./file-places.ts";
export type { Field, JsonSchema, OptionEntry, OptionType } from "./option-type.ts";
export type { ImportedFile, ImportFault, ImportReader } from "./read-declarations.ts";
export { expectEnvSpec, parseEnvFile, type ParseEnvOptions, type ParsedEnvFile } from "./parse-env-file.ts";
export { meetsCondition } from "./version-condition.ts";
export {
	LOCK_VERSION,
	type LockFile,
	type LockLocations,
	type LockedDebianInput,
	type LockedIndexObject,
	type LockedInput,
	type LockedPackageIndex,
	type LockedSuite,
	type LockedTreeInput,
	lockedRevision,
} from "./lock-file.ts";
export { type LockChoice, type LockSides, mergeLocks, type MergedLock, splitLockConflict } from "./merge-locks.ts";
export { formatLock } from "./format-lock.ts";
export { parseLock, type ParsedLock } from "./parse-lock.ts";
export { isVersion, versionedNames } from "./package-version.ts";
export { type EnvModule, modulePackage, type ModuleValue, writtenPackage } from "./module-value.ts";
export { type ValuePart, valueParts } from "./variable-references.ts";
