/** Counting semaphore, first come first served, whose waiters can be aborted. Layer 3. */

/** A limit on how much runs at once. */
export class Slots {
	#free: number;
	readonly #waiting: { grant: () => void; refuse: (reason: unknown) => void }[] = [];

	/** `limit` is at least 1. */
	constructor(limit: number) {
		if (!Number.isInteger(limit) || limit < 1) throw new RangeError(`slots: ${limit}`);
		this.#free = limit;
	}

	/** Runs `work` with a slot taken. Rejects with the signal's reason when it aborts while waiting. */
	async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
		await this.#take(signal);
		try {
			return await work();
		} finally {
			this.#give();
		}
	}

	#take(signal: AbortSignal): Promise<void> {
		return new Promise((resolve, reject) => {
			if (signal.aborted) {
				reject(signal.reason as Error);
				return;
			}
			if (this.#free > 0) {
				this.#free--;
				resolve();
				return;
			}
			const abort = (): void => {
				const at = this.#waiting.indexOf(waiter);
				if (at >= 0) this.#waiting.splice(at, 1);
				waiter.refuse(signal.reason);
			};
			const waiter = {
				grant: (): void => {
					signal.removeEventListener("abort", abort);
					resolve();
				},
				refuse: (reason: unknown): void => reject(reason instanceof Error ? reason : new Error(String(reason))),
			};
			signal.addEventListener("abort", abort, { once: true });
			this.#waiting.push(waiter);
		});
	}

	#give(): void {
		const next = this.#waiting.shift();
		if (next === undefined) this.#free++;
		else next.grant();
	}
}
