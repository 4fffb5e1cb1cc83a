/** What answers a request, apart from sockets. Layer 4. */

import type { Method, ProgressEvent } from "@devenv/protocol";

export interface RequestContext {
	/** Aborted when the client cancels, leaves, or the daemon is stopped. */
	readonly signal: AbortSignal;
	/** Tells the client. */
	readonly progress: (event: ProgressEvent) => void;
}

/** A method with the function that answers it, its types checked against each other and then forgotten. */
export interface Handler {
	readonly name: string;
	/** Decodes the parameters (throws DecodeError) and answers; the result is checked by the client. */
	readonly answer: (params: unknown, context: RequestContext) => Promise<unknown>;
}

export function handle<Params, Result>(
	method: Method<Params, Result>,
	answer: (params: Params, context: RequestContext) => Promise<Result> | Result,
): Handler {
	return {
		name: method.name,
		answer: async (params, context) => answer(method.params(params, "params"), context),
	};
}
