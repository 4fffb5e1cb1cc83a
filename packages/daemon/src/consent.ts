/** Whether what a project's files say may be used without being asked for by name. Layer 4. */

import { fail } from "@devenv/diagnostics";
import { packageSetFolder, type TrackedRead } from "@devenv/engine";
import { contentDigest, type Trust } from "@devenv/shell";

/** Of what a project says: see {@link ownReads}. */
export function digestOf(folder: string, tracked: readonly TrackedRead[]): string {
	return contentDigest(folder, ownReads(tracked));
}

/** The package set is part of this installation, and which of its files were read is chance. */
export function ownReads(tracked: readonly TrackedRead[]): TrackedRead[] {
	return tracked.filter(({ path }) => !path.startsWith(`${packageSetFolder}/`));
}

/** Refuses what nobody has asked for by name and nobody has allowed. Throws `TRUST_NEEDED` and `TRUST_DENIED`. */
export function requireConsent(trust: Trust, folder: string, digest: string): void {
	if (trust.hold(folder, digest) === null) return;
	if (trust.decision(folder) === "denied") {
		fail("TRUST_DENIED", `${folder} may not be entered without being asked for: \`devenv revoke\` was used there`, {
			hint: "`devenv allow` allows what its files say now",
		});
	}
	fail("TRUST_NEEDED", `nobody has allowed what the files of ${folder} say now`, {
		hint: "read its env.yaml, then `devenv allow`",
	});
}
