/**
 * One client of the worker protocol: greeting, then requests one after the other. Layer 4.
 *
 * The client is this user's, since nobody else reaches the socket: it is trusted. It has a session of the store of its own, whose
 * temporary roots end with it.
 */

import type { Socket } from "node:net";
import { DiagnosticError } from "@devenv/diagnostics";
import { ProtocolError } from "@devenv/nix-formats";
import type { Log } from "../log.ts";
import { BuildReport } from "./build-report.ts";
import { ByteSink } from "./byte-sink.ts";
import { CLIENT_MAGIC, levels, messages, NEWEST_MINOR, OLDEST_MINOR, SERVER_MAGIC } from "./operations.ts";
import { StreamSource } from "@devenv/store";

/** What a request is answered with. */
export interface WorkerRequest {
	readonly source: StreamSource;
	/** The minor version that both sides speak. */
	readonly minor: number;
	/** Aborted when the client leaves. */
	readonly signal: AbortSignal;
	/** Tells the client how builds go on. */
	readonly report: BuildReport;
	/**
	 * Does the work, whose arguments have all been read, and sends what `write` makes of its result; a failure that is the
	 * user's to mend is sent in its place: then false.
	 */
	readonly answer: <T>(work: () => Promise<T> | T, write: (sink: ByteSink, result: T) => unknown) => Promise<boolean>;
	/** Sends bytes after an answer. */
	readonly raw: (bytes: Uint8Array) => Promise<void>;
}

/** Reads the arguments of a request, and answers it. */
export type WorkerHandler = (request: WorkerRequest) => Promise<unknown>;

export interface WorkerSessionOptions {
	/** Asked for once, after the greeting; what it throws is told to the client. */
	readonly handlers: () => ReadonlyMap<number, WorkerHandler>;
	/** What clients show as the daemon's version. */
	readonly version: string;
	readonly log: Log;
	/** Called when something begins or ends. */
	readonly onActivity: () => void;
	readonly onEnd: () => void;
}

export class WorkerSession {
	readonly #socket: Socket;
	readonly #source: StreamSource;
	readonly #sink: ByteSink;
	readonly #options: WorkerSessionOptions;
	readonly #controller = new AbortController();
	#busy = false;

	constructor(socket: Socket, options: WorkerSessionOptions) {
		this.#socket = socket;
		this.#options = options;
		this.#sink = new ByteSink(socket);
		this.#source = new StreamSource(socket, () => {
			this.#controller.abort(new Error("the client left"));
		});
		void this.#run().finally(() => {
			socket.destroy();
			options.onEnd();
		});
	}

	/** Whether a request is being answered. */
	get busy(): boolean {
		return this.#busy;
	}

	/** Ends what is being done. */
	close(): void {
		this.#controller.abort(new Error("the daemon ends"));
		this.#socket.destroy();
	}

	/** Never rejects. */
	async #run(): Promise<void> {
		try {
			const minor = await this.#greet();
			const handlers = this.#options.handlers();
			while (await this.#source.hasMore()) {
				const operation = await this.#source.number();
				this.#busy = true;
				this.#options.onActivity();
				try {
					await this.#handle(handlers.get(operation), { operation, minor });
				} finally {
					this.#busy = false;
					this.#options.onActivity();
				}
			}
		} catch (error) {
			if (this.#controller.signal.aborted) return;
			const message = error instanceof Error ? error.message : String(error);
			const expected = error instanceof ProtocolError || error instanceof DiagnosticError;
			const stack = expected || !(error instanceof Error) ? message : (error.stack ?? message);
			this.#options.log.write(expected ? "warning" : "error", "worker-protocol", { message: stack });
			await this.#fail(message);
		}
	}

	async #greet(): Promise<number> {
		if ((await this.#source.amount()) !== CLIENT_MAGIC) throw new ProtocolError("this is no client of a Nix daemon");
		await this.#sink
			.number(SERVER_MAGIC)
			.number((1 << 8) | NEWEST_MINOR)
			.flush();
		const version = await this.#source.number();
		const minor = Math.min(version & 0xff, NEWEST_MINOR);
		if (version >> 8 !== 1 || minor < OLDEST_MINOR) {
			const spoken = `1.${OLDEST_MINOR} to 1.${NEWEST_MINOR}`;
			throw new ProtocolError(`the client speaks version ${version >> 8}.${version & 0xff}, this daemon ${spoken}`);
		}
		// What were a processor to run on, and space to reserve.
		if (await this.#source.boolean()) await this.#source.number();
		await this.#source.number();
		if (minor >= 33) this.#sink.string(this.#options.version);
		if (minor >= 35) this.#sink.number(1); // trusted
		await this.#sink.number(messages.last).flush();
		return minor;
	}

	async #handle(
		handler: WorkerHandler | undefined,
		{ operation, minor }: { readonly operation: number; readonly minor: number },
	): Promise<void> {
		if (handler === undefined) throw new ProtocolError(`this daemon has no operation ${operation}`);
		await handler({
			source: this.#source,
			minor,
			signal: this.#controller.signal,
			report: new BuildReport(this.#sink),
			answer: (work, write) => this.#answer(work, write),
			raw: (bytes) => this.#sink.raw(bytes),
		});
	}

	async #answer<T>(work: () => Promise<T> | T, write: (sink: ByteSink, result: T) => unknown): Promise<boolean> {
		let result: T;
		try {
			result = await work();
		} catch (error) {
			if (!(error instanceof DiagnosticError) || this.#controller.signal.aborted) throw error;
			await this.#fail(messageOf(error));
			return false;
		}
		this.#sink.number(messages.last);
		write(this.#sink, result);
		await this.#sink.flush();
		return true;
	}

	/** As an error of Nix: its type, level, name and message, no place, no trace. */
	async #fail(message: string): Promise<void> {
		const sink = this.#sink.number(messages.error).string("Error").number(levels.error).string("Error");
		await sink.string(Buffer.from(message, "utf8").toString("latin1")).number(0).number(0).flush();
	}
}

/** One message, with what explains it below. */
function messageOf({ diagnostics }: DiagnosticError): string {
	return diagnostics
		.map(({ message, notes = [], hint }) =>
			[message, ...notes.map((note) => `  ${note.message}`), ...(hint === undefined ? [] : [`  (${hint})`])].join("\n"),
		)
		.join("\n");
}
