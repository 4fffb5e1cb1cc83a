/**
 * Configures the packages of a merged root, in two stages. Layer 3.
 *
 * Stage one: the postinst scripts, the triggers that they leave, and what is done once for all that is there (byte code, caches,
 * locales). It is a function of stage one's packages, so its outcome is kept and taken again. Stage two, with the other packages'
 * files there too: triggers that these files set off, and what is done once again because of them.
 */

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { BuiltinContext } from "../builtin-builder.ts";
import type { ComposeRootAttributes, MaintainerScriptPolicy } from "../compose-root-attributes.ts";
import { firstDeferredSteps, laterDeferredSteps } from "./deferred-steps.ts";
import { parseDiversions } from "./diversions.ts";
import { readInRoot } from "./inside-root.ts";
import { backgroundSteps, isReplaced } from "./native-hooks.ts";
import type { RootPackage } from "./root-package.ts";
import type { RootTree } from "./root-tree.ts";
import type { ScriptStep } from "./script-driver.ts";
import { ScriptSandbox } from "./script-sandbox.ts";
import type { Stages } from "./stages.ts";
import { StageCache, type StageOutcome } from "./stage-cache.ts";
import { applyChanges, changesOf, makeAllCanonical, nameChangedFiles, sharedFiles } from "./tree-changes.ts";
import { laterActivations, ownActivations, triggerSteps } from "./triggers.ts";

export interface ConfigureOptions {
	readonly tree: RootTree;
	readonly attributes: ComposeRootAttributes;
	readonly context: BuiltinContext;
	/** `performance.now()` at which scripts are stopped. */
	readonly deadline: number;
}

/** What stage two needs to know of stage one. */
export type FirstStage = Pick<StageOutcome, "deferred" | "calls">;

const defaultTimeoutSeconds = 1800;

/** For `maintainerScripts.timeout`, from now on. */
export function scriptDeadline({ maintainerScripts }: ComposeRootAttributes): number {
	return performance.now() + (maintainerScripts?.timeout ?? defaultTimeoutSeconds) * 1000;
}

/** The tree has stage one's packages. Rejects with `COMPOSE_SCRIPT_FAILED`, `COMPOSE_TIMEOUT`, `DISK_FULL` or `SANDBOX_*`. */
export async function configureFirstStage(options: ConfigureOptions): Promise<FirstStage> {
	const { attributes, context, tree } = options;
	if (tree.packages.length === 0 && attributes.preConfigure === undefined) {
		noticeScripts(tree, []);
		return { deferred: [], calls: [] };
	}
	const cache = openCache(context);
	const key = stageKey(attributes, tree.packages);
	const files = join(context.scratch, "stage-files");
	mkdirSync(files);
	const kept = await cache?.take(key, files);
	if (kept !== undefined) {
		const { outcome } = kept;
		context.log(`the scripts of ${tree.packages.length} packages have run before: ${outcome.changes.length} changes`);
		applyChanges(tree.root, outcome.changes, kept.files);
		noticeOutcome(tree, outcome, kept.files);
		return outcome;
	}
	const sandbox = await openSandbox(options);
	const policy = attributes.maintainerScripts ?? {};
	await sandbox.run([...backgroundSteps(tree.root), ...configureSteps(tree.packages, attributes)]);
	const activated = ownActivations(tree.packages, sandbox.notes("triggers"));
	await sandbox.run(triggerSteps(tree.packages, activated, policy));
	const deferred = sandbox.notes("deferred");
	await sandbox.run(firstDeferredSteps({ root: tree.root, attributes, deferred }));
	const notes = { deferred: sandbox.notes("deferred"), calls: sandbox.notes("calls") };
	const listing = await sandbox.settle();
	if (listing === undefined) {
		makeAllCanonical(tree.root);
		noticeScripts(tree, undefined);
		return notes;
	}
	const outcome: StageOutcome = { changes: changesOf(tree.root, listing), ...notes };
	const named = nameChangedFiles(tree.root, outcome.changes, files);
	await cache?.put(key, { outcome, files: named });
	noticeOutcome(tree, outcome, named);
	return outcome;
}

/** The tree has all packages, those of `second` since stage one ended. Rejects as {@link configureFirstStage} does. */
export async function configureSecondStage(
	options: ConfigureOptions,
	outcome: FirstStage,
	{ first, second }: Stages,
): Promise<void> {
	const { attributes, context, tree } = options;
	const pathsSince = second.flatMap((each) => tree.pathsOf.get(each) ?? []);
	const activated = laterActivations(first, second, pathsSince);
	const triggers = triggerSteps(first, activated, attributes.maintainerScripts ?? {});
	const later = (deferredSince: readonly string[]): readonly ScriptStep[] => {
		const deferred = [...outcome.deferred, ...deferredSince];
		return laterDeferredSteps({ root: tree.root, attributes, deferred, deferredSince, pathsSince });
	};
	let calls = outcome.calls;
	if (triggers.length > 0 || later([]).length > 0) {
		const sandbox = await openSandbox(options);
		await sandbox.run(triggers);
		await sandbox.run(later(sandbox.notes("deferred")));
		calls = [...calls, ...sandbox.notes("calls")];
		await sandbox.settle();
	}
	reportStubs(context, calls);
}

