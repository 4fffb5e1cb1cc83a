/**
 * An evaluator for expressions of the user's that stays between requests: files that were read and what they evaluated to are
 * kept, and so are results. Layer 3; runs in an evaluator thread.
 *
 * What has another answer than when it was read makes what depends on it stale, before each request; the rest stays. A
 * package set in scope is the base: where one of its reads has changed, a session is of no more use.
 */

import type { Tracked } from "@devenv/evaluator";
import { textFromBytes } from "@devenv/nix-formats";
import type { Store } from "@devenv/store";
import { changedReads } from "../eval-memory/read-check.ts";
import type { ReadJournal } from "../eval-memory/read-journal.ts";
import { evaluateExpression } from "./evaluate-expression.ts";
import type { ExpressionReply, ExpressionTask } from "./messages.ts";
import type { PackageSetSession } from "./package-set-session.ts";

/** Results kept, the last used. */
const MOST_RESULTS = 100;

export interface ExpressionWorld {
	readonly session: PackageSetSession;
	readonly journal: ReadJournal;
	readonly store: Store;
	/** What the evaluator's `getEnv` sees. */
	readonly environment: Map<string, string>;
	/** Messages of `trace` and `warn` so far; emptied by each task. */
	readonly messages: string[];
}

export class ExpressionSession {
	readonly #world: ExpressionWorld;
	readonly #results = new Map<string, Tracked<string>>();

	/** Throws where the package set cannot be evaluated. */
	constructor(world: ExpressionWorld, { set, variables }: Pick<ExpressionTask, "set" | "variables">) {
		this.#world = world;
		const { session } = world;
		this.#see(variables);
		if (set !== null) session.evaluator.force(session.set);
		session.evaluator.reads.attribute({ renewable: true });
	}

	get session(): PackageSetSession {
		return this.#world.session;
	}

	/** Makes stale what has changed, variables included; false where that is everything. */
	renew({ variables }: Pick<ExpressionTask, "variables">): boolean {
		const { session, journal, store } = this.#world;
		this.#see(variables);
		const { reads } = session.evaluator;
		const changed = changedReads(journal.current(), { root: "", store, environment: variables });
		for (const number of changed) if (reads.base.has(number)) return false;
		journal.forget(changed);
		reads.invalidate(changed);
		return true;
	}

	#see(variables: ExpressionTask["variables"]): void {
		const { environment } = this.#world;
		environment.clear();
		for (const [name, value] of Object.entries(variables)) environment.set(name, value);
	}

	evaluate(task: ExpressionTask): ExpressionReply {
		const { session, journal, messages } = this.#world;
		const { reads } = session.evaluator;
		const { text, name, baseDir, attrPath, format, strict } = task;
		const key = JSON.stringify([text, name, baseDir, attrPath, format, strict]);
		let result = this.#results.get(key);
		this.#results.delete(key);
		if (!reads.reuses(result)) {
			const set = task.set === null ? undefined : session.set;
			result = reads.observe(() => evaluateExpression(task, session.evaluator, set));
		}
		this.#results.set(key, result);
		const [oldest] = this.#results.keys();
		if (this.#results.size > MOST_RESULTS && oldest !== undefined) this.#results.delete(oldest);
		const told = messages.splice(0);
		const before = [...reads.base, ...(result.reads?.reads() ?? [])].flatMap((number) => {
			const read = journal.reads[number];
			return read?.kind === "log" ? [textFromBytes(read.name)] : [];
		});
		// What was told when something was evaluated for another request is told again.
		return {
			kind: "expression",
			text: result.value,
			traces: [...before.filter((each) => !told.includes(each)), ...told],
		};
	}
}
