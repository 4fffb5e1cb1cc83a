/** What a supervisor is told when it is started: a file that it reads once and removes. Layer 4. */

import { readFileSync, rmSync } from "node:fs";
import { supervisorOrder, type SupervisorOrder } from "@devenv/protocol";

/** Reads the file and removes it: it holds the caller's environment. */
export function takeOrder(file: string): SupervisorOrder {
	try {
		return supervisorOrder(JSON.parse(readFileSync(file, "utf8")), "order");
	} finally {
		rmSync(file, { force: true });
	}
}
