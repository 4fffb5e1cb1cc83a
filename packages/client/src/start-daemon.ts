/** Starts a daemon and waits until it listens. Layer 2. */

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import type { Readable } from "node:stream";
import { type Diagnostic, DiagnosticError, diagnose } from "@devenv/diagnostics";
import { arrayOf, daemonLogPath, diagnostic, type HomeLayout } from "@devenv/protocol";

/** How to start a daemon. */
export interface DaemonCommand {
	/** Program and arguments: the pinned node and the daemon's entry, after the host agent's command inside a view. */
	readonly argv: readonly [string, ...string[]];
	/** Environment of the daemon; by default the caller's. */
	readonly environment?: Readonly<Record<string, string | undefined>>;
}

/**
 * What a starting daemon writes as one JSON line to its standard output, which it then closes: that it (or another that
 * was faster) listens, or why it cannot.
 */
export type StartReport =
	| { readonly kind: "listening" }
	| { readonly kind: "failed"; readonly diagnostics: readonly Diagnostic[] };

/**
 * glibc keeps what threads free, each in an arena of its own, and raises the size from which it gives memory back at once.
 * The daemon's threads handle buffers of megabytes for a moment; it should be small again afterwards.
 */
const allocatorSettings: Readonly<Record<string, string>> = {
	MALLOC_ARENA_MAX: "2",
	MALLOC_MMAP_THRESHOLD_: "32768",
	MALLOC_TRIM_THRESHOLD_: "131072",
};

/** Milliseconds in which a daemon must report. */
const START_TIMEOUT = 20_000;
const REPORT_LIMIT = 64 * 1024;

/** Starts a daemon in a session of its own. Rejects with its diagnostics, or `DAEMON_START_FAILED`. */
export async function startDaemon(layout: HomeLayout, command: DaemonCommand): Promise<void> {
	const log = daemonLogPath(layout);
	mkdirSync(dirname(log), { recursive: true });
	const errors = openSync(log, "a", 0o600);
	const [program, ...args] = command.argv;
	const child: DaemonProcess = spawn(program, args, {
		cwd: "/",
		detached: true,
		env: { ...allocatorSettings, ...(command.environment ?? process.env) },
		stdio: ["ignore", "pipe", errors],
	}) as DaemonProcess;
	closeSync(errors);
	try {
		interpret(await readReport(child), log);
	} finally {
		child.stdout.destroy();
		child.unref();
	}
}

type DaemonProcess = ChildProcessByStdio<null, Readable, null>;

function readReport(child: DaemonProcess): Promise<string> {
	return new Promise((resolve, reject) => {
		let text = "";
		const timer = setTimeout(() => settle(() => reject(notStarted("it did not report in time"))), START_TIMEOUT);
		const settle = (act: () => void): void => {
			clearTimeout(timer);
			act();
		};
		child.once("error", (error) => settle(() => reject(notStarted(error.message))));
		child.stdout.setEncoding("utf8");
		child.stdout.on("data", (chunk: string) => {
			text += chunk;
			if (text.includes("\n") || text.length > REPORT_LIMIT) settle(() => resolve(text));
		});
		child.stdout.on("close", () => settle(() => resolve(text)));
	});
}

function interpret(text: string, log: string): void {
	let report: unknown;
	try {
		report = JSON.parse(text.split("\n", 1)[0] ?? "");
	} catch {
		throw notStarted(`its log may say why: ${log}`);
	}
	if (typeof report !== "object" || report === null) throw notStarted(`its log may say why: ${log}`);
	const { kind, diagnostics } = report as { readonly kind?: unknown; readonly diagnostics?: unknown };
	if (kind === "listening") return;
	if (kind === "failed") {
		const decoded = arrayOf(diagnostic)(diagnostics, "diagnostics");
		if (decoded.length > 0) throw new DiagnosticError(decoded);
	}
	throw notStarted(`its log may say why: ${log}`);
}

function notStarted(reason: string): DiagnosticError {
	return new DiagnosticError(
		diagnose("DAEMON_START_FAILED", `the daemon cannot be started: ${reason}`, {
			hint: "`devenv daemon logs` shows what it wrote before",
		}),
	);
}
