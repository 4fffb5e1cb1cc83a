/** JSON-RPC 2.0 as the Language Server Protocol uses it: requests with cancellation, notifications. Layer 5. */

import { DecodeError } from "@devenv/protocol";
import { MessageReader } from "./message-reader.ts";

/** Error codes of JSON-RPC and of the protocol. */
export const errorCodes = {
	parseError: -32700,
	invalidRequest: -32600,
	methodNotFound: -32601,
	invalidParams: -32602,
	internalError: -32603,
	serverNotInitialized: -32002,
	requestCancelled: -32800,
	requestFailed: -32803,
} as const;

/** What a request is answered with instead of a result. */
export class ResponseError extends Error {
	readonly code: number;

	constructor(code: number, message: string) {
		super(message);
		this.name = "ResponseError";
		this.code = code;
	}
}

export interface Handlers {
	/** Gives the result, or throws a {@link ResponseError}; a {@link DecodeError} means that the parameters are wrong. */
	readonly request: (method: string, params: unknown, signal: AbortSignal) => Promise<unknown>;
	/** Told in the order of arrival; its errors are logged. */
	readonly notification: (method: string, params: unknown) => void;
}

type Id = string | number;

export class Connection {
	readonly #handlers: Handlers;
	readonly #write: (bytes: string) => void;
	readonly #log: (text: string) => void;
	readonly #reader: MessageReader;
	readonly #running = new Map<Id, AbortController>();

	constructor(
		handlers: Handlers,
		output: { readonly write: (text: string) => void; readonly log: (text: string) => void },
	) {
		this.#handlers = handlers;
		this.#write = output.write;
		this.#log = output.log;
		this.#reader = new MessageReader({
			onMessage: (text) => this.#receive(text),
			onError: (reason) => {
				this.#fail(null, errorCodes.parseError, reason);
			},
		});
	}

	push(chunk: Buffer): void {
		this.#reader.push(chunk);
	}

	notify(method: string, params: object): void {
		this.#send({ method, params });
	}

	#receive(text: string): void {
		let message: unknown;
		try {
			message = JSON.parse(text);
		} catch (error) {
			// A RangeError is nesting without end.
			if (!(error instanceof SyntaxError) && !(error instanceof RangeError)) throw error;
			this.#fail(null, errorCodes.parseError, "a message is not JSON");
			return;
		}
		if (typeof message !== "object" || message === null || Array.isArray(message)) {
			this.#fail(null, errorCodes.invalidRequest, "a message is not an object");
			return;
		}
		const { id, method, params } = message as {
			readonly id?: unknown;
			readonly method?: unknown;
			readonly params?: unknown;
		};
		const known = isId(id) ? id : null;
		if (typeof method !== "string") {
			// The server asks the client nothing: answers are passed over.
			if ("result" in message || "error" in message) return;
			this.#fail(known, errorCodes.invalidRequest, "a message has no method");
			return;
		}
		if (id === undefined) this.#notified(method, params);
		else if (known === null)
			this.#fail(null, errorCodes.invalidRequest, "the id of a request is neither text nor number");
		else void this.#requested(known, method, params);
	}

	#notified(method: string, params: unknown): void {
		try {
			if (method === "$/cancelRequest") {
				const id = (params as { readonly id?: unknown } | undefined)?.id;
				if (isId(id)) this.#running.get(id)?.abort();
				return;
			}
			this.#handlers.notification(method, params);
		} catch (error) {
			this.#log(`${method}: ${error instanceof DecodeError ? error.message : describe(error)}`);
		}
	}

	async #requested(id: Id, method: string, params: unknown): Promise<void> {
		if (this.#running.has(id)) {
			this.#fail(id, errorCodes.invalidRequest, "a request with this id is being worked on");
			return;
		}
		const cancellation = new AbortController();
		this.#running.set(id, cancellation);
		try {
			const result = await this.#handlers.request(method, params, cancellation.signal);
			if (cancellation.signal.aborted) this.#fail(id, errorCodes.requestCancelled, "the request was cancelled");
			else this.#send({ id, result: result ?? null });
		} catch (error) {
			if (error instanceof ResponseError) this.#fail(id, error.code, error.message);
			else if (error instanceof DecodeError) this.#fail(id, errorCodes.invalidParams, error.message);
			else {
				this.#log(`${method}: ${describe(error)}`);
				this.#fail(id, errorCodes.internalError, error instanceof Error ? error.message : String(error));
			}
		} finally {
			this.#running.delete(id);
		}
	}

	#fail(id: Id | null, code: number, message: string): void {
		this.#send({ id, error: { code, message } });
	}

	#send(message: object): void {
		const text = JSON.stringify({ jsonrpc: "2.0", ...message });
		this.#write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
	}
}

function isId(value: unknown): value is Id {
	return typeof value === "string" || (typeof value === "number" && Number.isInteger(value));
}

function describe(error: unknown): string {
	return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
