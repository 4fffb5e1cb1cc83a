/**
 * Giving memory back when a thread has nothing to do. Layer 3.
 *
 * An evaluation leaves much garbage in a heap that V8 has no reason to collect before the next one; a daemon that waits
 * should be small.
 */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Milliseconds without work after which the heap is collected. */
const IDLE = 1_500;

/** V8's collector; `last-resort` also drops compiled code that is not in use and gives pages back. */
type Collector = (options: { execution: "sync"; type: "major"; flavor: "last-resort" }) => void;

let collect: Collector | undefined;
let timer: NodeJS.Timeout | undefined;

/** To be called when work begins. */
export function cancelIdleCollection(): void {
	clearTimeout(timer);
}

/** To be called when work has ended: collects this thread's heap once it has been idle for a while. */
export function scheduleIdleCollection(): void {
	clearTimeout(timer);
	timer = setTimeout(() => collector()({ execution: "sync", type: "major", flavor: "last-resort" }), IDLE);
	timer.unref();
}

/** The collector is not visible to programs unless asked for. */
function collector(): Collector {
	if (collect === undefined) {
		setFlagsFromString("--expose-gc");
		collect = runInNewContext("gc") as Collector;
	}
	return collect;
}
