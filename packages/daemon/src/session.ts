/**
 * One client's connection: handshake first, then requests, each with a signal that ends with the connection. Layer 4.
 */

import type { Socket } from "node:net";
import { DiagnosticError, diagnose } from "@devenv/diagnostics";
import { FramingError, MessageStream } from "@devenv/client";
import {
	cancelNotification,
	DecodeError,
	errorCodes,
	handshake,
	type HandshakeResult,
	MAX_REQUEST_BYTES,
	MAX_RESPONSE_BYTES,
	type ProgressEvent,
	progressNotification,
} from "@devenv/protocol";
import {
	createJSONRPCErrorResponse,
	createJSONRPCNotification,
	createJSONRPCSuccessResponse,
	isJSONRPCRequest,
	JSONRPCErrorException,
	type JSONRPCRequest,
	type JSONRPCResponse,
	JSONRPCServer,
} from "json-rpc-2.0";
import type { Handler } from "./handler.ts";
import type { Log } from "./log.ts";

export interface SessionOptions {
	readonly handlers: readonly Handler[];
	/** Handlers that work before the handshake and while the daemon retires. */
	readonly always: readonly Handler[];
	readonly identity: () => HandshakeResult;
	readonly log: Log;
	/** A request began or ended. */
	readonly onActivity: () => void;
	readonly onEnd: () => void;
	/** Milliseconds in which the handshake must come. */
	readonly handshakeTimeout?: number;
}

/** Requests of one connection that may be under way at once. */
const MAX_REQUESTS = 64;
/** Bytes waiting for a slow client above which events that only inform are dropped. */
const MAX_BACKLOG: number = 4 * 1024 * 1024;

export class Session {
	readonly #options: SessionOptions;
	readonly #stream: MessageStream;
	readonly #rpc: JSONRPCServer;
	readonly #running = new Map<number, AbortController>();
	#greeted = false;
	/** Ends the connection of a client that does not say who it is. */
	readonly #patience: NodeJS.Timeout;

