/**
 * An evaluator for expressions of the user's that stays between requests: files that were read and what they evaluated to are
 * kept, and so are results. Layer 3; runs in an evaluator thread.
 *
 * What has another answer than when it was read makes what depends on it stale, before each request; the rest stays. A
 * package set in scope is the base: where one of its reads has changed, a session is of no more use.
 */

import type { Tracked, Value } from "@devenv/evaluator";
import { textFromBytes } from "@devenv/nix-formats";
import type { Store } from "@devenv/store";
import { changedReads } from "../eval-memory/read-check.ts";
import type { ReadJournal } from "../eval-memory/read-journal.ts";
import { evaluateWhole, printSelected } from "./evaluate-expression.ts";
import type { ExpressionReply, ExpressionTask } from "./messages.ts";
import type { PackageSetSession } from "./package-set-session.ts";

/** Results kept, the last used. */
const MOST_RESULTS = 100;
/** Values of whole expressions kept: each may hold a package set. */
const MOST_WHOLES = 4;

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
	readonly #wholes = new Map<string, Tracked<Value>>();

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

	/** The value of the expression, of which others may have asked for other parts: all that these evaluated is shared. */
	#whole(task: ExpressionTask): Value {
		const { session } = this.#world;
		const { reads } = session.evaluator;
		const key = JSON.stringify([task.text, task.name, task.baseDir]);
		let whole = this.#wholes.get(key);
		if (!reads.reuses(whole)) {
			const set = task.set === null ? undefined : session.set;
			whole = reads.observe(() => evaluateWhole(task, session.evaluator, set));
		}
		keepLast(this.#wholes, MOST_WHOLES, [key, whole]);
		return whole.value;
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
		if (!reads.reuses(result)) {
			result = reads.observe(() => printSelected(task, session.evaluator, this.#whole(task)));
		}
		keepLast(this.#results, MOST_RESULTS, [key, result]);
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

/** Adds an entry as the last one, and drops the first ones beyond a number. */
function keepLast<T>(entries: Map<string, T>, most: number, [key, value]: readonly [string, T]): void {
	entries.delete(key);
	entries.set(key, value);
	const [oldest] = entries.keys();
	if (entries.size > most && oldest !== undefined) entries.delete(oldest);
}
