/** What is going on, gathered from progress events. Pure: no clock, no output. Layer 5. */

import { unreachable } from "@devenv/diagnostics";
import type { ProgressEvent } from "@devenv/protocol";

/** One download or build under way. */
export interface ActiveStep {
	readonly kind: "fetch" | "build" | "wait";
	readonly name: string;
	/** Milliseconds of the display's clock. */
	readonly since: number;
	/** Bytes so far and in all, for downloads; null while unknown. */
	readonly bytes: number;
	readonly total: number | null;
	/** What a build does, or the last line of its output; empty before the first. */
	readonly line: string;
	/** What a build does; empty where it says nothing but output. */
	readonly doing: string;
}

export class ProgressState {
	/** What the daemon says it is doing: a sentence without full stop; empty before the first phase. */
	phase = "";
	/** What this process does before the daemon says anything. */
	beginning = "working";
	/** What there is to do in this phase, as far as the queue knows, and what of it is done. */
	plannedFetches = 0;
	plannedBuilds = 0;
	fetched = 0;
	built = 0;
	/** What earlier phases did. */
	#fetchedBefore = 0;
	#builtBefore = 0;
	/** Bytes of finished downloads. */
	#finishedBytes = 0;
	/** By derivation, in the order of beginning. */
	readonly active: Map<string, ActiveStep> = new Map();

	receive(event: ProgressEvent, now: number): void {
		switch (event.kind) {
			case "phase":
				this.#beginPhase(event.message);
				return;
			case "planned":
				this.plannedFetches = event.fetches;
				this.plannedBuilds = event.builds;
				return;
			case "fetching":
				this.#update(event.drvPath, { kind: "fetch", name: event.name, bytes: event.bytes, total: event.total }, now);
				return;
			case "fetched":
				this.active.delete(event.drvPath);
				this.fetched++;
				this.#finishedBytes += event.bytes;
				return;
			case "building":
				this.#update(event.drvPath, { kind: "build", name: event.name }, now);
				return;
			case "step":
				this.#update(event.drvPath, { name: event.name, line: event.message, doing: event.message }, now);
				return;
			case "log":
				this.#update(event.drvPath, { name: event.name, line: event.line }, now);
				return;
			case "built":
				this.active.delete(event.drvPath);
				this.built++;
				return;
			case "blocked":
				this.#update(event.drvPath, { kind: "wait", name: event.name }, now);
				return;
			case "failed":
				this.active.delete(event.drvPath);
				return;
			case "span":
				return;
			default:
				return unreachable(event);
		}
	}

	/** Bytes downloaded so far, those of downloads under way included. */
	get bytes(): number {
		let sum = this.#finishedBytes;
		for (const step of this.active.values()) sum += step.bytes;
		return sum;
	}

	/** Downloads and builds finished in all phases. */
	get totals(): { readonly fetched: number; readonly built: number } {
		return { fetched: this.#fetchedBefore + this.fetched, built: this.#builtBefore + this.built };
	}

	/** What the build that began first does, of those that say it; empty where none does. */
	get doing(): string {
		for (const step of this.active.values()) if (step.doing !== "") return step.doing;
		return "";
	}

	#beginPhase(message: string): void {
		this.phase = message;
		this.#fetchedBefore += this.fetched;
		this.#builtBefore += this.built;
		this.fetched = 0;
		this.built = 0;
		this.plannedFetches = 0;
		this.plannedBuilds = 0;
	}

	#update(drvPath: string, change: Partial<ActiveStep> & Pick<ActiveStep, "name">, now: number): void {
		const before = this.active.get(drvPath) ?? {
			kind: "build",
			since: now,
			bytes: 0,
			total: null,
			line: "",
			doing: "",
		};
		this.active.set(drvPath, { ...before, ...change });
	}
}
