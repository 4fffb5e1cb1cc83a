/**
 * Progress of a request as events of a trace. Pure: no clock, no output. Layer 5.
 *
 * The format is the array form of the Trace Event Format ("X": a complete event, "M": metadata), which Perfetto and
 * Chromium's tracing page read; times are microseconds since the epoch.
 */

import type { ProgressEvent } from "@devenv/protocol";

export type TraceEvent =
	| {
			readonly ph: "X";
			readonly name: string;
			readonly pid: number;
			readonly tid: number;
			readonly ts: number;
			readonly dur: number;
			readonly args?: Readonly<Record<string, string | number>>;
	  }
	| {
			readonly ph: "M";
			readonly name: "process_name" | "thread_name" | "thread_sort_index";
			readonly pid: number;
			readonly tid: number;
			readonly args: Readonly<Record<string, string | number>>;
	  };

/** The client's own rows: the native helper writes to the first. */
export const HELPER_TRACK = 1;
export const CLIENT_TRACK = 2;

const REQUEST_TRACK = 1;
const EVALUATOR_TRACK = 2;
/** Builds and downloads that go on at once have a row each. */
const FIRST_WORK_TRACK = 10;

interface Running {
	readonly name: string;
	readonly start: number;
	readonly track: number;
	readonly kind: "build" | "fetch" | "wait";
	/** What a build was last said to do, and since when. */
	step?: { readonly name: string; readonly start: number };
}

/** Rows of the daemon, and what of it goes on. */
export class DaemonTrace {
	readonly #pid: number;
	readonly #running = new Map<string, Running>();
	readonly #named = new Set<number>();

	constructor(pid: number) {
		this.#pid = pid;
	}

	/** What an event that came at `now` says has been done. */
	receive(event: ProgressEvent, now: number): TraceEvent[] {
		switch (event.kind) {
			case "span": {
				const track = event.track === "evaluator" ? EVALUATOR_TRACK : REQUEST_TRACK;
				return [
					...this.#name(track, event.track),
					this.#span(event.name, track, event.start, event.start + event.duration),
				];
			}
			case "fetching":
				return this.#running.has(event.drvPath) ? [] : this.#begin(event, "fetch", now);
			case "building":
				return [...this.#end(event.drvPath, now), ...this.#begin(event, "build", now)];
			case "blocked":
				return this.#begin(event, "wait", now);
			case "step": {
				const running = this.#running.get(event.drvPath);
				if (running === undefined) return [];
				const done = this.#endStep(running, now);
				// Counts and names that change all the time would make a row of crumbs.
				running.step = { name: event.message.replace(/ \(\d+ of \d+\)$/, ""), start: now };
				return done;
			}
			case "fetched":
				return this.#end(event.drvPath, now, { bytes: event.bytes });
			case "built":
				return this.#end(event.drvPath, now);
			case "failed":
				return this.#end(event.drvPath, now, { failed: event.message });
			case "phase":
			case "planned":
			case "log":
				return [];
		}
	}

	#begin({ drvPath, name }: { drvPath: string; name: string }, kind: Running["kind"], start: number): TraceEvent[] {
		const taken = new Set([...this.#running.values()].map(({ track }) => track));
		let track = FIRST_WORK_TRACK;
		while (taken.has(track)) track++;
		this.#running.set(drvPath, { name, start, track, kind });
		return this.#name(track, `work ${track - FIRST_WORK_TRACK + 1}`);
	}

	#end(drvPath: string, now: number, args?: Readonly<Record<string, string | number>>): TraceEvent[] {
		const running = this.#running.get(drvPath);
		if (running === undefined) return [];
		this.#running.delete(drvPath);
		const { kind, name, track, start } = running;
		const verb = { build: "build", fetch: "fetch", wait: "wait for another process:" }[kind];
		return [...this.#endStep(running, now), this.#span(`${verb} ${name}`, track, start, now, args)];
	}

	#endStep(running: Running, now: number): TraceEvent[] {
		const { step, track } = running;
		delete running.step;
		return step === undefined ? [] : [this.#span(step.name, track, step.start, now)];
	}

	#span(
		name: string,
		tid: number,
		start: number,
		end: number,
		args?: Readonly<Record<string, string | number>>,
	): TraceEvent {
		return { ph: "X", name, pid: this.#pid, tid, ts: start, dur: end - start, ...(args === undefined ? {} : { args }) };
	}

	/** Names a row when it is first used. */
	#name(tid: number, name: string): TraceEvent[] {
		if (this.#named.has(tid)) return [];
		const first = this.#named.size === 0;
		this.#named.add(tid);
		return [
			...(first
				? [{ ph: "M" as const, name: "process_name" as const, pid: this.#pid, tid, args: { name: "daemon" } }]
				: []),
			{ ph: "M", name: "thread_name", pid: this.#pid, tid, args: { name } },
			{ ph: "M", name: "thread_sort_index", pid: this.#pid, tid, args: { sort_index: tid } },
		];
	}
}
