/** Removes folders of views that nothing uses, when nobody waits for it. Layer 4. */

import { pruneViews } from "@devenv/shell";
import type { Log } from "./log.ts";

/** Milliseconds after the last environment was made. */
const DELAY = 5000;

/** Gives what to call after each activation. */
export function prunesLater(state: string, log: Log): () => void {
	let timer: NodeJS.Timeout | undefined;
	return () => {
		clearTimeout(timer);
		timer = setTimeout(() => {
			try {
				pruneViews(state);
			} catch (error) {
				log.write("warning", "views-not-removed", { reason: error instanceof Error ? error.message : String(error) });
			}
		}, DELAY).unref();
	};
}
