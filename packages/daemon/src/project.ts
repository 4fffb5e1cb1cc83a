/** A project's own files: env.yaml, env.local.yaml and env.lock, read afresh for every request. Layer 4. */

import { randomBytes } from "node:crypto";
import { lstatSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Diagnostic, diagnose, DiagnosticError, fail, type Location } from "@devenv/diagnostics";
import {
	type EnvFileText,
	type EnvSpec,
	expectEnvSpec,
	formatLock,
	type LockFile,
	parseEnvFile,
	type ParsedEnvFile,
	parseLock,
	type ParseEnvOptions,
} from "@devenv/env-file";
import {
	type EnvironmentRequest,
	type EvaluatedEnvironment,
	FileRefused,
	type ModuleSource,
	readRegularFile,
	type TrackedRead,
} from "@devenv/engine";
import type { RequestContext } from "./handler.ts";
import { dotenvFiles } from "./dotenv-files.ts";
import { importReader } from "./import-reader.ts";
import { findInheritedLock } from "./inherited-lock.ts";
import { exists, isInside, placeOf, resolvedPath } from "./repository-folders.ts";

export interface Project {
	/** Absolute folder of env.yaml. */
	readonly folder: string;
	/** Without what env.nix says, where there is one. */
	readonly spec: EnvSpec;
	/** env.nix; absent: there is none. */
	readonly module?: ModuleSource;
	/** Undefined when there is no env.lock, and none to take over. */
	readonly lock: LockFile | undefined;
	/** The folder above whose env.lock is taken over; absent where the project has its own, or none. */
	readonly lockFolder?: string;
	/** Where each input stands in env.lock. */
	readonly lockLocations: ReadonlyMap<string, Location>;
	/** The files read here, absences included. */
	readonly tracked: readonly TrackedRead[];
	/** Warnings. */
	readonly diagnostics: readonly Diagnostic[];
}

const ENV_FILE = "env.yaml";
const LOCAL_FILE = "env.local.yaml";
const LOCK_FILE = "env.lock";
const MODULE_FILE = "env.nix";

/** The files that make a project, as they are looked for. */
export function projectFiles(folder: string): TrackedRead[] {
	return [ENV_FILE, LOCAL_FILE, LOCK_FILE, MODULE_FILE].map((name) => ({ path: join(folder, name), kind: "file" }));
}

/** Tells the client that inputs are locked, before the first of them is. */
export function sayLocking({ spec }: Pick<Project, "spec">, request: RequestContext): void {
	const urls = spec.inputs.map(({ url }) => url.value);
	request.progress({ kind: "phase", phase: "lock", message: `locking ${urls.join(", ")}` });
}

/** More than the parsers take, so that they speak of what is a little too large; in bytes. */
const MAX_BYTES = 1024 * 1024;

/** How a project is read. */
export interface ReadOptions {
	/** Stands for env.yaml. */
	readonly edited?: EnvFileText;
	/** The profile that is chosen; absent: none. */
	readonly profile?: string | undefined;
	/** Told of each file beyond {@link projectFiles} that was looked for, also before a failure. */
	readonly onRead?: ((reads: readonly TrackedRead[]) => void) | undefined;
}

