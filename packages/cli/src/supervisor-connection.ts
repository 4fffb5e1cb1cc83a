/** How commands find, start and become a project's supervisor. Layer 5. */

import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import { connectOrStart, type DaemonClient } from "@devenv/client";
import { DiagnosticError, fail } from "@devenv/diagnostics";
import type { SupervisorOrder } from "@devenv/protocol";
import { supervisorRuntime } from "@devenv/shell";
import { callerEnvironment, nodeEnvironment } from "./caller.ts";
import { callerLayout } from "./daemon-connection.ts";
import { bwrapPath, daemonVersion, helperPath, installationRoot } from "./installation.ts";

/** Connects to the project's supervisor; undefined where none runs. */
export async function findSupervisor(project: string): Promise<DaemonClient | undefined> {
	try {
		const layout = callerLayout();
		const runtime = supervisorRuntime(layout.runtime, project);
		return await connectOrStart({ layout: { ...layout, runtime }, version: daemonVersion() });
	} catch (error) {
		if (error instanceof DiagnosticError && error.diagnostics.some(({ code }) => code === "DAEMON_ABSENT"))
			return undefined;
		throw error;
	}
}

/** As {@link findSupervisor}; fails with `PROCESSES_ABSENT`. */
export async function requireSupervisor(project: string): Promise<DaemonClient> {
	const found = await findSupervisor(project);
	if (found !== undefined) return found;
	return fail("PROCESSES_ABSENT", "no processes of this project run", { hint: "`devenv up` starts them" });
}

type Asked = Pick<SupervisorOrder, "project" | "stamp" | "processes" | "names">;

/** Starts a supervisor in the background; resolves when it listens. Fails with `PROCESSES_START`. */
export async function startSupervisor(asked: Asked): Promise<void> {
	const [program, ...args] = supervisorCommand(asked, { foreground: false, color: false });
	const log = join(callerLayout().state, "log/supervisor.log");
	mkdirSync(dirname(log), { recursive: true });
	const errors = openSync(log, "a", 0o600);
	const child = spawn(program, args, {
		cwd: "/",
		detached: true,
		env: supervisorEnvironment(),
		stdio: ["ignore", "pipe", errors],
	});
	closeSync(errors);
	const listening = await new Promise<boolean>((resolve) => {
		child.once("error", () => {
			resolve(false);
		});
		child.stdout?.once("data", () => {
			resolve(true);
		});
		child.once("exit", () => {
			resolve(false);
		});
	});
	child.stdout?.destroy();
	child.unref();
	// Another one that was faster answers just as well.
	if (!listening && (await findSupervisor(asked.project).then((found) => found?.close() ?? "none")) === "none") {
		fail("PROCESSES_START", "the supervisor of the processes cannot be started", {
			hint: `its log may say why: ${log}`,
		});
	}
}

/** Becomes the supervisor, on the caller's terminal. Resolves, if at all, to its exit code. */
export async function becomeSupervisor(asked: Asked, color: boolean): Promise<number> {
	const [program, ...args] = supervisorCommand(asked, { foreground: true, color });
	const env = supervisorEnvironment();
	if (typeof process.execve === "function") process.execve(program, [program, ...args], env);
	const child = spawn(program, args, { stdio: "inherit", env });
	for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
	return new Promise((resolve, reject) => {
		child.once("error", reject);
		child.once("exit", (code) => {
			resolve(code ?? 1);
		});
	});
}

/** The command, with its order in a file that only the caller can read. */
function supervisorCommand(
	asked: Asked,
	kind: Pick<SupervisorOrder, "foreground" | "color">,
): readonly [string, ...string[]] {
	const root = installationRoot();
	const folder = supervisorRuntime(callerLayout().runtime, asked.project);
	mkdirSync(folder, { recursive: true, mode: 0o700 });
	const order: SupervisorOrder = {
		...asked,
		...kind,
		environment: callerEnvironment(process.env),
		helper: helperPath(root),
		bwrap: bwrapPath(root),
	};
	const file = join(folder, `order-${randomBytes(9).toString("hex")}.json`);
	writeFileSync(file, JSON.stringify(order), { mode: 0o600, flag: "wx" });
	return [process.execPath, join(root, "packages/daemon/src/processes/main.ts"), file];
}

function supervisorEnvironment(): Record<string, string> {
	return { ...nodeEnvironment(process.env), NODE_COMPILE_CACHE: join(installationRoot(), "build/cache/supervisor") };
}
