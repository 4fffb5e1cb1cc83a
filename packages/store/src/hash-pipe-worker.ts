/** The thread side of {@link ./hash-pipe.ts}. Layer 2. It ends with the thread that started it. */

import { createHash } from "node:crypto";
import { workerData } from "node:worker_threads";
import { DONE, END, type PipeMemory, READ, SLOT_BYTES, SLOTS, WRITTEN } from "./hash-pipe.ts";

const { state, lengths, slots, digest } = workerData as PipeMemory;

let hash = createHash("sha256");
for (let read = 0; ; read += 1) {
	while (Atomics.load(state, WRITTEN) === read) Atomics.wait(state, WRITTEN, read);
	const slot = read % SLOTS;
	const length = lengths[slot] ?? END;
	if (length === END) {
		digest.set(hash.digest());
		hash = createHash("sha256");
	} else hash.update(slots.subarray(slot * SLOT_BYTES, slot * SLOT_BYTES + length));
	Atomics.store(state, READ, read + 1);
	Atomics.notify(state, READ);
	if (length !== END) continue;
	Atomics.add(state, DONE, 1);
	Atomics.notify(state, DONE);
}
