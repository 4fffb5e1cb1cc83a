/** One connection to the daemon, with typed calls over JSON-RPC. Layer 2. */

import { connect, type Socket } from "node:net";
import { DiagnosticError, diagnose } from "@devenv/diagnostics";
import {
	cancelNotification,
	DecodeError,
	errorFromWire,
	handshake,
	type HandshakeResult,
	MAX_RESPONSE_BYTES,
	type Method,
	PROTOCOL_VERSION,
	type ProgressEvent,
	progressNotification,
	wireError,
} from "@devenv/protocol";
import {
	createJSONRPCNotification,
	createJSONRPCRequest,
	isJSONRPCResponse,
	JSONRPCClient,
	type JSONRPCResponse,
} from "json-rpc-2.0";
import { MessageStream } from "./message-stream.ts";

export interface CallOptions {
	/** Called for each progress event, in order, before the call settles. */
	readonly onProgress?: (event: ProgressEvent) => void;
	/** Aborting tells the daemon that this client does not wait any more; the call rejects with `CANCELLED`. */
	readonly signal?: AbortSignal;
}

/** Milliseconds in which a daemon must answer the handshake. */
const HANDSHAKE_TIMEOUT = 10_000;

export class DaemonClient {
	/** Who answered the handshake. */
	readonly daemon: HandshakeResult;
	readonly #connection: Connection;

	private constructor(connection: Connection, daemon: HandshakeResult) {
		this.#connection = connection;
		this.daemon = daemon;
	}

	/**
	 * Connects to a socket address and makes the handshake. Rejects with the socket's error (`ENOENT`, `ECONNREFUSED`)
	 * where nobody listens, with `DAEMON_UNRESPONSIVE` where the daemon does not answer in time.
	 */
	static async connect(address: string, version: string): Promise<DaemonClient> {
		const connection = new Connection(await openSocket(address));
		const timeout = AbortSignal.timeout(HANDSHAKE_TIMEOUT);
		try {
			const answer = await connection.call(handshake, { protocol: PROTOCOL_VERSION, version }, { signal: timeout });
			return new DaemonClient(connection, answer);
		} catch (error) {
			connection.close();
			if (!timeout.aborted) throw error;
			throw new DiagnosticError(
				diagnose("DAEMON_UNRESPONSIVE", "the daemon does not answer", {
					hint: "`devenv daemon stop` ends it; the next command starts a new one",
				}),
			);
		}
	}

	/** Sends a request. Rejects with a DiagnosticError for everything that the user can mend. */
	call<Params, Result>(method: Method<Params, Result>, params: Params, options: CallOptions = {}): Promise<Result> {
		return this.#connection.call(method, params, options);
	}

	/** Resolves when the connection has ended, from either side. */
	get ended(): Promise<void> {
		return this.#connection.ended;
	}

	/** Ends the connection; calls under way reject. */
	close(): void {
		this.#connection.close();
	}
}

class Connection {
	readonly ended: Promise<void>;
	readonly #stream: MessageStream;
	readonly #rpc: JSONRPCClient;
	readonly #listeners = new Map<number, (event: ProgressEvent) => void>();
	#lastId = 0;
	#lost: DiagnosticError | undefined;

	constructor(socket: Socket) {
		const { promise, resolve } = Promise.withResolvers<undefined>();
		this.ended = promise;
		this.#stream = new MessageStream(socket, MAX_RESPONSE_BYTES, {
			onMessage: (message) => this.#receive(message),
			onEnd: (error) => {
				this.#lose(error);
				resolve(undefined);
			},
		});
		this.#rpc = new JSONRPCClient((payload: unknown) => this.#stream.send(payload));
	}

	async call<Params, Result>(
		method: Method<Params, Result>,
		params: Params,
		{ onProgress, signal }: CallOptions,
	): Promise<Result> {
		if (signal?.aborted === true) throw cancelled();
		if (this.#lost !== undefined) throw this.#lost;
		const id = ++this.#lastId;
		if (onProgress !== undefined) this.#listeners.set(id, onProgress);
		const { promise: aborted, reject } = Promise.withResolvers<never>();
		const abort = (): void => {
			this.#stream.send(createJSONRPCNotification(cancelNotification.name, { request: id }));
			reject(cancelled());
		};
		signal?.addEventListener("abort", abort, { once: true });
		try {
			const answered = this.#rpc.requestAdvanced(createJSONRPCRequest(id, method.name, params));
			const response: JSONRPCResponse = await Promise.race([answered, aborted]);
			if (response.error !== undefined) throw this.#reason() ?? errorFromWire(wireError(response.error, "error"));
			return method.result(response.result, "result");
		} catch (error) {
			throw error instanceof DecodeError ? foreign(error.message) : error;
		} finally {
			signal?.removeEventListener("abort", abort);
			this.#listeners.delete(id);
		}
	}

	close(): void {
		this.#stream.close();
	}

	#receive(message: unknown): void {
		// The library's test of what is a response takes objects only.
		if (typeof message !== "object" || message === null) {
			this.#refuse("a message is not an object");
			return;
		}
		if (isJSONRPCResponse(message)) {
			this.#rpc.receive(message);
			return;
		}
		const { method, params } = message as { readonly method?: unknown; readonly params?: unknown };
		if (method !== progressNotification.name) {
			this.#refuse("an unknown notification came");
			return;
		}
		try {
			const { request, event } = progressNotification.params(params, "params");
			this.#listeners.get(request)?.(event);
		} catch (error) {
			if (!(error instanceof DecodeError)) throw error;
			this.#refuse(error.message);
		}
	}

	/** Why the connection is no good any more, if so. */
	#reason(): DiagnosticError | undefined {
		return this.#lost;
	}

	#refuse(reason: string): void {
		this.#lost ??= foreign(reason);
		this.#stream.destroy();
	}

	#lose(error: Error | undefined): void {
		const reason = error === undefined ? "the daemon ended the connection" : `the connection broke: ${error.message}`;
		this.#lost ??= new DiagnosticError(
			diagnose("DAEMON_LOST", reason, { hint: "run the command again; `devenv daemon logs` may say why" }),
		);
		this.#rpc.rejectAllPendingRequests(reason);
	}
}

function openSocket(address: string): Promise<Socket> {
	return new Promise((resolve, reject) => {
		const socket = connect({ path: address });
		socket.once("error", reject);
		socket.once("connect", () => {
			socket.removeListener("error", reject);
			resolve(socket);
		});
	});
}

function cancelled(): DiagnosticError {
	return new DiagnosticError(diagnose("CANCELLED", "the request was cancelled"));
}

function foreign(reason: string): DiagnosticError {
	return new DiagnosticError(
		diagnose("DAEMON_PROTOCOL", `the daemon's answer cannot be understood: ${reason}`, {
			hint: "`devenv daemon stop` ends it; the next command starts a new one",
		}),
	);
}