/** Reads and checks a project. Throws DiagnosticErrors `ENV_…` and `LOCK_…`. */
export function readProject(folder: string, programVersion: string, options: ReadOptions = {}): Project {
	const { edited, profile } = options;
	const text = edited ?? readProjectFile(folder, ENV_FILE);
	if (text === undefined) {
		fail("ENV_MISSING", `there is no env.yaml in ${folder}`, { hint: "`devenv init` writes one" });
	}
	const imported: TrackedRead[] = [];
	const beside = readBeside(folder, (read) => {
		imported.push(read);
		options.onRead?.([read]);
	});
	const parsing = { programVersion, ...beside, ...(profile === undefined ? {} : { profile }) };
	const moduleFile = join(folder, MODULE_FILE);
	if (beside.incomplete) requireOwnModule(folder, moduleFile);
	const parsed = parseEnvFile(text, parsing);
	const spec = expectEnvSpec(parsed);
	const dotenv = dotenvFiles(folder, spec.dotenv);
	options.onRead?.(dotenv.tracked);
	const lockText = readProjectFile(folder, LOCK_FILE);
	const parsedLock = lockText === undefined ? undefined : parseLock(lockText);
	const inherited = parsedLock === undefined ? findInheritedLock(folder, spec, readProjectFile) : undefined;
	const { lock, locations } = parsedLock ?? inherited ?? { lock: undefined, locations: new Map<string, Location>() };
	return {
		folder,
		spec,
		...(beside.incomplete
			? {
					module: {
						file: moduleFile,
						profile,
						complete: (module) => completeSpec(folder, parseEnvFile(text, { ...parsing, incomplete: false, module })),
					},
				}
			: {}),
		lock,
		lockLocations: locations,
		...(inherited === undefined ? {} : { lockFolder: inherited.folder }),
		tracked: [
			{ path: join(folder, ENV_FILE), kind: "file" },
			{ path: join(folder, LOCAL_FILE), kind: beside.local === undefined ? "absent" : "file" },
			// A lock that is absent and not inherited is written, so it exists by the time that anyone looks.
			{ path: join(folder, LOCK_FILE), kind: inherited === undefined ? "file" : "absent" },
			{ path: moduleFile, kind: beside.incomplete ? "file" : "absent" },
			...imported,
			...dotenv.tracked,
			...(inherited?.tracked ?? []),
		],
		diagnostics: [...parsed.diagnostics, ...dotenv.diagnostics],
	};
}

/** A link may have come with the project and lead anywhere; what the evaluator says of a file may show lines of it. */
function requireOwnModule(folder: string, file: string): void {
	if (lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return;
	const { top } = placeOf(folder);
	const target = resolvedPath(file);
	if (target !== undefined && isInside(target, top)) return;
	fail("ENV_MODULE", `${file} is a link that leads out of ${top}, or nowhere`, {
		hint: "put a file in its place, or link one of the same repository",
	});
}

/** With env.nix; what that names besides is looked at as {@link readProject} does. */
function completeSpec(folder: string, parsed: ParsedEnvFile): EnvSpec {
	const spec = expectEnvSpec(parsed);
	dotenvFiles(folder, spec.dotenv);
	return spec;
}

/** Everything that an environment of the project depends on, files of variables that env.nix names among it. */
export function trackedBy(
	project: Pick<Project, "folder" | "tracked" | "module">,
	{ tracked, spec }: Pick<EvaluatedEnvironment, "tracked" | "spec">,
): TrackedRead[] {
	const named = project.module === undefined ? [] : dotenvFiles(project.folder, spec.dotenv).tracked;
	return [...project.tracked, ...tracked, ...named];
}

/** What is asked of the engine for a project. */
export function environmentRequest(
	{ folder, spec, module }: Project,
	{ lock, variables }: Pick<EnvironmentRequest, "lock" | "variables">,
): EnvironmentRequest {
	return { project: folder, spec, lock, variables, ...(module === undefined ? {} : { module }) };
}

/** Replaces env.lock, at once or not at all. Throws `LOCK_UNWRITABLE`. */
export function writeLock(folder: string, lock: LockFile): void {
	const file = join(folder, LOCK_FILE);
	/* Whoever else may write to the folder must not know where to put a link for us to write through. */
	const part = `${file}.${randomBytes(9).toString("hex")}.part`;
	try {
		writeFileSync(part, formatLock(lock), { flush: true, flag: "wx" });
		renameSync(part, file);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "EEXIST") rmSync(part, { force: true });
		throw new DiagnosticError(
			diagnose("LOCK_UNWRITABLE", `cannot write ${file}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`, {
				hint: "make the project's folder writable",
			}),
		);
	}
}

