/**
 * A daemon whose requests need no store, for tests. `expression.eval` does what its expression says: `echo TEXT`, `hang`
 * (until cancelled), `wait FILE` (until it exists), `progress N`, `long N` (characters), `bug`, `fail`.
 */

import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fail } from "@devenv/diagnostics";
import { evaluateExpression } from "@devenv/protocol";
import { handle } from "../src/handler.ts";
import { runDaemon } from "../src/run-daemon.ts";

const protocol = process.env["FAKE_PROTOCOL"];
let building = 0;

await runDaemon({
	version: process.env["FAKE_VERSION"] ?? "1.0.0",
	...(protocol === undefined ? {} : { protocol: Number(protocol) }),
	makeService: () =>
		Promise.resolve({
			handlers: [
				handle(evaluateExpression, async ({ expression }, { signal, progress }) => {
					const [verb = "", argument = ""] = expression.split(" ");
					building++;
					try {
						if (verb === "hang") await sleep(3_600_000, undefined, { signal });
						while (verb === "wait" && !existsSync(argument)) await sleep(20, undefined, { signal });
						for (let step = 0; verb === "progress" && step < Number(argument); step++) {
							progress({ kind: "planned", builds: step, fetches: 0 });
						}
						if (verb === "long") return { text: "\u0001".repeat(Number(argument)), traces: [] };
						if (verb === "bug") throw new TypeError("a bug");
						if (verb === "fail") fail("TEST_FAILED", "as asked");
					} finally {
						building--;
					}
					return { text: argument, traces: [] };
				}),
			],
			running: () =>
				Array.from({ length: building }, (_, index) => ({ drvPath: `d${index}`, name: `d${index}`, seconds: 0 })),
			followed: () => 0,
			follow: () => Promise.resolve(),
			whenIdle: () => Promise.resolve(),
			close: () => Promise.resolve(),
		}),
});
