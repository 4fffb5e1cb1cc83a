/**
 * The daemon's life: listening, sessions, idle exit, retirement. Layer 4. What it answers is injected as handlers.
 *
 * States: listening → retiring (no longer reachable, finishing what runs) → ended. It ends when it is asked to, or when
 * for `idleExit` seconds there was no connection, no work and no open shell to follow.
 */

import { createServer, type Server, type Socket } from "node:net";
import type { SocketAddress } from "@devenv/client";
import {
	daemonLogPath,
	daemonStatus,
	daemonStop,
	type HandshakeResult,
	type HomeLayout,
	nixRemote,
	type NoResult,
	PROTOCOL_VERSION,
	type StatusResult,
} from "@devenv/protocol";
import { type Handler, handle } from "./handler.ts";
import { listenExclusively, listenForWorkers } from "./listen.ts";
import type { Log } from "./log.ts";
import { Session } from "./session.ts";

/** What the daemon serves. */
export interface DaemonService {
	readonly handlers: readonly Handler[];
	/** The builds at work. */
	running(): StatusResult["builds"];
	/** Open shells that it follows: while there are any, it does not leave by itself. */
	followed(): number;
	/** Begins to follow open shells; `onChange` is called when their number changed. */
	follow(onChange: () => void): Promise<void>;
	/** Serves a client of Nix's worker protocol; `onActivity` is called when a request begins or ends. */
	serveWorker?(socket: Socket, events: { readonly onActivity: () => void; readonly onEnd: () => void }): WorkerClient;
	/** Goes on with builds that a daemon had queued that was killed. */
	resume?(): void;
	/** Resolves when no build is left. */
	whenIdle(): Promise<void>;
	/** Ends workers and builds, closes the store. */
	close(): Promise<void>;
}

/** A client of the worker protocol. */
export interface WorkerClient {
	/** Whether a request is being answered. */
	readonly busy: boolean;
	close(): void;
}

export interface DaemonOptions {
	readonly layout: HomeLayout;
	readonly version: string;
	readonly log: Log;
	readonly service: DaemonService;
	/** Seconds without connection and work after which it leaves; 0: never. */
	readonly idleExit: number;
	/** Told to clients; the real one but in tests. */
	readonly protocol?: number;
}

const MAX_CONNECTIONS = 256;
/** Milliseconds that cancelled requests have to settle before everything is closed. */
const STOP_PATIENCE = 5_000;

export class Daemon {
	/** Resolves when the daemon has ended and everything is closed. */
	readonly ended: Promise<void>;
	readonly #options: DaemonOptions;
	readonly #server: Server;
	readonly #sessions = new Set<Session>();
	readonly #workerServer: Server;
	readonly #workers = new Set<WorkerClient>();
	readonly #started = Date.now();
	readonly #settleEnded: () => void;
	#address: SocketAddress | undefined;
	#workerAddress: SocketAddress | undefined;
	#retiring = false;
	#ending = false;
	#idleTimer: NodeJS.Timeout | undefined;

	private constructor(options: DaemonOptions) {
		this.#options = options;
		const { promise, resolve } = Promise.withResolvers<undefined>();
		this.ended = promise;
		this.#settleEnded = () => resolve(undefined);
		this.#server = createServer((socket) => this.#accept(socket));
		this.#server.maxConnections = MAX_CONNECTIONS;
		this.#workerServer = createServer((socket) => this.#acceptWorker(socket));
		this.#workerServer.maxConnections = MAX_CONNECTIONS;
	}