/** Refuses a lock that does not lock every input of the spec as it is written now. */
export function requireLock(project: Project): LockFile {
	const { lock } = project;
	if (lock === undefined) {
		fail("LOCK_MISSING", `there is no env.lock in ${project.folder}`, {
			hint: "`devenv lock` writes it; commit it together with env.yaml",
		});
	}
	const faults = lockFaults(project);
	if (faults.length > 0) throw new DiagnosticError(faults);
	return lock;
}

/**
 * In what env.yaml and env.lock differ; `extra`: also entries that nothing asks for, which do no harm. Empty where each
 * input of env.yaml is locked.
 */
export function lockFaults(project: Project, { extra = false }: { readonly extra?: boolean } = {}): Diagnostic[] {
	const { lock, spec } = project;
	if (lock === undefined) {
		return [diagnose("LOCK_MISSING", `there is no env.lock in ${project.folder}`, { hint: "`devenv lock` writes it" })];
	}
	const faults: Diagnostic[] = [];
	for (const { name, url } of spec.inputs) {
		const locked = lock.inputs.find((input) => input.name === name);
		const location = url.location ?? project.lockLocations.get(name);
		const place = location === undefined ? {} : { location };
		const hint = `\`devenv update ${name}\` locks it`;
		if (locked === undefined) {
			faults.push(diagnose("LOCK_INPUT_MISSING", `input '${name}' is not in env.lock`, { ...place, hint }));
		} else if (locked.url !== url.value) {
			const message = `input '${name}' is ${url.value}, but env.lock has it as ${locked.url}`;
			faults.push(diagnose("LOCK_INPUT_STALE", message, { ...place, hint }));
		}
	}
	const unwanted = extra ? lock.inputs.filter(({ name }) => spec.inputs.every((input) => input.name !== name)) : [];
	for (const { name } of unwanted) {
		const location = project.lockLocations.get(name);
		faults.push(
			diagnose("LOCK_INPUT_EXTRA", `env.lock has an input '${name}', which env.yaml does not declare`, {
				...(location === undefined ? {} : { location }),
				hint: "`devenv lock` takes it out",
			}),
		);
	}
	return faults;
}

/** The lock that {@link writeLock} wrote into a folder of our own, if it is not older than `age` milliseconds. */
export function readCachedLock(folder: string, age: number): LockFile | undefined {
	const text = readProjectFile(folder, LOCK_FILE);
	if (text === undefined || Date.now() - statSync(join(folder, LOCK_FILE)).mtimeMs > age) return undefined;
	return parseLock(text).lock;
}

/** What env.yaml is read together with: env.local.yaml, where there is one, and imports, of which `onRead` is told. */
export function readBeside(
	folder: string,
	onRead: (read: TrackedRead) => void = () => undefined,
): Pick<ParseEnvOptions, "local" | "readImport"> & { readonly incomplete: boolean } {
	const local = readProjectFile(folder, LOCAL_FILE);
	const readImport = importReader(folder, readProjectFile, onRead);
	return { readImport, incomplete: exists(join(folder, MODULE_FILE)), ...(local === undefined ? {} : { local }) };
}

/** A file of a project, or undefined where there is none. Throws `ENV_TOO_LARGE` and `ENV_UNREADABLE`. */
export function readProjectFile(folder: string, name: string): EnvFileText | undefined {
	const file = join(folder, name);
	try {
		return { file: name, content: readRegularFile(file, MAX_BYTES) };
	} catch (error) {
		if (error instanceof FileRefused) {
			if (error.reason === "too-large") fail("ENV_TOO_LARGE", `${file} is larger than ${MAX_BYTES / 1024} KiB`);
			fail("ENV_UNREADABLE", `${file} is not a file`);
		}
		const { code } = error as NodeJS.ErrnoException;
		if (code === "ENOENT") return undefined;
		return fail("ENV_UNREADABLE", `cannot read ${file}: ${String(code)}`);
	}
}
