/**
 * Which of the goals that are ready gets a slot that became free. Layer 3.
 *
 * Clients take turns: the one with the fewest goals at work comes first. Of its goals the one comes first on which the longest
 * chain of others waits, and among equals the one that was ready first.
 */

interface Entry<Goal> {
	readonly goal: Goal;
	/** Length of the chain that waits for it. */
	readonly height: number;
	/** Counts up. */
	readonly order: number;
}

export class Schedule<Client extends object, Goal extends object> {
	readonly #limit: number;
	readonly #isWaiting: (goal: Goal) => boolean;
	/** Clients in the order in which they came. */
	readonly #ready = new Map<Client, Entry<Goal>[]>();
	readonly #running = new Map<Client, number>();
	/** Whose turn a goal at work took. */
	readonly #taken = new Map<Goal, readonly Client[]>();
	#order = 0;

	/** `limit`: goals at work at once, at least 1; `isWaiting` is false for goals that have been started or given up meanwhile. */
	constructor(limit: number, isWaiting: (goal: Goal) => boolean) {
		if (!Number.isInteger(limit) || limit < 1) throw new RangeError(`slots: ${limit}`);
		this.#limit = limit;
		this.#isWaiting = isWaiting;
	}

	/** A goal is ready, or a client wants one that is, or more waits for it than before: then it is added again. */
	add(goal: Goal, clients: Iterable<Client>, height: number): void {
		const entry: Entry<Goal> = { goal, height, order: this.#order++ };
		for (const client of clients) {
			let heap = this.#ready.get(client);
			if (heap === undefined) this.#ready.set(client, (heap = []));
			push(heap, entry);
		}
	}

	/** The next goal to start, which takes a slot until {@link done}; undefined when there is none, or no slot. */
	take(clientsOf: (goal: Goal) => Iterable<Client>): Goal | undefined {
		if (this.#taken.size >= this.#limit) return undefined;
		for (;;) {
			const client = this.#nextClient();
			if (client === undefined) return undefined;
			const heap = this.#ready.get(client) ?? [];
			const entry = pop(heap);
			if (heap.length === 0) this.#ready.delete(client);
			if (entry === undefined || !this.#isWaiting(entry.goal)) continue;
			const clients = [...clientsOf(entry.goal)];
			this.#taken.set(entry.goal, clients);
			for (const each of clients) this.#running.set(each, (this.#running.get(each) ?? 0) + 1);
			return entry.goal;
		}
	}

	/** Gives the slot back. */
	done(goal: Goal): void {
		for (const client of this.#taken.get(goal) ?? []) {
			const left = (this.#running.get(client) ?? 1) - 1;
			if (left === 0) this.#running.delete(client);
			else this.#running.set(client, left);
		}
		this.#taken.delete(goal);
	}

	/** A client has gone. */
	forget(client: Client): void {
		this.#ready.delete(client);
	}

	#nextClient(): Client | undefined {
		let best: Client | undefined;
		let fewest = Number.POSITIVE_INFINITY;
		for (const client of this.#ready.keys()) {
			const running = this.#running.get(client) ?? 0;
			if (running >= fewest) continue;
			[best, fewest] = [client, running];
		}
		return best;
	}
}

/** Whether `a` is to be started before `b`. */
function isBefore(a: Entry<unknown>, b: Entry<unknown>): boolean {
	return a.height === b.height ? a.order < b.order : a.height > b.height;
}

/** Into a binary heap whose first element comes before all others. */
function push<T extends Entry<unknown>>(heap: T[], entry: T): void {
	let at = heap.length;
	heap.push(entry);
	while (at > 0) {
		const above = (at - 1) >> 1;
		const parent = heap[above];
		if (parent === undefined || !isBefore(entry, parent)) break;
		heap[at] = parent;
		at = above;
	}
	heap[at] = entry;
}

function pop<T extends Entry<unknown>>(heap: T[]): T | undefined {
	const [first] = heap;
	const last = heap.pop();
	if (last === undefined || heap.length === 0) return first;
	let at = 0;
	for (;;) {
		let below = 2 * at + 1;
		let child = heap[below];
		const other = heap[below + 1];
		if (child !== undefined && other !== undefined && isBefore(other, child)) {
			child = other;
			below++;
		}
		if (child === undefined || !isBefore(child, last)) break;
		heap[at] = child;
		at = below;
	}
	heap[at] = last;
	return first;
}
