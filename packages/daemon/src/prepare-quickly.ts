/** The answer for the native helper, which can show nothing: a stamp at once, or none. Layer 4. */

import { type PrepareParams, prepareQuickly, type PrepareResult, type QuickResult } from "@devenv/protocol";
import { type Handler, handle, type RequestContext } from "./handler.ts";

/** Milliseconds after which a person wants to see what is being done. */
const PATIENCE = 250;
/** Milliseconds for which work goes on that nobody waits for: the whole client asks for it again meanwhile. */
const HANDOVER = 3000;

type Prepare = (params: PrepareParams, request: RequestContext) => Promise<PrepareResult>;

export function quickHandler(prepare: Prepare): Handler {
	return handle(prepareQuickly, (params) => answer(prepare, params));
}

/**
 * Prepares a shell if that takes no time and there is nothing to say, and gives null elsewhere: the caller then asks for it as
 * {@link prepareEnvironment}, which joins what is under way.
 */
async function answer(prepare: Prepare, params: PrepareParams): Promise<QuickResult> {
	const work = new AbortController();
	const prepared = prepare(params, { signal: work.signal, progress: () => undefined });
	const { promise: late, resolve } = Promise.withResolvers<undefined>();
	const patience = setTimeout(() => {
		resolve(undefined);
		setTimeout(() => {
			work.abort(new Error("nobody asked for it again"));
		}, HANDOVER).unref();
	}, PATIENCE);
	try {
		// A failure is the client's to show: it gets the same one.
		const result = await Promise.race([prepared.catch(() => undefined), late]);
		const isQuiet = result !== undefined && result.diagnostics.length === 0 && !result.lockWritten;
		return { stamp: isQuiet ? result.stamp : null };
	} finally {
		clearTimeout(patience);
	}
}
