/** What the tests of this package share: the backends of this machine, and a request that runs a shell script in one. */

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeFolder, skip } from "@devenv/test-support";
import type { ExecutionContext } from "ava";
import { type BuildOutcome, type BuildRequest, detectSandbox, runBuild, type Sandbox } from "../src/index.ts";

const repository: string = join(import.meta.dirname, "../../..");

/** Compiles the helper from the sources as they are into `folder`; undefined where there is no compiler. */
function compileHelper(folder: string): string | undefined {
	const helper = join(folder, "devenv-helper");
	try {
		execFileSync("sh", [join(repository, "native/build.sh"), helper], { stdio: ["ignore", "ignore", "pipe"] });
		return helper;
	} catch (error) {
		if ((error as { status?: number }).status === 3) return undefined;
		throw error;
	}
}

export interface Backends {
	readonly folder: string;
	readonly sandboxes: readonly Sandbox[];
	remove(): void;
}

/** Every backend that works here; the tests fail when there is none, for then nothing is tested. */
export async function findBackends(): Promise<Backends> {
	const folder = mkdtempSync(join(tmpdir(), "devenv-builder-test-"));
	const helper = compileHelper(folder);
	const found = [await detectSandbox({ helper: join(folder, "none") })];
	if (helper !== undefined) found.unshift(await detectSandbox({ helper, searchPath: [] }));
	const sandboxes = found.filter(({ kind }) => kind !== "none");
	return {
		folder,
		sandboxes,
		remove: () => {
			removeFolder(folder);
		},
	};
}

/** The helper, if it works here; otherwise the test is skipped. */
export function helperOf(
	t: ExecutionContext,
	{ sandboxes }: Backends,
): Extract<Sandbox, { kind: "helper" }> | undefined {
	const found = sandboxes.find((sandbox) => sandbox.kind === "helper");
	if (found !== undefined) return found;
	skip(t, "the helper does not work here, or there is no C compiler");
	return undefined;
}

const programs = ["/bin", "/usr", "/lib", "/lib64"].filter((path) => existsSync(path));

/** A build that runs a script with the host's shell and programs. */
export function shellRequest(script: string, change: Partial<BuildRequest> = {}): BuildRequest {
	return {
		name: "test",
		root: { kind: "empty" },
		builder: "/bin/sh",
		args: ["-c", script],
		env: new Map([["PATH", "/usr/bin:/bin:/usr/sbin"]]),
		cwd: "/build",
		network: false,
		uid: 1000,
		gid: 100,
		...change,
		binds: [...programs.map((path) => ({ source: path, target: path })), ...(change.binds ?? [])],
	};
}

export async function runScript(
	sandbox: Sandbox,
	script: string,
	change: Partial<BuildRequest> = {},
): Promise<{ readonly outcome: BuildOutcome; readonly output: string }> {
	const chunks: Uint8Array[] = [];
	const request = shellRequest(script, { ...change, onOutput: (chunk) => chunks.push(Buffer.from(chunk)) });
	const outcome = await runBuild(sandbox, request).done;
	return { outcome, output: Buffer.concat(chunks).toString("latin1") };
}
