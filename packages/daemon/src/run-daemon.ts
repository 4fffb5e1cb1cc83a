/**
 * The daemon as a process: from the environment to a listening {@link Daemon}, and what signals and faults do. Layer 4.
 *
 * It reports to whoever started it with one line on standard output (see StartReport in @devenv/client).
 */

import { closeSync, fstatSync, openSync, writeSync } from "node:fs";
import { type StartReport, userLayout } from "@devenv/client";
import { DiagnosticError, diagnose } from "@devenv/diagnostics";
import { readSettings, type Settings } from "@devenv/engine";
import { daemonLogPath, type HomeLayout } from "@devenv/protocol";
import { Daemon, type DaemonService } from "./daemon.ts";
import { closeInheritedDescriptors } from "./inherited-descriptors.ts";
import { type Log, openLog } from "./log.ts";
import { closeToOthers } from "./private-folders.ts";

export interface ServiceContext {
	readonly layout: HomeLayout;
	readonly settings: Settings;
	readonly log: Log;
	readonly version: string;
}

export interface ProcessOptions {
	readonly version: string;
	readonly makeService: (context: ServiceContext) => Promise<DaemonService>;
	/** The protocol version to claim; the real one but in tests. */
	readonly protocol?: number;
}

/** Runs until the daemon ends; then the process may leave. */
export async function runDaemon(options: ProcessOptions): Promise<void> {
	let log: Log | undefined;
	try {
		closeInheritedDescriptors();
		const layout = userLayout(process.env);
		closeToOthers(layout);
		log = openLog(daemonLogPath(layout));
		const settings = readSettings(`${layout.config}/config.yaml`);
		const daemon = await start(options, { layout, settings, log, version: options.version });
		report({ kind: "listening" });
		if (daemon === undefined) return;
		watchProcess(daemon, log);
		await daemon.ended;
	} catch (error) {
		const diagnostics =
			error instanceof DiagnosticError
				? error.diagnostics
				: [diagnose("DAEMON_START_FAILED", error instanceof Error ? error.message : String(error))];
		const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
		log?.write("error", "start-failed", { stack });
		report({ kind: "failed", diagnostics });
		process.exitCode = 1;
	} finally {
		log?.close();
	}
}

async function start(options: ProcessOptions, context: ServiceContext): Promise<Daemon | undefined> {
	const { layout, log, settings } = context;
	const service = await options.makeService(context);
	try {
		const daemon = await Daemon.listen({
			layout,
			version: options.version,
			log,
			service,
			idleExit: settings.daemonIdleExit,
			...(options.protocol === undefined ? {} : { protocol: options.protocol }),
		});
		if (daemon === undefined) await service.close();
		else service.resume?.();
		return daemon;
	} catch (error) {
		await service.close();
		throw error;
	}
}

/** Tells whoever waits on standard output, once, and puts `/dev/null` in its place. */
function report(message: StartReport): void {
	const stats = fstatSync(1);
	try {
		writeSync(1, `${JSON.stringify(message)}\n`);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw error;
	}
	if (!stats.isFIFO() && !stats.isSocket()) return;
	closeSync(1);
	// The lowest free descriptor is the one just closed, so what prints by mistake goes nowhere.
	openSync("/dev/null", "w");
}

function watchProcess(daemon: Daemon, log: Log): void {
	for (const signal of ["SIGTERM", "SIGINT"] as const) {
		process.on(signal, () => void daemon.stop(signal));
	}
	process.on("SIGHUP", () => undefined);
	const crash = (kind: string) => (error: unknown) => {
		const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
		log.write("error", kind, { stack });
		process.exit(1);
	};
	process.on("uncaughtException", crash("uncaught-exception"));
	process.on("unhandledRejection", crash("unhandled-rejection"));
}
