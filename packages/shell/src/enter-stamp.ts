/** Enters an environment whose stamp was just written, on the user's own terminal. Layer 2. */

import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { DiagnosticError, fail } from "@devenv/diagnostics";
import type { Variables } from "./activation-request.ts";
import { bwrapArguments } from "./bwrap-view.ts";
import { detectViews } from "./detect-views.ts";
import { readDotenvFile } from "./dotenv-file.ts";
import { applyChanges, rememberedValues } from "./environment-difference.ts";
import { readStamp, type Stamp } from "./stamp-file.ts";

export interface EnterOptions {
	/** From {@link activate}. */
	readonly stamp: string;
	/** The compiled helper; null: bwrap. */
	readonly helper: string | null;
	/** The bwrap to use without a helper: a path, or a name to be found on PATH. */
	readonly bwrap: string;
	/** A program and its arguments instead of the interactive shell. */
	readonly command: readonly string[] | null;
	/** The caller's own environment. */
	readonly env: Variables;
}

/**
 * Replaces this process by the helper, and that by the shell or program, so that the terminal, job control, exit status
 * and signals are its own: does not return. Where the process cannot be replaced, or there is no helper, the program
 * is a child, and the promise gives the status to exit with (128 + N where signal N ended it). Throws `SHELL_NO_VIEWS`
 * where bwrap cannot make environments; the helper prints the same itself and ends with 125.
 */
export async function enterStamp(options: EnterOptions): Promise<number> {
	const { helper, bwrap, stamp, command, env } = options;
	const rest = command === null ? [] : ["--", ...command];
	if (helper === null) return enterByBwrap(bwrap, readStamp(stamp), { command, env });
	if (typeof process.execve === "function")
		process.execve(helper, ["devenv-helper", "enter", stamp, ...rest], { ...env });
	return spawnHere(helper, ["enter", stamp, ...rest], env);
}

function enterByBwrap(
	bwrap: string,
	stamp: Stamp,
	{ command, env }: Pick<EnterOptions, "command" | "env">,
): Promise<number> {
	const [program = "/bin/sh", ...args] = command ?? stamp.shell;
	const callers =
		stamp.clean === null
			? env
			: Object.fromEntries(stamp.clean.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
	const variables = (stamp.dotenv ?? []).flatMap((path) => readDotenvFile(path)?.variables ?? []);
	const kept = { ...callers, ...Object.fromEntries(variables) };
	const inside = {
		...applyChanges(stamp.changes, kept),
		...(command === null ? rememberedValues(stamp.changes, kept) : {}),
	};
	if (stamp.view === null) return spawnHere(program, args, inside);
	const support = detectViews(null, bwrap);
	if (support.kind === "unsupported") throw new DiagnosticError(support.diagnostic);
	// bwrap ends with 1 where there is no such program; env(1), which every root has, with a shell's 127 and 126. To env a name
	// with '=' is a variable.
	const named = program.includes("=") ? ["/bin/sh", "-c", 'exec "$@"', "sh", program] : [program];
	const through = ["/usr/bin/env", `--default-signal=${shielded.join(",")}`, "--", ...named, ...args];
	const all = [bwrap, ...bwrapArguments(stamp.view), "--", ...through];
	const shield = `trap '' ${shielded.join(" ")}; exec "$@"`;
	return spawnHere("/bin/sh", ["-c", shield, "sh", ...all], inside, signalChild);
}

/**
 * bwrap waits for the program, and takes it along by SIGKILL when a signal ends it: so these pass bwrap by. A signal for the process
 * group reaches the program beside it; what comes to us alone is handed to the program.
 */
const shielded = ["HUP", "INT", "QUIT", "TERM"];

/** Milliseconds for which a signal is kept for a program that has not begun. */
const SIGNAL_PATIENCE = 2000;

/** Signals the child of a process, once it has one. */
async function signalChild(parent: ChildProcess, signal: NodeJS.Signals): Promise<void> {
	for (const end = performance.now() + SIGNAL_PATIENCE; performance.now() < end; ) {
		if (parent.pid === undefined || parent.exitCode !== null || parent.signalCode !== null) return;
		const children = childrenOf(parent.pid);
		for (const pid of children) {
			try {
				process.kill(pid, signal);
			} catch (error) {
				if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
			}
		}
		if (children.length > 0) return;
		await sleep(10);
	}
}

/** From proc(5). */
function childrenOf(parent: number): number[] {
	return readdirSync("/proc").flatMap((name) => {
		if (!/^[1-9]\d*$/.test(name)) return [];
		try {
			const status = readFileSync(`/proc/${name}/stat`, "latin1");
			return Number(status.slice(status.lastIndexOf(")") + 2).split(" ")[1]) === parent ? [Number(name)] : [];
		} catch {
			return []; // it has ended
		}
	});
}

/** Runs a program on our own terminal and waits; the keyboard's signals reach it by themselves, so we outlive them. */
function spawnHere(
	program: string,
	args: readonly string[],
	env: Variables,
	hand: (child: ChildProcess, signal: NodeJS.Signals) => unknown = (child, signal) => child.kill(signal),
): Promise<number> {
	const ignore = (): void => undefined;
	const keyboard = ["SIGINT", "SIGQUIT"] as const;
	const passed = ["SIGTERM", "SIGHUP"] as const;
	return new Promise((resolve, reject) => {
		const child = spawn(program, args, { stdio: "inherit", env: { ...env } });
		const pass = (signal: NodeJS.Signals): void => void hand(child, signal);
		for (const signal of keyboard) process.on(signal, ignore);
		for (const signal of passed) process.on(signal, pass);
		const done = (): void => {
			for (const signal of keyboard) process.off(signal, ignore);
			for (const signal of passed) process.off(signal, pass);
		};
		child.on("error", (error) => {
			done();
			reject(error);
		});
		child.on("exit", (code, signal) => {
			done();
			resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
		});
	});
}

/**
 * Gives the view that a process lives in a new root object (and /etc). Throws `SHELL_SWAP` where that is refused: another
 * user's process, or one that is in no view of ours.
 */
export async function swapRoot(
	helper: string,
	process: number,
	target: { readonly root: string; readonly etc?: string },
): Promise<void> {
	const args = ["swap", String(process), target.root, ...(target.etc === undefined ? [] : [target.etc])];
	const child = spawn(helper, args, { stdio: ["ignore", "ignore", "pipe"] });
	const said: Buffer[] = [];
	child.stderr.on("data", (piece: Buffer) => said.push(piece));
	const problem = await new Promise<string | undefined>((resolve) => {
		child.once("error", (error) => {
			resolve(error.message);
		});
		child.once("close", (code, signal) => {
			const text = Buffer.concat(said).toString().trim();
			resolve(code === 0 ? undefined : text === "" ? `it ended with ${code ?? signal}` : text);
		});
	});
	if (problem !== undefined) fail("SHELL_SWAP", problem.replace(/^devenv: /, ""));
}