	constructor(socket: Socket, options: SessionOptions) {
		this.#options = options;
		this.#rpc = new JSONRPCServer({ errorListener: (message) => options.log.write("warning", "rpc", { message }) });
		this.#rpc.mapErrorToJSONRPCErrorResponse = (id, error: unknown) => {
			const { code, message, data } = this.#describe(error);
			return createJSONRPCErrorResponse(id, code, message, data);
		};
		this.#rpc.addMethodAdvanced(handshake.name, (request) => this.#greet(request));
		for (const handler of options.always) this.#add(handler, true);
		for (const handler of options.handlers) this.#add(handler, false);
		this.#patience = setTimeout(() => this.#stream.destroy(), options.handshakeTimeout ?? 10_000);
		this.#stream = new MessageStream(socket, MAX_REQUEST_BYTES, {
			onMessage: (message) => {
				this.#receive(message);
			},
			onEnd: (error) => {
				clearTimeout(this.#patience);
				// A client that leaves in the middle resets the connection; only a broken protocol is remarkable.
				const level = error instanceof FramingError ? "warning" : "debug";
				if (error !== undefined) options.log.write(level, "connection-broken", { reason: error.message });
				this.cancelAll();
				options.onEnd();
			},
		});
	}

	/** Requests under way. */
	get requests(): number {
		return this.#running.size;
	}

	/** Cancels what is under way; each request is still answered. */
	cancelAll(): void {
		for (const controller of this.#running.values()) controller.abort(new Cancelled());
	}

	/** Sends what is queued, then ends the connection. */
	close(): void {
		this.#stream.close();
	}

	#receive(message: unknown): void {
		// The library's test of what is a request takes objects only.
		if (typeof message !== "object" || message === null || !isJSONRPCRequest(message)) {
			this.#stream.send(createJSONRPCErrorResponse(null, errorCodes.invalidRequest, "not a JSON-RPC 2.0 request"));
			return;
		}
		if (message.method === cancelNotification.name) {
			this.#cancel(message.params);
			return;
		}
		if (message.id !== undefined && (typeof message.id !== "number" || this.#running.has(message.id))) {
			const reason = "the id of a request must be a number that no request under way has";
			this.#stream.send(createJSONRPCErrorResponse(null, errorCodes.invalidRequest, reason));
			return;
		}
		void Promise.resolve(this.#rpc.receive(message)).then((response) => {
			if (response !== null) this.#respond(response);
			// Only now is the request over: whoever waits for the last one may close the connection.
			if (typeof message.id === "number" && this.#running.delete(message.id)) this.#options.onActivity();
		});
	}

	/** An answer that no message can hold becomes an error: thrown here, it would end the daemon for everyone. */
	#respond(response: JSONRPCResponse): void {
		let bytes: number;
		try {
			bytes = Buffer.byteLength(JSON.stringify(response)) + 1;
		} catch (error) {
			if (!(error instanceof RangeError)) throw error;
			bytes = Number.POSITIVE_INFINITY;
		}
		if (bytes <= MAX_RESPONSE_BYTES) {
			this.#stream.send(response);
			return;
		}
		const problem = diagnose("ANSWER_TOO_LARGE", `the answer is longer than ${MAX_RESPONSE_BYTES} bytes`, {
			hint: "ask for a part of it",
		});
		const { code, message, data } = this.#describe(new DiagnosticError(problem));
		this.#stream.send(createJSONRPCErrorResponse(response.id, code, message, data));
	}

	#cancel(params: unknown): void {
		try {
			const { request } = cancelNotification.params(params, "params");
			this.#running.get(request)?.abort(new Cancelled());
		} catch (error) {
			if (!(error instanceof DecodeError)) throw error;
			this.#options.log.write("warning", "bad-notification", { reason: error.message });
		}
	}

	// eslint-disable-next-line @typescript-eslint/require-await -- what the decoder throws must become a rejection
	async #greet(request: JSONRPCRequest): Promise<JSONRPCResponse> {
		const { protocol, version } = handshake.params(request.params, "params");
		clearTimeout(this.#patience);
		this.#options.log.write("debug", "handshake", { protocol, version });
		const identity = this.#options.identity();
		this.#greeted = protocol === identity.protocol;
		return createJSONRPCSuccessResponse(request.id ?? null, identity);
	}

	#add(handler: Handler, always: boolean): void {
		this.#rpc.addMethodAdvanced(handler.name, async (request) => {
			if (!always && !this.#greeted) {
				throw new JSONRPCErrorException("the handshake is missing", errorCodes.handshakeMissing);
			}
			if (!always && this.#options.identity().retiring) {
				throw new JSONRPCErrorException("the daemon is leaving", errorCodes.retiring);
			}
			const { id } = request;
			if (typeof id !== "number") throw new JSONRPCErrorException("a request needs an id", errorCodes.invalidRequest);
			if (this.#running.size >= MAX_REQUESTS) {
				throw new JSONRPCErrorException("too many requests at once", errorCodes.invalidRequest);
			}
			return this.#answer(handler, id, request);
		});
	}

	async #answer(handler: Handler, id: number, request: JSONRPCRequest): Promise<JSONRPCResponse> {
		const controller = new AbortController();
		const { signal } = controller;
		const { log, onActivity } = this.#options;
		const started = performance.now();
		this.#running.set(id, controller);
		onActivity();
		let outcome = "ok";
		try {
			const progress = (event: ProgressEvent): void => this.#progress(id, event);
			const result = await handler.answer(request.params, { signal, progress });
			return createJSONRPCSuccessResponse(id, result);
		} catch (error) {
			const described = this.#describe(signal.aborted ? signal.reason : error);
			outcome = described.outcome;
			return createJSONRPCErrorResponse(id, described.code, described.message, described.data);
		} finally {
			log.write("info", "request", {
				method: handler.name,
				outcome,
				milliseconds: Math.round(performance.now() - started),
			});
		}
	}

	#progress(request: number, event: ProgressEvent): void {
		const informs = event.kind === "log" || event.kind === "fetching";
		if (informs && this.#stream.backlog > MAX_BACKLOG) return;
		this.#stream.send(createJSONRPCNotification(progressNotification.name, { request, event }));
	}

	/** What the client is told of an error; bugs are logged with their stack. */
	#describe(error: unknown): { code: number; message: string; data?: unknown; outcome: string } {
		if (error instanceof Cancelled) return { code: errorCodes.cancelled, message: "cancelled", outcome: "cancelled" };
		if (error instanceof DiagnosticError) {
			const outcome = error.diagnostics.map(({ code }) => code).join(" ");
			return {
				code: errorCodes.diagnostics,
				message: error.message,
				data: { diagnostics: error.diagnostics },
				outcome,
			};
		}
		if (error instanceof DecodeError) {
			return { code: errorCodes.invalidParams, message: error.message, outcome: "invalid-params" };
		}
		if (error instanceof JSONRPCErrorException) {
			return { code: error.code, message: error.message, outcome: "refused" };
		}
		const message = error instanceof Error ? error.message : String(error);
		const stack = error instanceof Error ? (error.stack ?? message) : message;
		this.#options.log.write("error", "bug", { message, stack });
		return { code: errorCodes.internal, message, outcome: "bug" };
	}
}

/** Reason of aborted requests. */
class Cancelled extends Error {
	constructor() {
		super("cancelled");
		this.name = "Cancelled";
	}
}
