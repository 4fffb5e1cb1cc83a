/** Which sandbox this machine offers, and what to change where it offers none. Layer 2. */

import { accessSync, constants, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Diagnostic, diagnose } from "@devenv/diagnostics";
import type { BuildOutcome, BuildRequest } from "./build-request.ts";
import { runBuild } from "./run-build.ts";

/** A way to run a build apart from the host. */
export type Sandbox =
	/** Our own compiled helper; everything works. */
	| { readonly kind: "helper"; readonly helper: string }
	/** bubblewrap: slower, no overlay root. `reason`: why it is not the helper, as a sentence. */
	| { readonly kind: "bwrap"; readonly bwrap: string; readonly reason: string }
	/** Nothing works; the diagnostic says which setting to change. */
	| { readonly kind: "none"; readonly diagnostic: Diagnostic };

export interface DetectOptions {
	/** Path of the compiled helper, whether it exists or not. */
	readonly helper: string;
	/** Folders to look for bwrap in; default: the helper's, where the installation may have put it, and those of PATH. */
	readonly searchPath?: readonly string[];
	/** The kernel's settings, for tests; default: `/proc/sys`. */
	readonly settings?: string;
	/** As of a build request. */
	readonly temporary?: string;
}

/** Tries the helper, then bwrap, by running a trivial build in each; some milliseconds. Never rejects for what it finds. */
export async function detectSandbox(options: DetectOptions): Promise<Sandbox> {
	const settings = options.settings ?? "/proc/sys";
	let reason = "there is no compiled helper (no C compiler was found at installation)";
	let blocked: Diagnostic | undefined;
	if (isExecutable(options.helper)) {
		const outcome = await tryOut({ kind: "helper", helper: options.helper }, options);
		if (outcome.kind === "exited") return { kind: "helper", helper: options.helper };
		blocked = describeSandboxFailure(outcome, settings);
		reason = `the compiled helper does not work: ${blocked.message}`;
	}
	const bwrap = findBubblewrap(
		options.searchPath ?? [dirname(options.helper), ...(process.env["PATH"] ?? "").split(":")],
	);
	if (bwrap !== undefined) {
		const candidate: Sandbox = { kind: "bwrap", bwrap, reason };
		const outcome = await tryOut(candidate, options);
		if (outcome.kind === "exited") return candidate;
		blocked ??= describeSandboxFailure(outcome, settings);
	}
	return {
		kind: "none",
		diagnostic:
			blocked ??
			diagnose("SANDBOX_MISSING", "there is neither a compiled sandbox helper nor bwrap on this machine", {
				hint: "install a C compiler (gcc or clang) and run the installation again, or install the package bubblewrap",
			}),
	};
}

/** A build of a program that cannot be there: to learn that it is missing, all namespaces and mounts must have been made. */
async function tryOut(sandbox: Sandbox, { helper, temporary }: DetectOptions): Promise<BuildOutcome> {
	const missing = "/probe/missing";
	const request: BuildRequest = {
		name: "probe",
		root: { kind: "empty" },
		binds: isExecutable(helper) ? [{ source: dirname(helper), target: "/probe" }] : [],
		builder: missing,
		args: [],
		env: new Map(),
		cwd: "/",
		network: false,
		uid: 0,
		gid: 0,
		limits: { timeoutMs: 10_000 },
		...(temporary === undefined ? {} : { temporary }),
		onOutput: (chunk) => output.push(chunk),
	};
	const output: Uint8Array[] = [];
	const outcome = await runBuild(sandbox, request).done;
	if (outcome.kind !== "setup-failed") return outcome;
	const said = Buffer.concat(output).toString("utf8");
	if (outcome.step.endsWith(missing) || said.includes(`execvp ${missing}`)) return { kind: "exited", status: 127 };
	return sandbox.kind === "bwrap" && said !== "" ? { ...outcome, error: said.trim() } : outcome;
}

function isExecutable(path: string): boolean {
	try {
		accessSync(path, constants.X_OK);
		return statSync(path).isFile();
	} catch {
		return false;
	}
}

function findBubblewrap(folders: readonly string[]): string | undefined {
	return folders
		.filter((folder) => folder.startsWith("/"))
		.map((folder) => join(folder, "bwrap"))
		.find(isExecutable);
}

interface Cause {
	/** File below /proc/sys and the value with which it blocks. */
	readonly setting: string;
	readonly blocks: (value: string) => boolean;
	readonly message: string;
	readonly hint: string;
}

const causes: readonly Cause[] = [
	{
		setting: "user/max_user_namespaces",
		blocks: (value) => value === "0",
		message: "user namespaces are switched off (user.max_user_namespaces is 0)",
		hint: "as root: sysctl -w user.max_user_namespaces=15000, and write that setting to a file in /etc/sysctl.d to keep it",
	},
	{
		setting: "kernel/unprivileged_userns_clone",
		blocks: (value) => value === "0",
		message: "user namespaces are for root only (kernel.unprivileged_userns_clone is 0)",
		hint: "as root: sysctl -w kernel.unprivileged_userns_clone=1, and write that setting to a file in /etc/sysctl.d to keep it",
	},
	{
		setting: "kernel/apparmor_restrict_unprivileged_userns",
		blocks: (value) => value !== "0",
		message:
			"AppArmor keeps user namespaces from programs without a profile (kernel.apparmor_restrict_unprivileged_userns is 1)",
		hint: "as root: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or give the helper an AppArmor profile with 'userns,'",
	},
];

/** The diagnostic for an outcome that says that a sandbox cannot be made: names the setting that forbids it, if one does. */
export function describeSandboxFailure(outcome: BuildOutcome, settings: string = "/proc/sys"): Diagnostic {
	const what =
		outcome.kind === "setup-failed" ? `cannot ${outcome.step}: ${outcome.error}` : `probe ended: ${outcome.kind}`;
	for (const cause of causes) {
		const value = readSetting(join(settings, cause.setting));
		if (value === undefined || !cause.blocks(value)) continue;
		return diagnose("SANDBOX_BLOCKED", cause.message, { hint: cause.hint, notes: [{ message: what }] });
	}
	return diagnose("SANDBOX_BLOCKED", `a sandbox cannot be made: ${what}`, {
		hint:
			"in a container, its runtime forbids namespaces: for Docker add --security-opt seccomp=unconfined --security-opt " +
			"apparmor=unconfined --security-opt systempaths=unconfined",
	});
}

function readSetting(path: string): string | undefined {
	try {
		return readFileSync(path, "utf8").trim();
	} catch {
		/* Not a setting of this kernel. */
		return undefined;
	}
}
