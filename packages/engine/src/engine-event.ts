/**
 * What the engine tells about its work while it goes on. Layer 3.
 *
 * Plain data; the daemon passes these on as the protocol's progress events, of which this union is a subset.
 */

/** Events name derivations by path (unique) and name (for people). Sizes are bytes. */
export type EngineEvent =
	/** A new phase began. */
	| { readonly kind: "phase"; readonly phase: EnginePhase; readonly message: string }
	/** How many builds and downloads a request still needs; sent again when more are found. */
	| { readonly kind: "planned"; readonly builds: number; readonly fetches: number }
	/** A download began or went on; `total` is null while unknown. */
	| (StepIdentity & { readonly kind: "fetching"; readonly bytes: number; readonly total: number | null })
	/** A download is in the store. */
	| (StepIdentity & { readonly kind: "fetched"; readonly bytes: number })
	/** A build started. */
	| (StepIdentity & { readonly kind: "building" })
	/** What a build is doing at present, for the display only: `configuring postgresql-17 (120 of 214)`. */
	| (StepIdentity & { readonly kind: "step"; readonly message: string })
	/** One line of a build's output, without its line end. */
	| (StepIdentity & { readonly kind: "log"; readonly line: string })
	/** A build is in the store. */
	| (StepIdentity & { readonly kind: "built" })
	/** Another process works on the same outputs; we wait for it. */
	| (StepIdentity & { readonly kind: "blocked" })
	/** What was done, when it was done; microseconds since the epoch, and how long. For traces. */
	| (TracedWork & { readonly kind: "span"; readonly start: number; readonly duration: number })
	/** A build or download failed. */
	| (StepIdentity & { readonly kind: "failed"; readonly message: string });

export interface TracedWork {
	readonly name: string;
	/** Where it took place; an evaluator is a thread of its own. */
	readonly track: "request" | "evaluator";
}

export interface StepIdentity {
	readonly drvPath: string;
	readonly name: string;
}

export type EnginePhase = "lock" | "evaluate" | "realise";

export type EngineListener = (event: EngineEvent) => void;

/** Does the work, and tells how long it took, also where it failed. */
export async function traced<T>(
	onEvent: EngineListener | undefined,
	work: TracedWork,
	run: () => Promise<T> | T,
): Promise<T> {
	const start = microseconds();
	try {
		return await run();
	} finally {
		onEvent?.({ kind: "span", ...work, start, duration: microseconds() - start });
	}
}

/** Since the epoch, on a clock that is never set back. */
function microseconds(): number {
	return Math.round((performance.timeOrigin + performance.now()) * 1000);
}