	/** Listens, or gives undefined when another daemon does. */
	static async listen(options: DaemonOptions): Promise<Daemon | undefined> {
		const daemon = new Daemon(options);
		daemon.#address = await listenExclusively(daemon.#server, options.layout);
		if (daemon.#address === undefined) return undefined;
		if (options.service.serveWorker !== undefined) {
			daemon.#workerAddress = await listenForWorkers(daemon.#workerServer, options.layout);
		}
		options.log.write("info", "listening", { version: options.version, socket: options.layout.runtime });
		await options.service.follow(() => {
			daemon.#activity();
		});
		daemon.#activity();
		return daemon;
	}

	/** Takes no new connection and no new work, finishes what runs, ends. Unreachable when this returns. */
	retire(reason: string): void {
		if (this.#retiring) return;
		this.#retiring = true;
		this.#options.log.write("info", "retiring", { reason });
		this.#stopListening();
		this.#activity();
	}

	/** Cancels what runs and ends. */
	async stop(reason: string): Promise<void> {
		this.retire(reason);
		for (const session of this.#sessions) session.cancelAll();
		for (const client of this.#workers) client.close();
		const patience = Date.now() + STOP_PATIENCE;
		while (this.#requests > 0 && Date.now() < patience) await new Promise((resolve) => setTimeout(resolve, 20));
		await this.#end();
	}

	#accept(socket: Socket): void {
		const session = new Session(socket, {
			handlers: this.#options.service.handlers,
			always: [handle(daemonStatus, () => this.#status()), handle(daemonStop, ({ mode }) => this.#asked(mode))],
			identity: () => this.#identity(),
			log: this.#options.log,
			onActivity: () => this.#activity(),
			onEnd: () => {
				this.#sessions.delete(session);
				this.#activity();
			},
		});
		this.#sessions.add(session);
		this.#activity();
	}

	#acceptWorker(socket: Socket): void {
		const { service } = this.#options;
		const client = service.serveWorker?.(socket, {
			onActivity: () => this.#activity(),
			onEnd: () => {
				if (client !== undefined) this.#workers.delete(client);
				this.#activity();
			},
		});
		if (client === undefined) socket.destroy();
		else this.#workers.add(client);
		this.#activity();
	}

	#identity(): HandshakeResult {
		const protocol = this.#options.protocol ?? PROTOCOL_VERSION;
		return { protocol, version: this.#options.version, pid: process.pid, retiring: this.#retiring };
	}

	#status(): StatusResult {
		const { version, layout, service, idleExit } = this.#options;
		return {
			version,
			protocol: PROTOCOL_VERSION,
			pid: process.pid,
			uptime: (Date.now() - this.#started) / 1000,
			storeRoot: layout.storeRoot,
			nixRemote: nixRemote(layout),
			log: daemonLogPath(layout),
			clients: this.#sessions.size,
			requests: this.#requests,
			builds: service.running(),
			memory: process.memoryUsage.rss(),
			idleExit,
			retiring: this.#retiring,
		};
	}

	#asked(mode: "retire" | "now"): NoResult {
		if (mode === "retire") this.retire("asked");
		else setImmediate(() => void this.stop("asked"));
		return {};
	}

	get #requests(): number {
		let sum = 0;
		for (const session of this.#sessions) sum += session.requests;
		for (const client of this.#workers) if (client.busy) sum++;
		return sum;
	}

	/** Called whenever something began or ended. */
	#activity(): void {
		clearTimeout(this.#idleTimer);
		if (this.#ending || this.#requests > 0) return;
		if (this.#retiring) {
			void this.#options.service.whenIdle().then(() => {
				if (this.#requests === 0) void this.#end();
			});
			return;
		}
		if (
			this.#workers.size > 0 ||
			this.#sessions.size > 0 ||
			this.#options.service.followed() > 0 ||
			this.#options.idleExit === 0
		)
			return;
		this.#idleTimer = setTimeout(() => this.retire("idle"), this.#options.idleExit * 1000);
	}

	#stopListening(): void {
		if (this.#workerAddress !== undefined) this.#workerServer.close();
		this.#workerAddress?.release();
		this.#workerAddress = undefined;
		this.#server.close();
		this.#address?.release();
		this.#address = undefined;
	}

	async #end(): Promise<void> {
		if (this.#ending) return this.ended;
		this.#ending = true;
		clearTimeout(this.#idleTimer);
		for (const client of this.#workers) client.close();
		await this.#options.service.close();
		for (const session of this.#sessions) session.close();
		this.#options.log.write("info", "ended");
		this.#settleEnded();
	}
}
