/**
 * One derivation from inputs to registered outputs. Layer 3.
 *
 * The outputs are locked first, and their validity is asked again under the lock: another process may have made them.
 * What is built lies in a scratch folder until the store has checked, hashed and moved it.
 */

import { execFile } from "node:child_process";
import { lstatSync, mkdirSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { runBuild, type Sandbox, type SandboxBind } from "@devenv/builder";
import { DiagnosticError, diagnose } from "@devenv/diagnostics";
import {
	type Derivation,
	type DrvPath,
	fixedOutput,
	parseFixedOutput,
	signObject,
	type SignedObject,
	type StorePath,
	textFromBytes,
} from "@devenv/nix-formats";
import {
	buildLogPath,
	type BuiltOutput,
	type PathInfo,
	type PathLock,
	prepareHashing,
	type Scratch,
	type Store,
} from "@devenv/store";
import type { BuiltinBuilder, BuiltinProgress } from "../builtin-builders/builtin-builder.ts";
import type { FirstStage } from "../builtin-builders/root/first-stage.ts";
import type { ReadyStage } from "../builtin-builders/root/ready-stage.ts";
import type { StepIdentity } from "../engine-event.ts";
import type { Fetcher } from "../fetch/fetcher.ts";
import type { RealiseContext } from "../queue/build-queue.ts";
import { checkOutputs } from "./output-checks.ts";
import { BuildLog } from "./build-log.ts";
import { buildFailed, describeOutcome, notDeterministic } from "./build-error.ts";
import { type BuildPolicy, coresOf, type EarlyUse, policyOf, signersOf } from "./build-policy.ts";
import { findDiffering } from "./find-differing.ts";
import { keepFolder } from "./keep-folder.ts";
import { runPostBuildHook } from "./post-build-hook.ts";
import { buildFolder, builtOutputPath, sandboxBuild } from "./sandbox-build.ts";

export interface RealiserOptions {
	readonly store: Store;
	readonly fetcher: Fetcher;
	/** Asked for once, when first needed. */
	readonly sandbox: () => Promise<Sandbox>;
	readonly builtins: ReadonlyMap<string, BuiltinBuilder>;
	/** Who opened the store closes it, before the store. */
	readonly readyStage?: ReadyStage<FirstStage>;
	/** A derivation that does not lie in the store. */
	readonly given?: (drvPath: DrvPath) => Derivation | undefined;
	/** Folder for logs. */
	readonly logs: string;
	readonly policy: BuildPolicy;
	/** Nix's name of this machine. */
	readonly system: string;
	/** Of the host, besides the inputs; default: none. */
	readonly binds?: readonly SandboxBind[];
	readonly onWarning: (message: string) => void;
}

const execute = promisify(execFile);

const BUILTIN_PREFIX = "builtin:";

/** Its output takes longest of all to hash. */
const LARGE_OUTPUT_BUILDER = "builtin:compose-root";

/** Whether a derivation is a download, which competes for the network and not for processors. */
export function isDownload(drv: Derivation): boolean {
	return drv.builder === "builtin:fetchurl";
}

/** Makes the outputs of one derivation valid; its inputs are. Throws DiagnosticErrors (`BUILD_…`, `FETCH_…`, `STORE_…`). */
export async function realiseDerivation(
	drvPath: DrvPath,
	options: RealiserOptions,
	context: RealiseContext,
): Promise<void> {
	await withOutputsLocked(drvPath, { options, context }, async (work, outputs) => {
		if (context.wishes.check === true) await checkAgain(work());
		else if (!outputs.every((path) => options.store.isValid(path))) {
			if (outputs.length > 0 && outputs.every((path) => options.store.isPlaced(path))) await registerPlaced(work());
			else await build(work());
		}
	});
}

/** Builds again what is valid, or should be, and puts what comes out in its place; the inputs are valid. Throws as above. */
export async function rebuildDerivation(
	drvPath: DrvPath,
	options: RealiserOptions,
	context: RealiseContext,
): Promise<void> {
	await withOutputsLocked(drvPath, { options, context }, (work) => build({ ...work(), replace: true }));
}

/** Waits for who works on the same outputs; `action` asks for the work, with a scratch folder of its own, where there is some. */
async function withOutputsLocked(
	drvPath: DrvPath,
	{ options, context }: Pick<Work, "options" | "context">,
	action: (work: () => Work, outputs: readonly StorePath[]) => Promise<void>,
): Promise<void> {
	const { store } = options;
	const drv = options.given?.(drvPath) ?? store.readDerivation(drvPath);
	const outputs = [...drv.outputs.values()].map(({ path }) => path).filter((path): path is StorePath => path !== "");
	for (const path of outputs) store.addTempRoot(path);
	const policy = policyOf(options.policy, context.wishes);
	let lock = store.tryLock(outputs);
	if (lock === undefined) {
		context.emit({ kind: "blocked", drvPath, name: drv.name });
		lock = await store.lock(outputs, { signal: context.signal });
	}
	let scratch: Scratch | undefined;
	const work = (): Work => ({ drv, drvPath, scratch: (scratch ??= store.scratch()), policy, options, context });
	try {
		await action(work, outputs);
	} finally {
		try {
			scratch?.remove();
		} finally {
			release(lock, options);
		}
	}
}

/** A lock that cannot be given back must not hide how the build ended. */
function release(lock: PathLock, options: RealiserOptions): void {
	try {
		lock.release();
	} catch (error) {
		options.onWarning(`cannot release the lock of ${lock.paths.join(", ")}: ${String(error)}`);
	}
}

interface Work {
	readonly drv: Derivation;
	readonly drvPath: DrvPath;
	readonly scratch: Scratch;
	readonly policy: BuildPolicy;
	readonly options: RealiserOptions;
	readonly context: RealiseContext;
	/** What comes out takes the place of what is valid. */
	readonly replace?: boolean;
}

async function build(work: Work): Promise<void> {
	const { drv, drvPath, context } = work;
	const { name } = drv;
	const infos = await logged(work, async (log) => {
		const made = drv.builder.startsWith(BUILTIN_PREFIX) ? await runBuiltin(work, log) : await runInSandbox(work, log);
		context.signal.throwIfAborted();
		const { early } = context.wishes;
		if (early === undefined || drv.builder !== LARGE_OUTPUT_BUILDER) return await register(work, made, log);
		return await registerLater(work, { made, early }, log);
	});
	if (isDownload(drv)) {
		const bytes = infos.reduce((sum, { narSize }) => sum + narSize, 0);
		context.emit({ kind: "fetched", drvPath, name, bytes });
	}
}

/** Registers what a build made, and tells the user's hook. */
async function register(work: Work, made: readonly BuiltOutput[], log: BuildLog): Promise<PathInfo[]> {
	const { drv, drvPath, policy, options, context, replace = false } = work;
	const signers = signersOf(policy);
	const sign = (object: SignedObject): string[] => signers.map((key) => signObject(object, key));
	const outputs = made.map((output) => ({
		...output,
		replace,
		// What lies in its place is in use.
		optimise: policy.autoOptimise && output.from !== options.store.physical(output.path),
		...(signers.length === 0 ? {} : { sign }),
	}));
	const registered = await options.store.registerOutputs(outputs, (fresh) => {
		checkOutputs(drv, options.store, fresh);
	});
	const hook = policy.postBuildHook;
	if (hook !== undefined) {
		const paths = registered.map(({ path }) => path);
		const onOutput = (chunk: Uint8Array): void => {
			void log.write(chunk);
		};
		await runPostBuildHook({ hook, name: drv.name, drvPath, outputs: paths, onOutput, signal: context.signal });
	}
	return registered;
}

/** Puts a root in its place, and the environment that names it, which its own derivation registers later. */
async function registerLater(
	work: Work,
	{ made, early }: { readonly made: readonly BuiltOutput[]; readonly early: EarlyUse },
	log: BuildLog,
): Promise<PathInfo[]> {
	const { options, drvPath, scratch } = work;
	const { store } = options;
	const folder = join(scratch.path, "environment");
	mkdirSync(folder);
	const environment = { drv: store.readDerivation(early.environment), drvPath: early.environment };
	const described = await makeBuiltin({ ...work, ...environment }, folder, log);
	const objects = [
		...made.map(({ path, from }) => ({ path, from, deriver: drvPath })),
		{ ...described, deriver: early.environment },
	];
	store.placeOutputs(objects);
	early.onPlaced();
	try {
		const inPlace = made.map((output) => ({ ...output, from: store.physical(output.path) }));
		return await register(work, inPlace, log);
	} catch (error) {
		store.withdraw(objects.map(({ path }) => path));
		throw error;
	}
}

/** Registers outputs that lie in their places: put there with another, or by a process that was killed. */
async function registerPlaced(work: Work): Promise<void> {
	const { drv, drvPath, options } = work;
	const { store } = options;
	const paths = [...drv.outputs.values()].map(({ path }) => path).filter((path): path is StorePath => path !== "");
	try {
		const closure = inputClosure(store, drv);
		const made = paths.map((path) => builtOutput(drv, { path, from: store.physical(path) }, drvPath, closure));
		await logged(work, (log) => register(work, made, log));
	} catch (error) {
		store.withdraw(paths);
		throw error;
	}
}

/** Builds once more, and fails with `BUILD_NOT_DETERMINISTIC` where an output is not the one that is in the store. */
async function checkAgain(work: Work): Promise<void> {
	const { drv, drvPath, policy, options } = work;
	const made = await logged(work, (log) => runInSandbox(work, log));
	const differing = await findDiffering(options.store, made);
	if (differing.length === 0) return;
	const kept = policy.keepFailed
		? await keepFolder(
				`nix-check-${drv.name}`,
				differing.map(({ from }) => from),
			)
		: undefined;
	throw new DiagnosticError(differing.map(({ path, lines }) => notDeterministic({ drvPath, path, lines, kept })));
}

/** Does work with the derivation's log. */
async function logged<T>({ drv, drvPath, options, context }: Work, work: (log: BuildLog) => Promise<T>): Promise<T> {
	const { name } = drv;
	const log = new BuildLog(buildLogPath(options.logs, drvPath), (line) => {
		context.emit({ kind: "log", drvPath, name, line });
	});
	try {
		return await work(log);
	} finally {
		const fault = await log.close();
		if (fault !== undefined) options.onWarning(`cannot write the log of ${name}: ${fault.message}`);
	}
}

async function runBuiltin(work: Work, log: BuildLog): Promise<BuiltOutput[]> {
	const { drv, drvPath, scratch, options } = work;
	const made = await makeBuiltin(work, scratch.path, log);
	return [builtOutput(drv, made, drvPath, inputClosure(options.store, drv))];
}

/** Runs a builtin builder in an empty folder. */
async function makeBuiltin(
	{ drv, drvPath, options, context }: Pick<Work, "drv" | "drvPath" | "options" | "context">,
	folder: string,
	log: BuildLog,
): Promise<{ readonly path: StorePath; readonly from: string }> {
	const builder = options.builtins.get(drv.builder.slice(BUILTIN_PREFIX.length));
	const outPath = drv.outputs.get("out")?.path ?? "";
	if (builder === undefined || outPath === "" || drv.outputs.size !== 1) {
		const message = `'${drv.name}' needs the builder '${textFromBytes(drv.builder)}', which this devenv does not have`;
		throw new DiagnosticError(diagnose("BUILD_BUILTIN_UNKNOWN", message));
	}
	const { store } = options;
	const output = join(folder, "out");
	const work = join(folder, "work");
	mkdirSync(work, { mode: 0o700 });
	if (drv.builder === LARGE_OUTPUT_BUILDER) prepareHashing();
	await builder(
		{ name: drv.name, system: textFromBytes(drv.system), env: drv.env, outPath },
		{
			physical: (path) => store.physical(path),
			output,
			scratch: work,
			cache: store.builderCache,
			...(options.readyStage === undefined ? {} : { readyStage: options.readyStage }),
			log: (line) => log.writeLine(line),
			progress: tellProgress({ drvPath, name: drv.name }, context),
			signal: context.signal,
			fetcher: options.fetcher,
			sandbox: await options.sandbox(),
		},
	);
	return { path: outPath, from: output };
}

const STEP_VERBS: Readonly<Record<BuiltinProgress["phase"], string>> = {
	fetch: "fetching",
	unpack: "unpacking",
	merge: "merging packages",
	configure: "configuring",
	finish: "finishing",
};

/** Milliseconds between two messages about one build. */
const STEP_INTERVAL = 100;

/** Passes a builtin builder's progress on: downloads in bytes, other work as a message, not too often. */
function tellProgress(step: StepIdentity, { emit }: RealiseContext): (progress: BuiltinProgress) => void {
	let last = 0;
	return ({ phase, subject, done, total, unit }) => {
		if (phase === "fetch" && unit === "bytes") {
			emit({ ...step, kind: "fetching", bytes: done, total: total ?? null });
			return;
		}
		const now = performance.now();
		if (now - last < STEP_INTERVAL) return;
		last = now;
		const share = unit === "bytes" || total === undefined ? "" : ` (${done} of ${total})`;
		const what = phase === "configure" && subject !== undefined ? ` ${subject}` : "";
		emit({ ...step, kind: "step", message: `${STEP_VERBS[phase]}${what}${share}` });
	};
}

async function runInSandbox(work: Work, log: BuildLog): Promise<BuiltOutput[]> {
	const { drv, drvPath, scratch, policy, options, context } = work;
	const { store, system } = options;
	if (drv.system !== system) {
		const message = `'${drv.name}' is built on ${textFromBytes(drv.system)}, this machine is ${system}`;
		throw new DiagnosticError(diagnose("BUILD_SYSTEM", message));
	}
	const sandbox = await options.sandbox();
	if (sandbox.kind === "none") throw new DiagnosticError(sandbox.diagnostic);
	const closure = inputClosure(store, drv);
	const { limits } = policy;
	log.begin();
	const running = runBuild(
		sandbox,
		sandboxBuild(drv, {
			store,
			closure,
			scratch: scratch.path,
			cores: coresOf(policy),
			limits,
			...(options.binds === undefined ? {} : { binds: options.binds }),
			onOutput: (chunk) => log.write(chunk),
			signal: context.signal,
			hostEnvironment: process.env,
		}),
	);
	const outcome = await running.done;
	context.signal.throwIfAborted();
	if (outcome.kind !== "exited" || outcome.status !== 0) {
		const kept = policy.keepFailed ? await keepBuildFolder(work) : undefined;
		const builder = textFromBytes(drv.builder);
		const failed = { name: drv.name, builder, tail: log.tail, kept, ...(log.used ? { log: log.path } : {}) };
		throw new DiagnosticError(describeOutcome(outcome, failed, limits));
	}
	const failed = (why: string): DiagnosticError => new DiagnosticError(buildFailed({ name: drv.name, tail: [] }, why));
	const made: BuiltOutput[] = [];
	for (const [name, { path }] of drv.outputs) {
		if (path === "") throw failed("an output has no path");
		const from = builtOutputPath(scratch.path, path);
		if (lstatSync(from, { throwIfNoEntry: false }) === undefined) {
			throw failed(`its builder ended well, but made no output '${textFromBytes(name)}' at ${path}`);
		}
		const own = fixedOutput(drv) === undefined ? from : await copyOutput(drv, from, join(scratch.path, basename(path)));
		made.push(builtOutput(drv, { path, from: own }, drvPath, closure));
	}
	return made;
}

/** Gives where the folder that a failed build worked in is kept. */
async function keepBuildFolder({ drv, scratch }: Work): Promise<string> {
	const folder = buildFolder(scratch.path);
	return keepFolder(
		`nix-build-${drv.name}.drv`,
		readdirSync(folder).map((name) => join(folder, name)),
	);
}

/**
 * A build with the network may have handed an open file to someone, who could write to it after its hash was checked: its outputs
 * get inodes of their own.
 */
async function copyOutput(drv: Derivation, from: string, to: string): Promise<string> {
	try {
		await execute("cp", ["-RP", "--", from, to]);
	} catch (error) {
		const { stderr = "", message } = error as Error & { readonly stderr?: string };
		const why = `its output cannot be read: ${stderr.trim() || message}`;
		throw new DiagnosticError(buildFailed({ name: drv.name, tail: [] }, why));
	}
	return to;
}

function builtOutput(
	drv: Derivation,
	place: { readonly path: StorePath; readonly from: string },
	deriver: DrvPath,
	candidates: readonly StorePath[],
): BuiltOutput {
	const fixed = fixedOutput(drv);
	return {
		...place,
		deriver,
		candidates,
		...(fixed === undefined ? {} : { fixed: parseFixedOutput(fixed) }),
	};
}

/** Everything that the builder may refer to: the wanted outputs of its inputs and its sources, with all they refer to. */
function inputClosure(store: Store, drv: Derivation): StorePath[] {
	const paths = new Set<StorePath>(drv.inputSrcs);
	for (const [inputPath, names] of drv.inputDrvs) {
		const { outputs } = store.readDerivation(inputPath);
		for (const name of names) {
			const path = outputs.get(name)?.path ?? "";
			if (path === "") {
				const message = `'${drv.name}' needs output '${name}' of ${inputPath}, which it does not have`;
				throw new DiagnosticError(diagnose("BUILD_OUTPUT_UNKNOWN", message));
			}
			paths.add(path);
		}
	}
	return store.computeClosure(paths);
}
