/**
 * Configures the packages of a merged root, in two stages. Layer 3.
 *
 * Stage one: the postinst scripts, the triggers that they leave, and what is done once for all that is there (byte code, caches,
 * locales). It is a function of stage one's packages, so its outcome is kept and taken again. Stage two, with the other packages'
 * files there too: triggers that these files set off, and what is done once again because of them.
 */

import type { BuiltinContext } from "../builtin-builder.ts";
import type { ComposeRootAttributes, MaintainerScriptPolicy } from "../compose-root-attributes.ts";
import { firstDeferredSteps, laterDeferredSteps } from "./deferred-steps.ts";
import { backgroundSteps, isReplaced } from "./native-hooks.ts";
import type { RootPackage } from "./root-package.ts";
import type { RootTree } from "./root-tree.ts";
import type { ScriptStep } from "./script-driver.ts";
import { ScriptSandbox } from "./script-sandbox.ts";
import type { Stages } from "./stages.ts";
import type { StageOutcome } from "./stage-cache.ts";
import type { UpperListing } from "./tree-changes.ts";
import { laterActivations, ownActivations, triggerSteps } from "./triggers.ts";

export interface ConfigureOptions {
	readonly tree: RootTree;
	readonly attributes: ComposeRootAttributes;
	readonly context: BuiltinContext;
	/** `performance.now()` at which scripts are stopped. */
	readonly deadline: number;
}

const defaultTimeoutSeconds = 1800;

/** For `maintainerScripts.timeout`, from now on. */
export function scriptDeadline({ maintainerScripts }: ComposeRootAttributes): number {
	return performance.now() + (maintainerScripts?.timeout ?? defaultTimeoutSeconds) * 1000;
}

/** What the scripts of stage one left. */
export interface FirstOutcome extends Pick<StageOutcome, "deferred" | "calls"> {
	/** Undefined where they changed the tree itself. */
	readonly listing: UpperListing | undefined;
}

/** The tree has stage one's packages. Rejects with `COMPOSE_SCRIPT_FAILED`, `COMPOSE_TIMEOUT`, `DISK_FULL` or `SANDBOX_*`. */
export async function configureFirstStage(options: ConfigureOptions): Promise<FirstOutcome> {
	const { attributes, tree } = options;
	const sandbox = await openSandbox(options);
	await sandbox.run([...backgroundSteps(tree.root), ...configureSteps(tree.packages, attributes)]);
	const activated = ownActivations(tree.packages, sandbox.notes("triggers"));
	await sandbox.run(triggerSteps(tree.packages, activated, attributes.maintainerScripts ?? {}));
	const deferred = sandbox.notes("deferred");
	await sandbox.run(firstDeferredSteps({ root: tree.root, attributes, deferred }));
	return { deferred: sandbox.notes("deferred"), calls: sandbox.notes("calls"), listing: await sandbox.settle() };
}

/** The tree has all packages, those of `second` since stage one ended. Rejects as {@link configureFirstStage} does. */
export async function configureSecondStage(
	options: ConfigureOptions,
	outcome: Pick<StageOutcome, "deferred" | "calls">,
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
