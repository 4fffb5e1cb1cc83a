/** How builds and downloads go on, as activities that clients of the worker protocol show. Layer 4. */

import { unreachable } from "@devenv/diagnostics";
import type { EngineEvent } from "@devenv/engine";
import type { ByteSink } from "./byte-sink.ts";
import { activities, levels, messages, results } from "./operations.ts";

export class BuildReport {
	readonly #sink: ByteSink;
	/** Activities by derivation. */
	readonly #running = new Map<string, number>();
	#last = 0;

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
				this.#sink.number(messages.result).number(activity).number(results.buildLogLine);
				this.#fields([Buffer.from(event.line, "utf8").toString("latin1")]);
				break;
			}
			case "built":
			case "fetched":
			case "failed": {
				const activity = this.#running.get(event.drvPath);
				if (activity === undefined) return;
				this.#running.delete(event.drvPath);
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
		void this.#sink.flush();
	};

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
