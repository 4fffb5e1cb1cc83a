/**
 * A supervisor as a process: its socket, its requests, what signals do, what it prints. Layer 4.
 *
 * It listens like a daemon, in a folder of its own below the runtime folder, so that clients talk to it in the same way. It
 * knows the processes of one project only and lives as long as they: until `devenv down`, in the foreground until all
 * have ended.
 */

import { mkdirSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { type SocketAddress, userLayout } from "@devenv/client";
import { printable } from "@devenv/diagnostics";
import {
	applyProcesses,
	type HandshakeResult,
	type HomeLayout,
	listProcesses,
	type ProcessStatus,
	PROTOCOL_VERSION,
	restartProcess,
	stopProcesses,
	type SupervisorOrder,
	waitForProcesses,
} from "@devenv/protocol";
import { projectHash, projectRuntime, supervisorRuntime } from "@devenv/shell";
import { type Handler, handle } from "../handler.ts";
import { listenExclusively } from "../listen.ts";
import { type Log, openLog } from "../log.ts";
import { Session } from "../session.ts";
import { carryLibraries } from "./carried-libraries.ts";
import { killMarked, killRecorded } from "./leftovers.ts";
import type { ProcessWorld } from "./managed-process.ts";
import { ProcessPrinter } from "./process-printer.ts";
import { Supervisor } from "./supervisor.ts";

export interface SupervisorProcess {
	readonly version: string;
	/** This installation's node, and the program that enters a stamp by bwrap. */
	readonly enterProgram: readonly [string, ...string[]];
	/** Called once it listens. */
	readonly onListening: () => void;
}

/** Exit codes, as a shell gives them for SIGINT and SIGTERM. */
const INTERRUPTED = 130;
const TERMINATED = 143;
/** Another supervisor was faster. */
const ALREADY_RUNNING = 3;

/** Runs until the processes have ended; the exit code. */
export async function runSupervisor(order: SupervisorOrder, own: SupervisorProcess): Promise<number> {
	const layout = userLayout(order.environment);
	const logs = join(layout.state, "processes", projectHash(order.project));
	mkdirSync(logs, { recursive: true, mode: 0o700 });
	mkdirSync(projectRuntime(layout.runtime, order.project), { recursive: true, mode: 0o700 });
	const log = openLog(join(layout.state, "log/supervisor.log"));
	let stamp = order.stamp;
	const world: ProcessWorld = {
		command: (text) =>
			order.helper === null
				? [...own.enterProgram, order.bwrap, stamp, text]
				: [order.helper, "enter", stamp, "--", "/bin/sh", "-c", text],
		environment: order.environment,
		carry: (environment) =>
			order.helper === null ? carryLibraries(environment, process.env["LD_LIBRARY_PATH"]) : environment,
		project: order.project,
		logs,
		mark: projectHash(order.project),
		groups: join(logs, "groups"),
	};
	const printer = order.foreground ? new ProcessPrinter({ color: order.color }) : undefined;
	printer?.expect(order.processes.map(({ name }) => name));
	const supervisor = new Supervisor({
		world,
		onLine: (name, line) => printer?.line(name, printable(line)),
		onState: (status) => {
			log.write("info", "process", { project: order.project, name: status.name, state: status.state });
			const text = describe(status);
			if (text !== "") printer?.note(status.name, text);
		},
	});
	const server = new SupervisorServer(supervisor, own.version, log, (fresh) => {
		stamp = fresh;
	});
	const address = await server.listen({ ...layout, runtime: supervisorRuntime(layout.runtime, order.project) });
	if (address === undefined) return ALREADY_RUNNING;
	try {
		const left = killRecorded(world.groups) + (await killMarked(`${world.mark}/`));
		if (left > 0) printer?.note("", `ended ${left} processes that an earlier run had left`);
		own.onListening();
		let code = 0;
		const signalled = Promise.withResolvers<undefined>();
		const end = (status: number) => (): void => {
			// The second one does not wait.
			if (code !== 0) void killMarked(`${world.mark}/`);
			else printer?.note("", "ending; once more to kill");
			code = status;
			void supervisor.stop().then(() => {
				signalled.resolve(undefined);
			});
		};
		process.on("SIGINT", end(INTERRUPTED));
		process.on("SIGTERM", end(TERMINATED));
		process.on("SIGHUP", end(TERMINATED));
		await supervisor.apply(order.processes, order.names);
		const over = order.foreground ? [supervisor.untilOver()] : [];
		await Promise.race([...over, server.stopped, signalled.promise]);
		const failed = supervisor.failed;
		await supervisor.stop();
		return code !== 0 ? code : failed && order.foreground ? 1 : 0;
	} finally {
		await server.close();
		address.release();
		log.close();
	}
}

/** What a state means to people; empty: what goes without saying. */
function describe({ state, reason, pid }: ProcessStatus): string {
	switch (state) {
		case "starting":
			return "starting";
		case "running":
			return pid === null ? "" : "running";
		case "restarting":
			return reason;
		case "failed":
			return `failed: ${reason}`;
		case "completed":
			return "completed";
		case "stopped":
			return "stopped";
		case "waiting":
			return "";
	}
}

class SupervisorServer {
	/** Resolves when it was asked to end, all have ended, and the answer is out. */
	readonly stopped: Promise<void>;
	/** Whether it was asked to end. */
	#asked = false;
	readonly #sessions = new Set<Session>();
	readonly #server;
	readonly #log: Log;

	constructor(supervisor: Supervisor, version: string, log: Log, onStamp: (stamp: string) => void) {
		this.#log = log;
		const { promise, resolve } = Promise.withResolvers<undefined>();
		this.stopped = promise;
		const handlers: Handler[] = [
			handle(listProcesses, () => supervisor.list()),
			handle(applyProcesses, ({ stamp, processes, names }) => {
				onStamp(stamp);
				return supervisor.apply(processes, names);
			}),
			handle(restartProcess, ({ name }) => supervisor.restart(name)),
			handle(waitForProcesses, ({ names, timeout }, { signal }) => supervisor.wait(names, timeout, signal)),
			handle(stopProcesses, async () => {
				this.#asked = true;
				await supervisor.stop();
				// The answer goes out first.
				setTimeout(() => {
					resolve(undefined);
				}, 20);
				return {};
			}),
		];
		const identity: HandshakeResult = { protocol: PROTOCOL_VERSION, version, pid: process.pid, retiring: false };
		this.#server = createServer((socket: Socket) => {
			const session = new Session(socket, {
				handlers,
				always: [],
				identity: () => identity,
				log,
				onActivity: () => undefined,
				onEnd: () => {
					this.#sessions.delete(session);
				},
			});
			this.#sessions.add(session);
		});
		this.#server.maxConnections = 64;
	}

	listen(layout: HomeLayout): Promise<SocketAddress | undefined> {
		return listenExclusively(this.#server, layout);
	}

	async close(): Promise<void> {
		if (this.#asked) await this.stopped;
		for (const session of this.#sessions) session.close();
		await new Promise((resolve) => this.#server.close(resolve));
		this.#log.write("info", "supervisor-ended");
	}
}
