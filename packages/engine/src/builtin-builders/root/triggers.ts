/**
 * Which packages' triggers are pending after all are configured (deb-triggers(5)). Layer 3, pure.
 *
 * As in dpkg, a package that is not configured yet needs no notice: it will be configured. So in the first stage file triggers,
 * which unpacking activates, never fire; what fires are `activate` directives of packages configured later, and calls of
 * dpkg-trigger. Packages of the second stage are unpacked when the others are configured, and fire both.
 */

import type { MaintainerScriptPolicy } from "../compose-root-attributes.ts";
import { isReplaced } from "./native-hooks.ts";
import type { RootPackage } from "./root-package.ts";
import type { ScriptStep } from "./script-driver.ts";

/** Triggers whose work is done once for the root in any case, or is of no use in one. */
const ownTriggers: ReadonlySet<string> = new Set([
	"ldconfig",
	"update-ca-certificates",
	"update-ca-certificates-fresh",
	"man-db",
]);
/** Packages whose triggers only serve a running or booting system, or repeat what is done in the end. */
const skippedPackages: ReadonlySet<string> = new Set([
	"ca-certificates",
	"fontconfig",
	"initramfs-tools",
	"libc-bin",
	"man-db",
	"systemd",
]);

/** Names of triggers, each with the index of the package that activates it last; paths among them, with a leading slash. */
export type Activations = ReadonlyMap<string, number>;

/**
 * What is activated while the packages are configured.
 * @param called names given to dpkg-trigger
 */
export function ownActivations(packages: readonly RootPackage[], called: readonly string[]): Activations {
	const activated = new Map<string, number>();
	for (const [index, { activations }] of packages.entries()) for (const name of activations) activated.set(name, index);
	/* When within the configuration dpkg-trigger was called is not known: the receiver may have missed it. */
	for (const name of called) activated.set(name, packages.length);
	return activated;
}

/**
 * What later packages activate when they are unpacked and configured.
 * @param paths what they bring, without leading slashes
 */
export function laterActivations(
	configured: readonly RootPackage[],
	later: readonly RootPackage[],
	paths: readonly string[],
): Activations {
	const names = [...later.flatMap(({ activations }) => activations), ...paths.map((path) => `/${path}`)];
	return new Map(names.map((name) => [name, configured.length]));
}

/** Steps for pending triggers of the packages, which are in the order of configuration. */
export function triggerSteps(
	packages: readonly RootPackage[],
	activated: Activations,
	policy: MaintainerScriptPolicy,
): ScriptStep[] {
	const steps: ScriptStep[] = [];
	for (const [index, rootPackage] of packages.entries()) {
		if (skippedPackages.has(rootPackage.name) || isReplaced(rootPackage.name)) continue;
		if (policy.skip?.includes(rootPackage.name) === true) continue;
		if (!rootPackage.controlFiles.has("postinst")) continue;
		const pending = rootPackage.interests.filter((interest) => {
			if (ownTriggers.has(interest)) return false;
			for (const [name, at] of activated)
				if (at > index && (name === interest || name.startsWith(`${interest}/`))) return true;
			return false;
		});
		if (pending.length === 0) continue;
		steps.push({
			kind: "postinst",
			package: rootPackage.name,
			infoName: rootPackage.infoName,
			architecture: rootPackage.architecture,
			arguments: ["triggered", pending.join(" ")],
			mayFail: policy.allowFailure?.includes(rootPackage.name) === true,
		});
	}
	return steps;
}
