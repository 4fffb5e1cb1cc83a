/** Mutual exclusion by key. Layer 4. */

/** Runs works of the same key one after another; those of different keys do not wait for each other. */
export class ProjectMutex {
	readonly #last = new Map<string, Promise<unknown>>();

	async run<T>(key: string, work: () => Promise<T>): Promise<T> {
		const before = this.#last.get(key) ?? Promise.resolve();
		const mine = before.then(work, work);
		this.#last.set(key, mine);
		try {
			return await mine;
		} finally {
			if (this.#last.get(key) === mine) this.#last.delete(key);
		}
	}
}
