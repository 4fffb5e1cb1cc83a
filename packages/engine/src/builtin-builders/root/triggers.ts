/**
 * Which packages' triggers are pending after all are configured (deb-triggers(5)). Layer 3, pure.
 *
 * As in dpkg, a package that is not configured yet needs no notice: it will be configured. So file triggers, which unpacking
 * activates, never fire here; what fires are `activate` directives of packages configured later, and calls of dpkg-trigger.
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

/**
 * Steps for pending triggers, in the order of configuration.
 * @param called names given to dpkg-trigger
 */
export function triggerSteps(
	packages: readonly RootPackage[],
	called: readonly string[],
	policy: MaintainerScriptPolicy,
): ScriptStep[] {
	const activated = new Map<string, number>();
	for (const [index, { activations }] of packages.entries()) for (const name of activations) activated.set(name, index);
	/* When within the configuration dpkg-trigger was called is not known: the receiver may have missed it. */
	for (const name of called) activated.set(name, packages.length);
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
