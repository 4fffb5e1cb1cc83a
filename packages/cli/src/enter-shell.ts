/**
 * `devenv shell`: the environment is prepared by the daemon, and this process becomes the shell or the command. Kept free
 * of oclif and of parsers, since it is the path whose start time counts. Layer 5.
 */

import { constants, copyFileSync, lstatSync } from "node:fs";
import { join } from "node:path";
import { renderDiagnostic } from "@devenv/diagnostics";
import { type PrepareParams, prepareEnvironment } from "@devenv/protocol";
import { enterStamp } from "@devenv/shell";
import { callerEnvironment, callerIds } from "./caller.ts";
import { AdHocProject } from "./ad-hoc-project.ts";
import { callDaemon, callerLayout } from "./daemon-connection.ts";
import type { ShellRequest } from "./shell-arguments.ts";
import { currentFolder, requireProject } from "./find-project.ts";
import { bwrapPath, helperPath, installationRoot } from "./installation.ts";
import { withTrace } from "./trace/trace-file.ts";
import { makeErrorBlocking, standardErrorTerminal, writeError } from "./standard-error.ts";

/**
 * Enters the environment of the current folder; resolves, if at all, to the exit code of what ran. `onEnter` is called
 * before this process is replaced.
 */
export async function enterShell(request: ShellRequest, onEnter: () => void): Promise<number> {
	const adHoc =
		request.packages.length === 0 ? undefined : new AdHocProject(callerLayout().state, request.packages, request.fresh);
	const project = adHoc?.folder ?? requireProject(currentFolder());
	const root = installationRoot();
	const env = callerEnvironment(process.env);
	const params: PrepareParams = {
		project,
		variables: env,
		...callerIds(),
		asUser: request.asUser,
		...(request.locked ? ({ lock: "frozen" } as const) : {}),
		offline: request.offline,
		...(request.pure ? { clean: true, keep: request.keep } : {}),
		...(request.profile === null ? {} : { profile: request.profile }),
		...(request.ambient ? ({ consent: "needed", lock: "frozen" } as const) : {}),
	};
	const prepared = await callDaemon(prepareEnvironment, params).catch((error: unknown) => {
		adHoc?.discard();
		throw error;
	});
	const terminal = standardErrorTerminal();
	for (const each of prepared.diagnostics) writeError(renderDiagnostic(each, { color: terminal.color }));
	if (adHoc !== undefined) adHoc.keepLock();
	else {
		if (prepared.lockWritten) writeError("devenv: wrote env.lock; commit it together with env.yaml\n");
		placeSchema(project, root);
	}
	makeErrorBlocking();
	onEnter();
	const helper = helperPath(root);
	return enterStamp({
		helper,
		bwrap: bwrapPath(root),
		stamp: prepared.stamp,
		command: request.command === null ? null : [...request.command],
		env: withTrace(env, helper),
	});
}

/**
 * Puts the schema of env.yaml where the first line of env.yaml tells editors to look, unless it is there. Only into a
 * `.devenv` that is a folder of its own: a link might lead out of the project. A convenience, so failing is silent.
 */
function placeSchema(project: string, root: string): void {
	const folder = join(project, ".devenv");
	if (lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return;
	const schema = join(folder, "env.schema.json");
	if (lstatSync(schema, { throwIfNoEntry: false }) !== undefined) return;
	try {
		copyFileSync(join(root, "schemas/env.schema.json"), schema, constants.COPYFILE_EXCL);
	} catch (error) {
		if (typeof (error as NodeJS.ErrnoException).code !== "string") throw error;
	}
}
