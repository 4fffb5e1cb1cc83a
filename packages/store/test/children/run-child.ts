/** Runs one of the programs beside this file with the Node that runs the tests. */

import { spawn, spawnSync, type ChildProcess, type SpawnOptions } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Teardown } from "@devenv/test-support";

function file(name: string): string {
	return fileURLToPath(new URL(`${name}.ts`, import.meta.url));
}

/** Starts a program and waits until it prints its first line; returns the process, which ends with the test, and that line. */
export async function startChild(
	t: Teardown,
	name: string,
	args: readonly string[],
): Promise<{ readonly child: ChildProcess; readonly line: string }> {
	const child = spawn(process.execPath, [file(name), ...args], { stdio: ["pipe", "pipe", "inherit"] });
	t.teardown(() => {
		child.kill("SIGKILL");
	});
	const line = await new Promise<string>((resolve, reject) => {
		child.stdout.once("data", (data: Buffer) => {
			resolve(data.toString().trim());
		});
		child.once("exit", (code) => {
			reject(new Error(`${name} ended with ${code} before it printed anything`));
		});
	});
	return { child, line };
}

/** Waits until a process has ended; returns how. */
export async function ended(child: ChildProcess): Promise<number | string | null> {
	if (child.exitCode !== null || child.signalCode !== null) return child.exitCode ?? child.signalCode;
	return await new Promise((resolve) =>
		child.once("exit", (code, signal) => {
			resolve(code ?? signal);
		}),
	);
}

/** Runs a program to its end; throws what it printed when it fails. */
export function runChild(name: string, args: readonly string[], options: SpawnOptions = {}): string {
	const result = spawnSync(process.execPath, [file(name), ...args], { ...options, encoding: "utf8" });
	if (result.status !== 0) throw new Error(`${name} failed: ${result.stderr}`);
	return result.stdout.trim();
}
