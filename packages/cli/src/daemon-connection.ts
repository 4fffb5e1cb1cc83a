/** How a command talks to the daemon: connection, progress and cancellation around one call. Layer 5. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { type DaemonClient, connectOrStart, userLayout } from "@devenv/client";
import { type Diagnostic, DiagnosticError, diagnose, renderDiagnostic } from "@devenv/diagnostics";
import type { HomeLayout, Method, ProgressEvent } from "@devenv/protocol";
import { callerEnvironment, nodeEnvironment } from "./caller.ts";
import { exitCodes } from "./failure.ts";
import { daemonVersion, installationRoot } from "./installation.ts";
import { ProgressDisplay } from "./progress/progress-display.ts";
import { standardErrorOutput, standardErrorTerminal, writeError } from "./standard-error.ts";
import { DaemonTrace } from "./trace/trace-events.ts";
import { trace } from "./trace/trace-file.ts";

/** The native helper as views show it. */
const VIEW_HELPER = "/.devenv/helper";

/** Where the caller's installation keeps its things. */
export function callerLayout(): HomeLayout {
	return userLayout(callerEnvironment(process.env));
}

/** Connects to the daemon, starting one if there is none. Inside a view the host's agent starts it. */
export async function connectToDaemon(onStart: () => void): Promise<DaemonClient> {
	const root = installationRoot();
	const start: [string, ...string[]] = [process.execPath, join(root, "packages/daemon/src/main.ts")];
	const environment = {
		...nodeEnvironment(process.env),
		// The daemon runs from source: this keeps what type stripping and the compiler made of it.
		NODE_COMPILE_CACHE: join(root, "build/cache/daemon"),
	};
	// The launcher runs the client on the host; whoever runs it inside a view by hand is served too.
	const inView = (process.env["DEVENV_HOST_SOCKET"] ?? "") !== "" && existsSync(VIEW_HELPER);
	const argv: typeof start = inView ? [VIEW_HELPER, "host", ...start] : start;
	return connectOrStart({
		layout: callerLayout(),
		version: daemonVersion(),
		start: { argv, environment },
		onStart,
	});
}

/** Connects to a running daemon; undefined where none runs. */
export async function findDaemon(layout: HomeLayout = callerLayout()): Promise<DaemonClient | undefined> {
	try {
		return await connectOrStart({ layout, version: daemonVersion() });
	} catch (error) {
		if (hasCode(error, "DAEMON_ABSENT")) return undefined;
		throw error;
	}
}

function hasCode(error: unknown, wanted: string): boolean {
	return error instanceof DiagnosticError && error.diagnostics.some(({ code }) => code === wanted);
}

/**
 * One request to the daemon, with its progress shown on standard error. SIGINT cancels it: the daemon stops what nobody
 * else waits for, and the call rejects with `CANCELLED`. SIGTERM and SIGHUP do the same, say so, and then end this process.
 */
export async function callDaemon<Params, Result>(method: Method<Params, Result>, params: Params): Promise<Result> {
	const display = new ProgressDisplay(standardErrorOutput(), standardErrorTerminal());
	const interruption = watchInterruption(() => display.phase);
	const request = async (attempt = 1): Promise<Result> => {
		const begun = trace?.now() ?? 0;
		let started = false as boolean;
		const client = await connectToDaemon(() => {
			started = true;
			display.begin("starting the daemon");
		});
		trace?.span(started ? "start the daemon" : "connect to the daemon", begun);
		const asked = trace?.now() ?? 0;
		const rows = trace && new DaemonTrace(client.daemon.pid);
		try {
			const onProgress = (event: ProgressEvent): void => {
				display.receive(event);
				if (rows !== undefined) trace?.write(rows.receive(event, trace.now()));
			};
			return await client.call(method, params, { onProgress, signal: interruption.signal });
		} catch (error) {
			// It was told to leave after it had greeted us: nothing was begun, and another one takes its place.
			if (attempt < 3 && hasCode(error, "DAEMON_RETIRING")) return await request(attempt + 1);
			throw error;
		} finally {
			trace?.span(`wait for ${method.name}`, asked);
			client.close();
		}
	};
	try {
		// Starting a daemon cannot be aborted, but it need not be waited for.
		return await Promise.race([request(), interruption.interrupted]);
	} finally {
		display.close();
		await interruption.end();
	}
}

interface Interruption {
	readonly signal: AbortSignal;
	/** Rejects with `CANCELLED` on a signal. */
	readonly interrupted: Promise<never>;
	/** Gives the signals back their meaning, and lets one that ends processes do so now; then it does not resolve. */
	end(): Promise<void>;
}

const signals: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/** `phase` is what is being done: a phrase such as "building the environment", or empty. */
function watchInterruption(phase: () => string): Interruption {
	const cancellation = new AbortController();
	const { promise, reject } = Promise.withResolvers<never>();
	promise.catch(() => undefined);
	let received: NodeJS.Signals | undefined;
	let diagnostic: Diagnostic | undefined;
	const interrupt = (signal: NodeJS.Signals): void => {
		// The second Ctrl-C does not wait for anything.
		if (received !== undefined) process.exit(exitCodes.interrupted);
		received = signal;
		diagnostic = interrupted(phase());
		// Before the request's own rejection, which says less.
		reject(new DiagnosticError(diagnostic));
		cancellation.abort();
	};
	for (const signal of signals) process.on(signal, interrupt);
	return {
		signal: cancellation.signal,
		interrupted: promise,
		async end() {
			for (const signal of signals) process.removeListener(signal, interrupt);
			if (received === undefined || received === "SIGINT") return;
			if (diagnostic !== undefined) {
				writeError(renderDiagnostic(diagnostic, { color: standardErrorTerminal().color }));
			}
			process.kill(process.pid, received);
			// Another thread may take the signal, a moment later; until then nothing else may be said or returned.
			await new Promise((resolve) => setTimeout(resolve, 60_000));
		},
	};
}

function interrupted(phase: string): Diagnostic {
	return diagnose("CANCELLED", phase === "" ? "interrupted" : `interrupted while ${phase}`, {
		hint: "nothing was left half done; the same command goes on from here",
	});
}
