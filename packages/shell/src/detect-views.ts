/** Whether this machine lets us make views, and what to change where it does not. Layer 2. */

import { spawnSync } from "node:child_process";
import { type Diagnostic, diagnose } from "@devenv/diagnostics";

export type ViewSupport =
	| { readonly kind: "helper" }
	/** Without the compiled helper: no host programs, no change of a running shell's root, slower. */
	| { readonly kind: "bwrap"; readonly warning: Diagnostic }
	| { readonly kind: "unsupported"; readonly diagnostic: Diagnostic };

/** Asks the helper, or bwrap (a path or a name on PATH) where there is none, to make namespaces. */
export function detectViews(helper: string | null, bwrap: string): ViewSupport {
	if (helper !== null) {
		const probe = spawnSync(helper, ["probe"], { encoding: "utf8", timeout: 10_000 });
		if (probe.status === 0) return { kind: "helper" };
		const reason = probe.error?.message ?? (probe.stdout.trim() || "the helper failed");
		return { kind: "unsupported", diagnostic: refuse(reason) };
	}
	const args = ["--ro-bind", "/", "/", "--", "true"];
	const probe = spawnSync(bwrap, args, { encoding: "utf8", timeout: 10_000 });
	if (probe.status === 0) {
		const warning = diagnose("SHELL_NO_HELPER", "the native helper is not there, so bwrap makes the environment", {
			severity: "warning",
			notes: [
				{
					message:
						"programs of the host cannot be run inside, a running shell cannot get a new root, and entering is slower",
				},
			],
			hint: "install a C compiler and run the installation again",
		});
		return { kind: "bwrap", warning };
	}
	const missing = probe.error !== undefined;
	const diagnostic = missing
		? refuse(
				"there is neither the native helper (no C compiler at installation) nor bwrap",
				"install a C compiler (gcc or clang) and run the installation again, or install bubblewrap",
			)
		: refuse(
				`bwrap cannot make namespaces: ${probe.stderr.trim()}`,
				"allow user namespaces (sysctl user.max_user_namespaces), in a container also its seccomp and AppArmor profiles",
			);
	return { kind: "unsupported", diagnostic };
}

/** What the helper says has what to change in it. */
function refuse(reason: string, hint?: string): Diagnostic {
	const message = `environments cannot be entered on this machine: ${reason}`;
	return diagnose("SHELL_NO_VIEWS", message, hint === undefined ? {} : { hint });
}
