/**
 * A tree of a first stage made beforehand, while nothing else is done, for the composition that comes next: most edits of an
 * environment leave stage one as it is. Layer 3.
 *
 * One tree waits at most: that of the last composition. It lies in a scratch folder of the store, which goes with its process.
 */

import { setTimeout } from "node:timers/promises";

/** Something that can be prepared in a folder. */
export interface Recipe<T> {
	/** Equal keys prepare the same. */
	readonly key: string;
	/** Undefined: it cannot be prepared now. */
	readonly prepare: (folder: string, signal: AbortSignal) => Promise<T | undefined>;
}

export interface Prepared<T> {
	readonly value: T;
	/** Removes what is left of its folder. */
	readonly remove: () => void;
}

export interface ReadyStageOptions {
	/** Gives an empty folder on the file system of the store. */
	readonly newFolder: () => { readonly path: string; remove(): void };
	readonly onWarning: (message: string) => void;
	/** Milliseconds after the last composition; by then its root should be in use. */
	readonly delay?: number;
}

const defaultDelay = 300;

export class ReadyStage<T> {
	readonly #options: ReadyStageOptions;
	#waiting: (Prepared<T> & { readonly key: string }) | undefined;
	#work: { readonly abort: AbortController; readonly done: Promise<void> } | undefined;
	/** Compositions under way. */
	#active = 0;
	#closed = false;

	constructor(options: ReadyStageOptions) {
		this.#options = options;
	}

	/** Says that a composition begins; what is being prepared is given up. */
	begin(): void {
		this.#active++;
		this.#work?.abort.abort();
	}

	/** What was prepared with this key, for the caller alone. */
	take(key: string): Prepared<T> | undefined {
		const found = this.#waiting;
		if (found?.key !== key) return undefined;
		this.#waiting = undefined;
		return found;
	}

	/** Says that a composition has ended, and what the next one could need. */
	end(next: Recipe<T> | undefined): void {
		this.#active--;
		if (next === undefined || this.#active > 0 || this.#closed || this.#waiting?.key === next.key) return;
		const abort = new AbortController();
		this.#work = { abort, done: this.#prepare(next, abort.signal, this.#work?.done) };
	}

	/** Settles when nothing is being prepared; for tests. */
	async settled(): Promise<void> {
		await this.#work?.done;
	}

	async close(): Promise<void> {
		this.#closed = true;
		this.#work?.abort.abort();
		await this.#work?.done;
		this.#waiting?.remove();
		this.#waiting = undefined;
	}

	/** Never rejects. */
	async #prepare({ key, prepare }: Recipe<T>, signal: AbortSignal, before?: Promise<void>): Promise<void> {
		const isGivenUp = (): boolean => signal.aborted;
		await before;
		await setTimeout(this.#options.delay ?? defaultDelay, undefined, { signal, ref: false }).catch(() => undefined);
		if (isGivenUp()) return;
		this.#waiting?.remove();
		this.#waiting = undefined;
		let remove = (): void => undefined;
		try {
			const folder = this.#options.newFolder();
			remove = () => {
				folder.remove();
			};
			const value = await prepare(folder.path, signal);
			if (value === undefined || isGivenUp()) remove();
			else this.#waiting = { key, value, remove };
		} catch (error) {
			remove();
			if (!isGivenUp()) this.#options.onWarning(`cannot prepare the next root: ${String(error)}`);
		}
	}
}
