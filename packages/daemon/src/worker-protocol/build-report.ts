/** How builds and downloads go on, as activities that clients of the worker protocol show. Layer 4. */

import { unreachable } from "@devenv/diagnostics";
import type { EngineEvent } from "@devenv/engine";
import type { ByteSink } from "./byte-sink.ts";
import { activities, levels, messages, results } from "./operations.ts";

/** Bytes waiting for a slow client above which lines of logs are left out; the daemon's files have them all. */
const MAX_BACKLOG: number = 32 * 1024 * 1024;

export class BuildReport {
	readonly #sink: ByteSink;
	/** Activities by derivation. */
	readonly #running = new Map<string, number>();
	#last = 0;
	/** Lines that were left out since the last that was told. */
	#leftOut = 0;
	#sending = false;

	constructor(sink: ByteSink) {
		this.#sink = sink;
	}

	/** Sends what an event means; clients whose connection is slow make nobody wait. */
	readonly receive = (event: EngineEvent): void => {
		switch (event.kind) {
			case "building":
				this.#begin(event.drvPath, activities.build, `building '${event.drvPath}'`, [event.drvPath, "", 1, 1]);
				break;
			case "fetching":
				if (!this.#running.has(event.drvPath)) {
					this.#begin(event.drvPath, activities.copyPath, `fetching ${event.name}`, [event.drvPath, "", ""]);
				}
				break;
			case "log": {
				const activity = this.#running.get(event.drvPath);
				if (activity === undefined) return;
				if (this.#sink.backlog > MAX_BACKLOG) {
					this.#leftOut++;
					return;
				}
				this.#tellLeftOut(activity);
				this.#logLine(activity, event.line);
				break;
			}
			case "built":
			case "fetched":
			case "failed": {
				const activity = this.#running.get(event.drvPath);
				if (activity === undefined) return;
				this.#running.delete(event.drvPath);
				this.#tellLeftOut(activity);
				this.#sink.number(messages.stopActivity).number(activity);
				break;
			}
			case "blocked":
				this.#sink.number(messages.next).string(`waiting for the lock of '${event.drvPath}'\n`);
				break;
			case "phase":
			case "planned":
			case "step":
			case "span":
				return;
			default:
				return unreachable(event);
		}
		this.#sendSoon();
	};

	/** What comes in one turn goes out at once: a write for each line would take longer than all else. */
	#sendSoon(): void {
		if (this.#sending) return;
		this.#sending = true;
		setImmediate(() => {
			this.#sending = false;
			this.#sink.send();
		});
	}

	#logLine(activity: number, line: string): void {
		this.#sink.number(messages.result, activity, results.buildLogLine);
		this.#fields([Buffer.from(line, "utf8").toString("latin1")]);
	}

	#tellLeftOut(activity: number): void {
		if (this.#leftOut === 0) return;
		this.#logLine(activity, `[${this.#leftOut} lines are left out here, which came faster than the client took them]`);
		this.#leftOut = 0;
	}

	#begin(drvPath: string, kind: number, text: string, fields: readonly (string | number)[]): void {
		const id = ++this.#last;
		this.#running.set(drvPath, id);
		this.#sink.number(messages.startActivity).number(id).number(levels.info).number(kind).string(text);
		this.#fields(fields);
		this.#sink.number(0); // no parent
	}

	#fields(fields: readonly (string | number)[]): void {
		this.#sink.list(fields, (field) =>
			typeof field === "number" ? this.#sink.number(0).number(field) : this.#sink.number(1).string(field),
		);
	}
}