function openSandbox({ attributes, context, deadline, tree }: ConfigureOptions): Promise<ScriptSandbox> {
	return ScriptSandbox.open({ tree, stub: attributes.maintainerScripts?.stub ?? [], deadline, context });
}

function openCache(context: BuiltinContext): StageCache | undefined {
	const { cache, sandbox } = context;
	/* Only an overlay shows what scripts changed. */
	if (cache === undefined || sandbox.kind !== "helper") return undefined;
	return StageCache.open(join(cache, "stages"), (line) => {
		context.log(line);
	});
}

/** The hash of all that stage one's outcome depends on, this program's own text included. */
function stageKey(attributes: ComposeRootAttributes, packages: readonly RootPackage[]): string {
	const { architecture, locales = [], maintainerScripts = {}, preConfigure = null } = attributes;
	const { skip = [], allowFailure = [], stub = [] } = maintainerScripts;
	const names = new Set(packages.map(({ name }) => name));
	const among = (list: readonly string[]): string[] => list.filter((name) => names.has(name)).sort();
	return createHash("sha256")
		.update(
			JSON.stringify({
				text: ownText(),
				packages: packages.map(({ name, path }) => [name, path]),
				architecture,
				locales,
				preConfigure,
				skip: among(skip),
				allowFailure: among(allowFailure),
				stub: [...stub].sort(),
			}),
		)
		.digest("hex");
}

let knownText: string | undefined;

/** A hash of this folder's modules, and of those beside it that say what an unpacked package looks like. */
function ownText(): string {
	if (knownText !== undefined) return knownText;
	const hash = createHash("sha256");
	for (const folder of [import.meta.dirname, join(import.meta.dirname, "..")]) {
		for (const name of readdirSync(folder).sort()) {
			if (name.endsWith(".ts")) hash.update(`${name}\n`).update(readFileSync(join(folder, name)));
		}
	}
	knownText = hash.digest("hex");
	return knownText;
}

/** Looks up what scripts removed of the packages' paths (among `suspects`, if given), and what they diverted. */
function noticeScripts(tree: RootTree, suspects: readonly string[] | undefined): void {
	const diversions = readInRoot(tree.root, "var/lib/dpkg/diversions")?.toString("latin1") ?? "";
	tree.afterScripts(suspects, parseDiversions(diversions));
}

/** Of an outcome that is in the tree: which files share their inodes. */
function noticeOutcome(tree: RootTree, { changes }: StageOutcome, files: readonly string[]): void {
	noticeScripts(
		tree,
		changes.map(({ path }) => path),
	);
	for (const { kind, path } of changes) if (kind === "file") tree.linked.delete(path);
	for (const [path, file] of sharedFiles(tree.root, changes, files)) tree.linked.set(path, file);
}

function configureSteps(packages: readonly RootPackage[], attributes: ComposeRootAttributes): ScriptStep[] {
	const policy = attributes.maintainerScripts ?? {};
	const steps: ScriptStep[] = [
		/* Libraries in folders that only the linker's configuration names must be found by the first script already. */
		{ kind: "shell", label: "ldconfig", text: "if [ -x /usr/sbin/ldconfig ]; then /usr/sbin/ldconfig; fi" },
	];
	if (attributes.preConfigure !== undefined) {
		steps.push({ kind: "shell", label: "preConfigure", text: attributes.preConfigure });
	}
	for (const rootPackage of packages) {
		if (!rootPackage.controlFiles.has("postinst") || isReplaced(rootPackage.name)) continue;
		if (policy.skip?.includes(rootPackage.name) === true) continue;
		/* dpkg passes the version last configured: none. */
		steps.push(postinstStep(rootPackage, attributes.architecture, policy));
	}
	return steps;
}

function postinstStep(rootPackage: RootPackage, native: string, policy: MaintainerScriptPolicy): ScriptStep {
	return {
		kind: "postinst",
		package: rootPackage.name,
		infoName: rootPackage.infoName,
		architecture: rootPackage.architecture === "all" ? native : rootPackage.architecture,
		arguments: ["configure", ""],
		mayFail: policy.allowFailure?.includes(rootPackage.name) === true,
	};
}

function reportStubs(context: BuiltinContext, calls: readonly string[]): void {
	if (calls.length === 0) return;
	context.log(`${calls.length} calls had no effect in a root (package, command):`);
	for (const call of calls) context.log(`  ${call.replace("\t", ": ")}`);
}
