/** What the daemon tells a waiting client while it works on one of its requests. Layer 1 (pure). */

import { count, type Decoder, nullable, object, oneOf, string, unionOf } from "./decoder.ts";

/** Events name derivations by path (unique) and name (for people). Sizes are bytes. */
export type ProgressEvent =
	/** The request entered a new phase. */
	| { readonly kind: "phase"; readonly phase: Phase; readonly message: string }
	/** The queue knows how much there is to do for this request; sent again when it grows. */
	| { readonly kind: "planned"; readonly builds: number; readonly fetches: number }
	/** A download began or went on; `total` is null while unknown. */
	| {
			readonly kind: "fetching";
			readonly drvPath: string;
			readonly name: string;
			readonly bytes: number;
			readonly total: number | null;
	  }
	/** A download is in the store. */
	| { readonly kind: "fetched"; readonly drvPath: string; readonly name: string; readonly bytes: number }
	/** A build started. */
	| { readonly kind: "building"; readonly drvPath: string; readonly name: string }
	/** What a build is doing at present, for the display only: `configuring postgresql-17 (120 of 214)`. */
	| { readonly kind: "step"; readonly drvPath: string; readonly name: string; readonly message: string }
	/** One line of a build's output, without its line end. */
	| { readonly kind: "log"; readonly drvPath: string; readonly name: string; readonly line: string }
	/** A build is in the store. */
	| { readonly kind: "built"; readonly drvPath: string; readonly name: string }
	/** Another process holds the lock of this derivation's outputs; we wait for it. */
	| { readonly kind: "blocked"; readonly drvPath: string; readonly name: string }
	/** What the daemon did for the request, when it was done; for traces. */
	| {
			readonly kind: "span";
			readonly name: string;
			/** Where it took place; an evaluator is a thread of its own. */
			readonly track: "request" | "evaluator";
			/** Microseconds: since the epoch, and how long it took. */
			readonly start: number;
			readonly duration: number;
	  }
	/** A build or download failed; the request's own error follows. */
	| { readonly kind: "failed"; readonly drvPath: string; readonly name: string; readonly message: string };

export type Phase = "lock" | "evaluate" | "realise" | "activate";

const step = { drvPath: string, name: string };

export const progressEvent: Decoder<ProgressEvent> = unionOf<ProgressEvent>({
	phase: object({ kind: oneOf("phase"), phase: oneOf("lock", "evaluate", "realise", "activate"), message: string }),
	planned: object({ kind: oneOf("planned"), builds: count, fetches: count }),
	fetching: object({ kind: oneOf("fetching"), ...step, bytes: count, total: nullable(count) }),
	fetched: object({ kind: oneOf("fetched"), ...step, bytes: count }),
	building: object({ kind: oneOf("building"), ...step }),
	step: object({ kind: oneOf("step"), ...step, message: string }),
	log: object({ kind: oneOf("log"), ...step, line: string }),
	built: object({ kind: oneOf("built"), ...step }),
	blocked: object({ kind: oneOf("blocked"), ...step }),
	span: object({
		kind: oneOf("span"),
		name: string,
		track: oneOf("request", "evaluator"),
		start: count,
		duration: count,
	}),
	failed: object({ kind: oneOf("failed"), ...step, message: string }),
});
